"""Training networks that survive their tiles: noise, the tile in the loop, and the comparison."""

from codesign.training.tile.conditions import Condition, conditions
from codesign.training.tile.hardware_aware import (
    HardwareAware,
    Samples,
    accuracy,
    fine_tune,
    logits_of,
    prepare,
)

__all__ = [
    "Condition",
    "HardwareAware",
    "Samples",
    "accuracy",
    "conditions",
    "fine_tune",
    "logits_of",
    "prepare",
]
