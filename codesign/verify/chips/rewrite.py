"""New weights for one chip, so that it does what the nominal network was meant to do.

Gains of the chip's currents are undone one by one. What its neurons have of their own, offset and
discharge, no weight undoes exactly; weights are chosen so that the spike times over the training
samples come nearest to the meant ones: layer by layer first, each layer fed with the meant spikes;
then all together, where hidden spikes may move so that the outputs come right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline

from codesign.cells.knobs import SIGN
from codesign.characterize.model import FittedModel
from codesign.mapping import LayerKnobs
from codesign.verify.chips.model import NEURON, ChipModel
from codesign.verify.chips.neurons import solve_neurons
from codesign.verify.chips.observed import Observed
from codesign.verify.chips.together import solve_together

# Deviation of the logarithm of a weight over the meant one; of a spike time, in phases.
_FREEDOM, _WANTED = 0.5, 0.5e-3
# Weight of a hidden spike beside an output's, where all layers are written together.
_HIDDEN = 1e-4


def wanted_gains(
    meant: ChipModel, model: ChipModel, chip: Sequence[np.ndarray], spikes: np.ndarray
) -> list[np.ndarray]:
    """Gains (neuron, input) with which the chip comes nearest to the network that was meant.

    model: with the chip's weights as they are written now; chip: its parameters, whose gains are
    replaced. spikes: (sample, input) in phases, training samples.
    """
    times = [
        np.where((t > 0) & (t < 1), t, np.nan) for t in meant.times(spikes, meant.nominal)
    ]
    own = _layer_by_layer(model, chip, spikes, times)
    deviation = [_freedom(model, layer, values) for layer, values in enumerate(own)]
    weights = [np.where(np.isfinite(t), _HIDDEN, 0.0) for t in times[:-1]]
    weights.append(np.where(np.isfinite(times[-1]), 1.0, 0.0))
    if len(own) > 1:
        target = Observed(spikes, tuple(times))
        own, _ = solve_together(model, target, deviation, _WANTED, own, own, weights)
    return [values[:, : -len(NEURON)] for values in own]


def _layer_by_layer(
    model: ChipModel, chip: Sequence[np.ndarray], spikes: np.ndarray, times: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Parameters of the chip with the gains that bring each layer nearest to `times`, for meant
    spikes at its inputs."""
    found = []
    received = spikes
    for layer, own in enumerate(chip):
        # The capacitance is made up for at once; the rest is least squares.
        start = own.copy()
        start[:, : -len(NEURON)] = own[:, -len(NEURON)][:, None]
        use = np.where(np.isfinite(times[layer]), 1.0, 0.0)
        whitening = _freedom(model, layer, own) / _WANTED
        values, _ = solve_neurons(
            model, layer, received, times[layer], use, whitening, start, start, _WANTED
        )
        found.append(values)
        received = times[layer]
    return found


def _freedom(model: ChipModel, layer: int, own: np.ndarray) -> np.ndarray:
    """Deviations that hold a layer's neurons as they are and leave its gains free."""
    free = np.zeros_like(own)
    free[:, : -len(NEURON)] = np.where(model.weights[layer] != 0, _FREEDOM, 0.0)
    return free


def new_knobs(
    model: FittedModel,
    layers: Sequence[LayerKnobs],
    gains: Sequence[np.ndarray],
    wanted: Sequence[np.ndarray],
    supply_V: float,
) -> tuple[LayerKnobs, ...]:
    """Knobs at which synapses carry e^wanted times `current_A`, of which they carry e^gain now.

    A shifted transistor carries at a bias what a nominal one carries at another, so its curve is
    the nominal one moved along the bias (a device value: along its logarithm). Biases stay between
    the rails. `weight` and `current_A` of the result are what the synapse then carries.
    """
    changed = []
    for knobs, gain, aim in zip(layers, gains, wanted, strict=True):
        values = {}
        for polarity, curve in model.currents.items():
            value = np.array(knobs.values[polarity], dtype=float)
            on = (value != curve.off) & (knobs.current_A * SIGN[polarity] > 0)
            if on.any():
                axis = np.asarray(curve.values) if curve.is_bias else np.log(curve.values)
                inverse = _Line(axis, np.log(curve.i0_A))
                here = value[on] if curve.is_bias else np.log(value[on])
                meant = np.log(np.abs(knobs.current_A[on]))
                moved = here - inverse.axis(meant + gain[on])
                new = inverse.axis(meant + aim[on]) + moved
                value[on] = np.clip(new, 0.0, supply_V) if curve.is_bias else np.exp(new)
            values[polarity] = value
        factor = np.exp(aim)
        changed.append(LayerKnobs(knobs.weight * factor, knobs.current_A * factor, values))
    return tuple(changed)


class _Line:
    """Logarithm of the current over a knob, going on as a straight line beyond the table."""

    def __init__(self, axis: np.ndarray, log_i: np.ndarray) -> None:
        spline = CubicSpline(axis, log_i)
        fine = np.linspace(axis[0], axis[-1], 20 * len(axis))
        # Monotone, whatever a spline through steep points does.
        rising = log_i[-1] > log_i[0]
        values = spline(fine)
        best = np.maximum.accumulate if rising else np.minimum.accumulate
        self._fine, self._log_i = fine, best(values) + np.arange(len(fine)) * (
            1e-12 if rising else -1e-12
        )
        # Slopes of the outermost tenths.
        tenth = max(len(fine) // 10, 1)
        self._ends = [
            (self._log_i[b] - self._log_i[a]) / (fine[b] - fine[a])
            for a, b in ((0, tenth), (-1 - tenth, -1))
        ]

    def axis(self, log_i: np.ndarray) -> np.ndarray:
        """Where a current flows: the inverse."""
        order = slice(None) if self._log_i[-1] > self._log_i[0] else slice(None, None, -1)
        known, fine = self._log_i[order], self._fine[order]
        ends = self._ends if known is self._log_i or order == slice(None) else self._ends[::-1]
        inside = np.interp(log_i, known, fine)
        low, high = np.minimum(log_i - known[0], 0), np.maximum(log_i - known[-1], 0)
        return np.asarray(inside + low / ends[0] + high / ends[1])
