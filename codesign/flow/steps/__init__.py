"""The steps of the flow, in order; one file each."""

from codesign.flow.steps.fit import FIT
from codesign.flow.steps.generate import GENERATE
from codesign.flow.steps.simulate import SIMULATE
from codesign.flow.steps.train import TRAIN
from codesign.flow.steps.verify import VERIFY

STEPS = (GENERATE, SIMULATE, FIT, TRAIN, VERIFY)

__all__ = ["FIT", "GENERATE", "SIMULATE", "STEPS", "TRAIN", "VERIFY"]
