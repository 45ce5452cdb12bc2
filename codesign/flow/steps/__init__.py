"""The steps of the flow, in order; one file each."""

from codesign.flow.steps.fit import FIT
from codesign.flow.steps.generate import GENERATE
from codesign.flow.steps.simulate import SIMULATE
from codesign.flow.steps.train import TRAIN, TRAIN_MODEL
from codesign.flow.steps.verify import VERIFY

STEPS = (GENERATE, SIMULATE, FIT, TRAIN, VERIFY)

# Of a design that has no circuit: training alone.
MODEL_STEPS = (TRAIN_MODEL,)

__all__ = ["FIT", "GENERATE", "MODEL_STEPS", "SIMULATE", "STEPS", "TRAIN", "TRAIN_MODEL", "VERIFY"]
