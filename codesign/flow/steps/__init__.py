"""The steps of the flow, in order, by kind of design; one file each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codesign.designs import Design, DesignFile, TileDesign, TileNetworkDesign
from codesign.errors import DesignError
from codesign.flow.step import Step
from codesign.flow.steps.calibrate import ChipSource, calibrate_step, patterns_step
from codesign.flow.steps.chip_yield import YIELD
from codesign.flow.steps.fit import FIT
from codesign.flow.steps.generate import GENERATE
from codesign.flow.steps.map import map_step
from codesign.flow.steps.signoff import SIGNOFF
from codesign.flow.steps.simulate import SIMULATE
from codesign.flow.steps.tile import TILE_STEPS
from codesign.flow.steps.tile_network import TILE_NETWORK_STEPS
from codesign.flow.steps.train import TRAIN, TRAIN_MODEL
from codesign.flow.steps.verify import VERIFY, verify_step

STEPS = (GENERATE, SIMULATE, FIT, TRAIN, VERIFY)

# Of a design that has no circuit: training alone.
MODEL_STEPS = (TRAIN_MODEL,)

StepsOf = Callable[[Any], tuple[Step[Any], ...]]
_STEPS: dict[type[DesignFile], StepsOf] = {}


def register_steps(kind: type[DesignFile], steps: StepsOf) -> None:
    """Say which steps a kind of design has: a function of the design."""
    _STEPS[kind] = steps


def steps_for(design: DesignFile) -> tuple[Step[Any], ...]:
    """The steps of a design. Raises DesignError for a kind that has none."""
    for kind in type(design).__mro__:
        if kind in _STEPS:
            return _STEPS[kind](design)
    raise DesignError(f"{design.source}: designs of kind {design.kind_name} have no steps")


register_steps(Design, lambda design: STEPS if design.model is None else MODEL_STEPS)
register_steps(TileDesign, lambda _: TILE_STEPS)
register_steps(TileNetworkDesign, lambda _: TILE_NETWORK_STEPS)

__all__ = [
    "FIT",
    "GENERATE",
    "MODEL_STEPS",
    "SIGNOFF",
    "SIMULATE",
    "STEPS",
    "TILE_STEPS",
    "TRAIN",
    "TRAIN_MODEL",
    "VERIFY",
    "YIELD",
    "ChipSource",
    "calibrate_step",
    "map_step",
    "patterns_step",
    "register_steps",
    "steps_for",
    "verify_step",
]
