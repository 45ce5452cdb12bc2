"""Random runs of a network; a straight-line model is near enough to place them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from codesign.bench import KnobValues, Setup
from codesign.characterize.plan import NetworkSweep
from codesign.characterize.trial_knobs import TrialKnobs

_CANDIDATES = 600
_DRAWS = 48
_POSITIVE = 0.7
# Firing times the trials are spread over, in phases as the first estimate gives them.
_EARLIEST, _LATEST = 0.0, 0.97
# Share of the random samples for which a neuron must fire in between, if biases can be found.
_USABLE = 0.5
# Trials of a neuron further apart than this, in phases, are as good as any.
_APART = 0.25
# For placing trials only, where no sweep has measured it: dendrite, junctions and gates beside the
# membrane's capacitor; the share of the reset voltage at which a neuron fires at once; what
# dendrites add in the network.
_PARASITIC_F, _SWITCH_SHARE, _WIRES_F = 10e-15, 0.43 / 1.3, 5e-15


@dataclass(frozen=True)
class DrawnRun:
    """Knobs of every layer; spikes of every layer's lines, inputs first, (pass, line) in s after
    accumulation starts, nan for none."""

    knobs: list[KnobValues]
    spikes_s: list[np.ndarray]


class NetworkDraw:
    """Draws runs of a sweep."""

    def __init__(
        self, sweep: NetworkSweep, setup: Setup, known: Mapping[str, pd.DataFrame]
    ) -> None:
        self.sweep, self.setup = sweep, setup
        self.v0 = setup.neuron.v0
        self.knobs = TrialKnobs.of(setup, known["synapse_current"])
        c_estimate = _capacitance(setup, known)
        self.range = self.knobs.current_range(sweep, c_estimate)
        self.volts_per_ampere = setup.timing.t_phase / c_estimate
        self.firing = _firing(setup, known, c_estimate)
        # Membranes in volts below v0.
        self.params = self.knobs.straight_lines(self.range)

    def run(self, rng: np.random.Generator, chosen: Sequence[np.ndarray]) -> DrawnRun:
        """One run; the samples are those that spread the firing of the chosen neurons of each
        layer, from 0."""
        wanted = self.sweep.warmup + self.sweep.trials
        inputs = rng.uniform(0, 0.95, (_CANDIDATES, self.setup.network.layers[0]))
        inputs[np.arange(_CANDIDATES), rng.integers(inputs.shape[1], size=_CANDIDATES)] = 0.0
        times = [inputs]
        currents = []
        for fan_in, neurons in self.setup.network.connections:
            layer_currents, fired = self._layer(rng, times[-1], fan_in, neurons)
            currents.append(layer_currents)
            times.append(fired)
        seen = [fired[:, own] for fired, own in zip(times[1:], chosen, strict=True)]
        samples = _spread(np.concatenate(seen, axis=1), wanted, rng)
        spikes = [np.where(t[samples] < 1, t[samples], np.nan) for t in times]
        phase = self.setup.timing.t_phase
        return DrawnRun([self.knobs.values(own) for own in currents], [t * phase for t in spikes])

    def _layer(
        self,
        rng: np.random.Generator,
        times: np.ndarray,
        fan_in: int,
        neurons: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Currents (neurons, fan_in), > 0 for positive weights, and firing times in phases, 2 for
        a neuron that does not fire in its phase or leaves the membrane's range on the way."""
        import torch

        from codesign.pnn import membrane_trace

        chosen, fired = [], []
        v_switch = float(self.firing[0][0])
        for _ in range(neurons):
            size = (_DRAWS, fan_in)
            low, high = np.log(self.range)
            current = np.exp(rng.uniform(low, high, size))
            positive = self.knobs.signs(rng.random(size) < _POSITIVE)
            current *= np.where(positive, 1, -1)
            with torch.no_grad():
                v = membrane_trace(
                    torch.tensor(times),
                    torch.tensor(current * self.volts_per_ampere),
                    self.params,
                    method="exact",
                ).v.numpy()
            t = np.interp(self.v0 - v[-1], *self.firing)
            inside = (v.max(axis=0) < self.v0 - v_switch) & (t > _EARLIEST) & (t < _LATEST)
            inside &= v.min(axis=0) > self.v0 - self.setup.supply_V + 0.1
            share = inside.mean(axis=0)
            good = np.flatnonzero(share >= _USABLE)
            pick = int(good[0]) if len(good) else int(share.argmax())
            chosen.append(current[pick])
            fired.append(np.where(inside[:, pick], t[:, pick], 2.0))
        return np.array(chosen), np.stack(fired, axis=1)


def _capacitance(setup: Setup, known: Mapping[str, pd.DataFrame]) -> float:
    """Effective membrane capacitance in F, measured where there is a table of it."""
    if "capacitance" in known:
        table = known["capacitance"]
        found = table.loc[table["status"] == "ok", "c_eff_F"].dropna()
        if len(found):
            return float(found.mean()) + _WIRES_F
    return setup.neuron.capacitance_estimate_F + _PARASITIC_F


def _firing(
    setup: Setup, known: Mapping[str, pd.DataFrame], c_eff_F: float
) -> tuple[np.ndarray, np.ndarray]:
    """Membranes in V, rising, and the firing times from there in phases, for interpolation."""
    neuron = setup.neuron
    v0, switch = neuron.v0, _SWITCH_SHARE * neuron.v0
    if "sensing_threshold" in known:
        found = known["sensing_threshold"]["v_threshold_V"].dropna()
        switch = float(found.mean()) if len(found) else switch
    v = np.linspace(switch, v0 + 0.3, 60)
    if "discharger" in known:
        table = known["discharger"]
        good = table["status"] == "ok"
        if neuron.discharge_bias is not None:
            nominal = neuron.biases[neuron.discharge_bias]
            good &= (table["v_discharge_V"] - nominal).abs() < 1e-6
        rows = table[good].sort_values("v_mem_V")
        if len(rows) > 4 and (rows["i_discharge_A"] > 0).all():
            current = np.interp(v, rows["v_mem_V"], rows["i_discharge_A"])
            steps = np.diff(v) * c_eff_F * (1 / current[1:] + 1 / current[:-1]) / 2
            return v, np.concatenate([[0.0], np.cumsum(steps)]) / setup.timing.t_phase
    return v, 0.95 * (v - switch) / (v0 - switch)


def _spread(times: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Samples, in random order, that make as many neurons as possible fire at as many different
    times as possible; `times` (sample, neuron) in phases, above 1 for silent."""
    inside = times < 1
    gain = inside * _APART
    chosen: list[int] = []
    while len(chosen) < wanted:
        score = gain.sum(axis=1) * rng.uniform(0.9, 1.0, len(times))
        score[chosen] = -1.0
        chosen.append(int(score.argmax()))
        distance = np.abs(times - times[chosen[-1]])
        reached = inside & inside[chosen[-1]]
        gain = np.where(reached, np.minimum(gain, distance), gain)
    return rng.permutation(chosen)

