from __future__ import annotations

import numpy as np
import pytest

from codesign.cells import NetworkParameters, PhaseTiming
from codesign.characterize.model import FittedModel
from codesign.mapping import bias_layers
from codesign.pdk import Conditions
from codesign.resources import resource_dir
from codesign.verify.circuit import Circuit

WEIGHTS = [np.array([[0.55, 0.0], [0.25, 0.0]])]
SAMPLES_S = np.array([[2e-7, 9e-7], [4e-7, 9e-7], [1e-7, 5e-7]])
WARMUP_S = np.array([3e-7, 3e-7])


@pytest.fixture(scope="session")
def model() -> FittedModel:
    """The fitted model of iris: 5 inputs, so only roughly that of the small networks here."""
    return FittedModel.load(resource_dir("characterization") / "iris" / "model.json").averaged()


@pytest.fixture
def small(model) -> Circuit:
    """Two inputs, two neurons, one layer."""
    network = NetworkParameters(layers=(2, 2))
    layers = bias_layers(WEIGHTS, model)
    return Circuit("small", network, PhaseTiming(), Conditions(), layers)
