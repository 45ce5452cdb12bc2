"""The steps of the flow, in order; one file each."""

from codesign.designs.base import DesignFile
from codesign.flow.step import Step
from codesign.flow.steps.fit import FIT
from codesign.flow.steps.generate import GENERATE
from codesign.flow.steps.simulate import SIMULATE
from codesign.flow.steps.tile import TILE_STEPS
from codesign.flow.steps.tile_network import TILE_NETWORK_STEPS
from codesign.flow.steps.train import TRAIN, TRAIN_MODEL
from codesign.flow.steps.verify import VERIFY

STEPS = (GENERATE, SIMULATE, FIT, TRAIN, VERIFY)

# Of a design that has no circuit: training alone.
MODEL_STEPS = (TRAIN_MODEL,)


def steps_for(design: DesignFile) -> tuple[Step, ...]:
    """The steps of a design: of a network, or of what its file says with `kind` or `[model]`."""
    by_kind = {"tile": TILE_STEPS, "tile_network": TILE_NETWORK_STEPS}
    if (kind := getattr(design, "kind", "")) in by_kind:
        return by_kind[kind]
    return STEPS if getattr(design, "model", None) is None else MODEL_STEPS


__all__ = [
    "FIT",
    "GENERATE",
    "MODEL_STEPS",
    "SIMULATE",
    "STEPS",
    "TILE_STEPS",
    "TRAIN",
    "TRAIN_MODEL",
    "VERIFY",
    "steps_for",
]
