"""A synthetic chip of the shipped Iris circuit: shifted transistors, neurons of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from codesign.cells.knobs import SIGN
from codesign.characterize.model import FittedModel
from codesign.designs import Design
from codesign.mapping import LayerKnobs, read_knobs
from codesign.resources import resource_dir
from codesign.verify.chips import ChipModel, Nominal, Spikes

PHASE_S = 1e-6
SEEN_NOISE = 0.03e-3


class ShiftedChip:
    """Every synapse's transistors have thresholds of their own (V), every neuron a capacitance, an
    offset and a discharge of its own; what a real chip adds, noise, is .03 ns."""

    def __init__(self, nominal: Nominal, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.model = nominal.model
        self.shifts = [
            {p: s * self.rng.normal(size=k.weight.shape) for p, s in (("n", 0.007), ("p", 0.012))}
            for k in nominal.layers
        ]
        spread = (0.02, 0.01, 0.15)
        self.neurons = [spread * self.rng.normal(size=(len(k.weight), 3)) for k in nominal.layers]

    def network(self, layers: Sequence[LayerKnobs]) -> tuple[ChipModel, list[np.ndarray]]:
        """The chip as a model: its weights, and its neurons' parameters."""
        weights = []
        for layer, knobs in enumerate(layers):
            current = np.zeros(knobs.weight.shape)
            for polarity, curve in self.model.currents.items():
                value = knobs.values[polarity]
                on = (value != curve.off) & (knobs.current_A * SIGN[polarity] > 0)
                log_i = CubicSpline(curve.values, np.log(curve.i0_A))
                moved = value[on] - self.shifts[layer][polarity][on]
                current[on] = SIGN[polarity] * np.exp(log_i(moved))
            weights.append(current / self.model.current_scales_A(layer + 1))
        own = [
            np.concatenate([np.zeros(w.shape), n], axis=1)
            for w, n in zip(weights, self.neurons, strict=True)
        ]
        return ChipModel(tuple(weights), tuple(self.model.parameters())), own

    def spikes(self, layers: Sequence[LayerKnobs], inputs_s: np.ndarray, label: str) -> Spikes:
        """What a tester would see."""
        model, own = self.network(layers)
        times = model.times(inputs_s / PHASE_S, own)
        seen = [
            np.where(
                t < 1, (np.clip(t, 0, None) + SEEN_NOISE * self.rng.normal(size=t.shape)), np.inf
            )
            for t in times
        ]
        return Spikes(tuple(t * PHASE_S for t in seen), np.full(len(inputs_s), np.nan))


@pytest.fixture(scope="session")
def nominal() -> Nominal:
    """The shipped Iris network: model and biases of the reference, random training samples."""
    folder = resource_dir("characterization") / "iris"
    design = Design.load(resource_dir("designs") / "iris.toml")
    model = FittedModel.load(folder / "model.json")
    training = np.random.default_rng(8).uniform(0.05, 0.9, (60, 5))
    training[:, -1] = 0.05
    return Nominal(design.setup(), model, read_knobs(folder / "biases.csv"), training)


@pytest.fixture
def chip(nominal: Nominal) -> ShiftedChip:
    return ShiftedChip(nominal, 1)
