"""The model of one chip: the nominal network, and how each part that matters differs from it.

Per synapse the logarithm of its current over the nominal one; per neuron the logarithm of its
capacitance over the nominal one, an offset added to its membrane before it fires, in thresholds,
and the logarithm of its discharge time over the nominal one. All are 0 on the nominal chip. With
them the solution stays exact:

    w = w_nominal exp(gain - capacitance),    t = exp(slope) curve(v(w) + offset)

A neuron's capacitance and the currents of all its synapses act alike, but for their priors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from codesign.pnn import PNNParameters
from codesign.pnn.firing import firing_time
from codesign.pnn.membrane import membrane_potential
from codesign.pnn.rows import layer_jacobian

# Parameters of a neuron, behind those of its synapses.
NEURON = ("capacitance", "offset", "slope")
# Rows (patterns times neurons) times inputs that are solved at once.
_AT_ONCE = 400_000


@dataclass(frozen=True)
class LayerAnswer:
    """t (pattern, neuron) in phases, not clipped; by_own (pattern, neuron, parameter): derivatives
    by the layer's own parameters, by_input (pattern, neuron, input) by the spikes it receives."""

    t: np.ndarray
    by_own: np.ndarray
    by_input: np.ndarray


@dataclass(frozen=True)
class ChipModel:
    """Weights (neuron, input) as written and parameters of every layer of the nominal network.

    A layer's parameters on a chip are an array (neuron, input + 3): gain of every synapse, then
    `NEURON`.
    """

    weights: tuple[np.ndarray, ...]
    params: tuple[PNNParameters, ...]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(neurons, parameters of each) of every layer."""
        return [(w.shape[0], w.shape[1] + len(NEURON)) for w in self.weights]

    @property
    def nominal(self) -> list[np.ndarray]:
        """The parameters of the nominal chip."""
        return [np.zeros(shape) for shape in self.shapes]

    def rewritten(self, weights: Sequence[np.ndarray]) -> ChipModel:
        """The same circuit with other weights."""
        return replace(self, weights=tuple(weights))

    def effective(self, layer: int, own: np.ndarray) -> np.ndarray:
        """Weights (neuron, input) that a layer's circuit has; layers count from 0."""
        n_in = self.weights[layer].shape[1]
        return self.weights[layer] * np.exp(own[:, :n_in] - own[:, n_in : n_in + 1])

    def times(self, spikes: np.ndarray, chip: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Unclipped spike times of every layer, (pattern, neuron) in phases, free running."""
        found = []
        for layer, own in enumerate(chip):
            spikes = self.layer_times(layer, spikes, own)
            found.append(spikes)
            # Driven past the threshold before firing starts, a neuron fires at once.
            spikes = np.clip(spikes, 0.0, None)
        return found

    def layer_times(self, layer: int, spikes: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Unclipped spike times (pattern, neuron) of one layer, in phases."""
        weight = torch.tensor(self.effective(layer, own))
        params = self.params[layer]
        with torch.no_grad():
            v = membrane_potential(_tensor(spikes), weight, params, "exact")
            t = firing_time(v + torch.tensor(own[:, -2]), params, clip=False)
        return np.asarray(t) * np.exp(own[:, -1])

    def answer(self, layer: int, spikes: np.ndarray, own: np.ndarray) -> LayerAnswer:
        """One layer's spike times for spikes (pattern, input) in phases, with derivatives."""
        weight = self.effective(layer, own)
        params = _offset(self.params[layer], own[:, -2])
        size = max(1, _AT_ONCE // weight.size)
        parts = [spikes[k : k + size] for k in range(0, len(spikes), size)]
        solved = [layer_jacobian(_tensor(part), torch.tensor(weight), params) for part in parts]
        _, t, dt_dv, dv_dw, dv_dt = (
            np.concatenate([np.asarray(x) for x in each]) for each in zip(*solved, strict=True)
        )
        stretch = np.exp(own[:, -1])
        slope = (stretch * dt_dv)[..., None]
        gain = slope * dv_dw * weight
        neuron = [-gain.sum(axis=-1), slope[..., 0], stretch * t]
        return LayerAnswer(
            stretch * t,
            np.concatenate([gain, np.stack(neuron, axis=-1)], axis=-1),
            slope * dv_dt,
        )


def _offset(params: PNNParameters, offset: np.ndarray) -> PNNParameters:
    own = np.asarray(params.firing_offset) + offset
    return replace(params, firing_offset=tuple(map(float, own)))


def _tensor(spikes: np.ndarray) -> torch.Tensor:
    # A spike that does not come is one after the phase.
    return torch.tensor(np.where(np.isfinite(spikes), spikes, 2.0))
