"""What the neurons beside a column do: waveforms that couple into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codesign.bench import NeighbourWave, Setup

if TYPE_CHECKING:
    from codesign.characterize.model import LayerForm
    from codesign.verify.circuit import CircuitResult

# Points of a waveform: its coupling is a thousandth of a membrane.
_POINTS = 11


def neighbour_waves(
    t_spikes: np.ndarray,
    weight: np.ndarray,
    fitted: LayerForm,
    v_unit_V: float,
    setup: Setup,
    fires_s: np.ndarray,
) -> dict[int, list[NeighbourWave]]:
    """Waves of each neuron of a layer (from 1), one per pass: `t_spikes` (pass, line) in phases,
    2 for none; `weight` (neuron, line); membranes in units of v_unit_V below the reset voltage, as
    `fitted` counts them; `fires_s` (pass, neuron): s into the firing phase, nan for never."""
    import torch

    from codesign.pnn import membrane_waveform

    timing, v0 = setup.timing, setup.neuron.v0
    grid = np.linspace(1e-6, setup.accumulation_end, _POINTS)
    with torch.no_grad():
        v = membrane_waveform(
            torch.tensor(t_spikes), torch.tensor(np.asarray(weight, float)), fitted.pnn,
            grid.tolist(),
        ).numpy()  # fmt: skip
    volts = np.clip(v0 - v_unit_V * fitted.membrane.voltage(v), 0.0, setup.supply_V)
    seconds = grid * timing.t_phase
    return {
        i + 1: [
            NeighbourWave(seconds, volts[:, k, i], float(fires_s[k, i]))
            for k in range(len(t_spikes))
        ]
        for i in range(volts.shape[2])
    }


def measured_waves(
    result: CircuitResult, layer: int, samples: slice, setup: Setup
) -> dict[int, list[NeighbourWave]]:
    """Waves of those neurons of a layer (from 1) that were simulated, one per sample."""
    timing = setup.timing
    seconds = np.linspace(0.0, setup.accumulation_end, _POINTS) * timing.t_phase
    points = np.round((timing.t_accumulate + seconds) / result.wave_step_s).astype(int)
    v = result.v_mem_V[samples, layer - 1].astype(float)
    fires = result.t_spike_s[layer - 1][samples]
    return {
        i + 1: [
            NeighbourWave(seconds, v[k, i, points], float(fires[k, i])) for k in range(len(v))
        ]
        for i in range(fires.shape[1])
        if np.isfinite(v[:, i, points]).all()
    }
