"""What a model says the neurons beside a column do: waveforms that couple into it."""

from __future__ import annotations

import numpy as np

from codesign.bench import NeighbourWave, Setup

# Points of a waveform: its coupling is a thousandth of a membrane.
_POINTS = 11


def neighbour_waves(
    t_spikes: np.ndarray, weight: np.ndarray, parameters: object, v_th_V: float, setup: Setup
) -> dict[int, list[NeighbourWave]]:
    """Waves of each neuron of a layer (from 1), one per pass: `t_spikes` (pass, line) in phases,
    2 for none; `weight` (neuron, line); `parameters`: PNNParameters, membranes in units of v_th_V
    below the reset voltage."""
    import torch

    from codesign.pnn import PNNParameters, membrane_waveform

    assert isinstance(parameters, PNNParameters)
    timing, v0 = setup.timing, setup.neuron.v0
    grid = np.linspace(1e-6, setup.accumulation_end, _POINTS)
    with torch.no_grad():
        v = membrane_waveform(
            torch.tensor(t_spikes), torch.tensor(np.asarray(weight, float)), parameters,
            grid.tolist(),
        ).numpy()  # fmt: skip
    volts = np.clip(v0 - v_th_V * v, 0.0, setup.supply_V)
    switch = v0 - v_th_V
    # The membrane falls by v_th in one phase, nearly.
    fires = (volts[-1] - switch) / v_th_V * timing.t_phase
    fires = np.where(fires < timing.t_phase, np.maximum(fires, 0.0), np.nan)
    seconds = grid * timing.t_phase
    return {
        i + 1: [
            NeighbourWave(seconds, volts[:, k, i], float(fires[k, i]))
            for k in range(len(t_spikes))
        ]
        for i in range(volts.shape[2])
    }
