"""The membrane with measured currents in place of the model's polynomials: what the form costs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from codesign.cells.knobs import SIGN
from codesign.characterize.currents import CurrentTable
from codesign.characterize.model import FittedModel
from codesign.mapping import LayerKnobs, weights_of
from codesign.mapping.knobs import scales_A
from codesign.pnn import PNNParameters
from codesign.pnn.surroundings import surrounded
from codesign.pnn.synapses import per_neuron, synapses

# Points of the membrane's range, linear in between: a few 1e-6 of a threshold.
_POINTS = 257
# Runge-Kutta steps between two spikes.
_STEPS = 12


def table_membranes(
    knobs: list[LayerKnobs], layer: int, model: FittedModel,
    tables: Mapping[str, CurrentTable], t_in: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Membranes (sample, neuron) at the end of accumulation of a layer (from 1), for input spikes
    t_in (sample, synapse) in phases.

    Charges, delays, the gate's resistance, neighbours, leakage of waiting synapses and C(v) are the
    extended form's.
    """
    params = model.parameters()[layer - 1]
    weight = weights_of(knobs, model)[layer - 1]
    rates, first, step = _rates(knobs[layer - 1], layer, model, tables)
    kick = _kicks(weight, params)
    times = np.clip(np.nan_to_num(t_in, nan=2.0), 0.0, params.t_end)
    order = np.argsort(times, axis=1, kind="stable")
    samples, neurons = len(times), len(weight)
    v = np.zeros((samples, neurons)) + _start(params, neurons)
    on = np.zeros((samples, neurons, rates.shape[-1]))
    now = np.zeros(samples)
    for k in range(times.shape[1] + 1):
        if k < times.shape[1]:
            arrived = order[:, k]
            then = times[np.arange(samples), arrived]
        else:
            then = np.full(samples, params.t_end)
        v = _advance(v, on, (then - now)[:, None] / _STEPS, first, step, params.series)
        if k < times.shape[1]:
            counted = (then < params.t_end)[:, None]
            v = v + counted * kick[:, arrived].T
            on = on + counted[..., None] * rates[:, arrived].transpose(1, 0, 2)
        now = then
    spikes, weights = torch.tensor(times), torch.tensor(weight)
    return surrounded(torch.tensor(v), spikes, weights, params).numpy()


def _rates(
    knobs: LayerKnobs, layer: int, model: FittedModel, tables: Mapping[str, CurrentTable]
) -> tuple[np.ndarray, float, float]:
    """dv/dt of each synapse (neuron, synapse, point) on an even grid of v, its start and step."""
    membrane = model.layers[layer - 1].forms["extended"].membrane
    grid = np.linspace(-0.35, 1.05, _POINTS)
    v = membrane.voltage(grid)
    v_mem_V = model.v0_V - model.v_th_V * v
    rates = np.zeros((*knobs.current_A.shape, _POINTS))
    for polarity, table in tables.items():
        value = knobs.values[polarity]
        on = value != model.currents[polarity].off
        place, volts = np.broadcast_arrays(value[on][:, None], v_mem_V)
        inside = np.clip(volts, table.v_mem_V[0], table.v_mem_V[-1])
        found = table.current(place.ravel(), inside.ravel()).reshape(place.shape)
        rates[on] += SIGN[polarity] * found
    scale = scales_A(model, layer, "extended", len(rates))
    moved = rates / scale[..., None] * membrane.gain_at(v)
    return moved, float(grid[0]), float(grid[1] - grid[0])


def _kicks(weight: np.ndarray, params: PNNParameters) -> np.ndarray:
    with torch.no_grad():
        kick = synapses(torch.tensor(weight), params).kick
    return np.zeros_like(weight) if kick is None else kick.numpy()


def _start(params: PNNParameters, neurons: int) -> np.ndarray:
    return per_neuron(params.v_start, torch.zeros(neurons, dtype=torch.float64), "v_start").numpy()


def _advance(
    v: np.ndarray, on: np.ndarray, h: np.ndarray, first: float, step: float, series: float
) -> np.ndarray:
    """Runge-Kutta over _STEPS steps of length h (sample, 1), in the currents that are on."""

    def rate(v: np.ndarray) -> np.ndarray:
        place = np.clip((v - first) / step, 0, on.shape[-1] - 1.001)
        low = place.astype(int)[..., None]
        ends = [np.take_along_axis(on, low + k, axis=2)[..., 0] for k in (0, 1)]
        slope = ends[1] - ends[0]
        # Behind the gate's resistance, as in codesign.pnn.synapses.behind_series.
        return (ends[0] + (place - low[..., 0]) * slope) / (1 - series * slope / step)

    for _ in range(_STEPS):
        k1 = rate(v)
        k2 = rate(v + h / 2 * k1)
        k3 = rate(v + h / 2 * k2)
        v = v + h / 6 * (k1 + 2 * k2 + 2 * k3 + rate(v + h * k3))
    return v
