"""The search for the baseline's scales on a circuit that the fitted model does not describe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from codesign.characterize.model import FittedModel
from codesign.pnn import PNNParameters
from codesign.verify.ann_scale import ScaleSearch, fit_ann_scale
from codesign.verify.prediction import model_spikes

PHASE = 1e-6
IDEAL = PNNParameters(e_plus=100.0, e_minus=-100.0)
RNG = np.random.default_rng(11)
WEIGHTS = [RNG.normal(0.2, 0.2, (4, 5)), RNG.normal(0.25, 0.25, (3, 4))]
SPIKES_S = RNG.uniform(0, 7e-7, (8, 5))


class FakeCircuit:
    """`model_spikes` of parameters other than the fitted ones; remembers what was asked."""

    def __init__(self, parameters: PNNParameters) -> None:
        self.parameters, self.asked = parameters, []

    def __call__(self, scale: tuple[float, float]) -> list[np.ndarray]:
        self.asked.append(scale)
        scaled = [w * np.where(w >= 0, *scale) for w in WEIGHTS]
        return model_spikes(scaled, self.parameters, SPIKES_S, PHASE)


def rms_ns(times: list[np.ndarray], target: list[np.ndarray]) -> float:
    errors = []
    for found, wanted in zip(times, target, strict=True):
        one = np.isfinite(found) ^ np.isfinite(wanted)
        both = np.isfinite(found) & np.isfinite(wanted)
        errors += [np.full(one.sum(), PHASE), (found - wanted)[both]]
    return float(np.sqrt(np.mean(np.concatenate(errors) ** 2)) * 1e9)


@pytest.fixture
def shifted(model: FittedModel) -> FakeCircuit:
    """The fitted circuit with other reversal potentials and a kick: a corner, say."""
    pnn = model.parameters()[0]
    return FakeCircuit(replace(pnn, e_plus=0.85 * pnn.e_plus, e_minus=0.9 * pnn.e_minus, kick=0.01))


def search(model: FittedModel, circuit: FakeCircuit) -> ScaleSearch:
    target = model_spikes(WEIGHTS, IDEAL, SPIKES_S, PHASE)
    return fit_ann_scale(target, WEIGHTS, model, SPIKES_S, circuit)


def test_scales_are_a_minimum_of_the_simulated_error(model, shifted):
    found = search(model, shifted)
    target = model_spikes(WEIGHTS, IDEAL, SPIKES_S, PHASE)
    assert found.rmse_ns == pytest.approx(rms_ns(shifted(found.scale), target))
    assert found.rmse_ns < rms_ns(shifted((1.0, 1.0)), target)
    for direction in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        other = tuple(s * (1 + 0.03 * d) for s, d in zip(found.scale, direction, strict=True))
        assert found.rmse_ns < rms_ns(shifted(other), target)


def test_simulations_are_few_and_all_reported(model, shifted):
    found = search(model, shifted)
    assert [point[:2] for point in found.history] == shifted.asked
    assert len(found.history) <= 1 + 3 * 3
    assert (*found.scale, found.rmse_ns) in found.history


def test_circuit_that_gives_nothing_ends_with_a_whole_phase_of_error(model):
    def dead(scale):
        return [np.full((8, 4), np.nan), np.full((8, 3), np.nan)]

    target = model_spikes(WEIGHTS, IDEAL, SPIKES_S, PHASE)
    found = fit_ann_scale(target, WEIGHTS, model, SPIKES_S, dead)
    assert found.rmse_ns == pytest.approx(1000)
    assert np.isfinite(found.scale).all()
