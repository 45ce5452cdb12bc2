from __future__ import annotations

import numpy as np
import pytest

from codesign.bench import Setup
from codesign.cells import NetworkParameters
from codesign.characterize.model import FittedModel
from codesign.mapping import knob_layers
from codesign.resources import resource_dir
from codesign.verify.circuit import TrainedCircuit

WEIGHTS = [np.array([[0.55, 0.0], [0.25, 0.0]])]
SAMPLES_S = np.array([[2e-7, 9e-7], [4e-7, 9e-7], [1e-7, 5e-7]])
WARMUP_S = np.array([3e-7, 3e-7])


@pytest.fixture(scope="session")
def model() -> FittedModel:
    """The fitted model of iris: 5 inputs, so only roughly that of the small networks here."""
    return FittedModel.load(resource_dir("characterization") / "iris" / "model.json").averaged()


@pytest.fixture
def small(model) -> TrainedCircuit:
    """Two inputs, two neurons, one layer."""
    setup = Setup(NetworkParameters(layers=(2, 2)), name="small")
    return TrainedCircuit(setup, knob_layers(WEIGHTS, model))
