"""Calibration on the whole network as it is drawn: every neuron behind its own dendrite.

Each run sets random biases on all synapses and passes several samples through all layers; the first
ones are discarded. A layer's inputs are the pulses, or the times at which the lines of the layer
before rose, so that what is calibrated is one layer at a time. One run gives a trial of every
neuron for every sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from codesign.cells import (
    CellViews,
    Network,
    NetworkParameters,
    PhaseTiming,
    ResistiveSynapseParameters,
    spike_line,
)
from codesign.cells.stimulus import control_sources, pulse_source, supply_sources
from codesign.characterize.column import first_rise
from codesign.characterize.currents import CurrentTable
from codesign.characterize.fit_currents import fit_shape
from codesign.characterize.plan import NetworkSweep
from codesign.errors import DesignError
from codesign.pdk import Conditions, Device, Process
from codesign.spice import Deck, Transient, dc, run_batch, value_at

_MAX_STEP_S = 10e-9
_BEFORE_GATE_S = 1e-9
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
# MIM capacitor; the membrane at which a neuron fires at once; what dendrites add in the network.
_PARASITIC_F, _SWITCH_V, _WIRES_F = 25e-15, 0.43, 5e-15

Rows = list[dict[str, Any]]
Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class NetworkTask:
    """One run: biases per layer (post, pre) in V, and spike times of every pass (warm-up first).

    `spikes_s[pass][input]` in s after accumulation starts; `placed`: the network cell as instance
    `xnet`, in the view that is characterised, and `devices` its device sizes.
    """

    run: int
    warmup: int
    bias_n_V: tuple[Matrix, ...]
    bias_p_V: tuple[Matrix, ...]
    spikes_s: Matrix
    network: NetworkParameters
    timing: PhaseTiming
    conditions: Conditions
    placed: str = field(repr=False)
    devices: frozenset[Device] = field(repr=False)

    @property
    def cell(self) -> Network:
        """The network cell."""
        return Network(self.network, "network")


def network_tasks(
    sweep: NetworkSweep,
    network: NetworkParameters,
    timing: PhaseTiming,
    conditions: Conditions,
    known: Mapping[str, pd.DataFrame],
    supply_V: float,
    views: CellViews,
) -> list[NetworkTask]:
    """Random runs of the network; the same sweep and tables give the same runs.

    Currents are drawn log-uniform between i_min and i_max (A, at the reset voltage), about two
    thirds of them positive weights, until a neuron fires within its phase for most samples; samples
    are chosen so that the firing times of all neurons spread.
    `known`: tables of sweeps by kind; synapse_current has to be there, capacitance, discharger and
    sensing_threshold place the trials better.
    """
    if isinstance(network.synapse, ResistiveSynapseParameters):
        raise DesignError(
            "network.synapse.kind: the network sweep and the fit take current_source synapses only",
            remedy='use kind = "current_source", or a plan without a network sweep',
        )
    cell = Network(network, "network")
    definitions, cards = views.placed(cell, "xnet")
    placed = "\n".join([*definitions, *cards])
    devices = views.devices([cell])
    draw = _Draw(sweep, network, timing, known, supply_V)
    tasks = []
    for run in range(sweep.runs):
        rng = np.random.default_rng([sweep.seed, run])
        bias_n, bias_p, spikes = draw.run(rng)
        tasks.append(
            NetworkTask(
                run, sweep.warmup, bias_n, bias_p, spikes, network, timing, conditions,
                placed, devices,
            )
        )  # fmt: skip
    return tasks


def network_trial_deck(task: NetworkTask, supply_V: float) -> tuple[Deck, tuple[str, ...]]:
    """The deck of a run and the vectors to save: per layer, lines and membranes; input lines."""
    cell, timing = task.cell, task.timing
    passes = range(len(task.spikes_s))
    lines = [task.placed, *supply_sources(task.network.neuron, supply_V)]
    for layer in range(1, len(cell.crossbars) + 1):
        frames = [timing.frame(layer - 1, k) for k in passes]
        lines += control_sources(task.network.neuron, timing, frames, supply_V, f"_{layer}")
        for polarity, layers in (("n", task.bias_n_V), ("p", task.bias_p_V)):
            for post, row in enumerate(layers[layer - 1], start=1):
                for pre, value in enumerate(row, start=1):
                    port = cell.bias_port(layer, post, pre, polarity)
                    lines.append(f"v{port} {port} 0 {dc(value)}")
    frames = [timing.frame(0, k) for k in passes]
    for i in range(task.network.layers[0]):
        times = [spikes[i] for spikes in task.spikes_s]
        lines.append(pulse_source(f"pulse_{i + 1}", times, frames, timing, supply_V))
    deck = Deck(f"network trials, run {task.run}", "\n".join(lines), task.devices, task.conditions)
    saved = [vector for pairs in _vectors(cell) for pair in pairs for vector in pair]
    saved += [_line(cell, 0, i + 1) for i in range(task.network.layers[0])]
    return deck, tuple(saved)


def run_network(task: NetworkTask, process: Process, *, timeout_s: float) -> tuple[Rows, Rows]:
    """Simulate one run; returns (rows per pass and neuron, rows per pass, neuron and synapse).

    A failed run gives rows with its status and no measured values.
    """
    deck, saved = network_trial_deck(task, process.supply_V)
    cell, timing = task.cell, task.timing
    passes, layers = len(task.spikes_s), len(cell.crossbars)
    analysis = Transient(timing.run_length(layers, passes), _MAX_STEP_S, saved)
    result = run_batch(deck, analysis, process=process, timeout_s=timeout_s)
    wave = result.waveforms if result.ok else None
    status = result.status.value
    trials, inputs = blank_rows(task, status, len(result.attempts), result.duration_s)
    if wave is None:
        return trials, inputs
    time, supply_V = wave["time"], process.supply_V
    vectors = _vectors(cell)
    for row in trials:
        layer, k = row["layer"], row["trial"] + task.warmup
        line, membrane = vectors[layer - 1][row["neuron"] - 1]
        frame = timing.frame(layer - 1, k)
        start, end = frame + timing.t_accumulate, frame + timing.t_fire
        row["v_start_V"] = value_at(time, wave[membrane], start - 2e-9)
        row["v_end_V"] = value_at(time, wave[membrane], end - timing.gate_lead - _BEFORE_GATE_S)
        row["t_fire_s"] = first_rise(time, wave[line], end, timing, supply_V)
    risen: dict[tuple[int, int, int], float | None] = {}
    for row in inputs:
        key = (row["layer"], row["trial"], row["synapse"])
        if key not in risen:
            start = timing.frame(key[0] - 1, key[1] + task.warmup) + timing.t_accumulate
            line = _line(cell, key[0] - 1, key[2])
            risen[key] = first_rise(time, wave[line], start, timing, supply_V)
        row["t_line_s"] = risen[key]
    return trials, inputs


def blank_rows(
    task: NetworkTask, status: str, attempts: int, duration_s: float
) -> tuple[Rows, Rows]:
    """The rows of a run before anything is measured."""
    trials: Rows = []
    inputs: Rows = []
    layers = task.network.layers
    passes = len(task.spikes_s)
    for layer, (fan_in, neurons) in enumerate(task.network.connections, start=1):
        common: dict[str, Any] = {
            "layer": layer,
            "run": task.run,
            "fan_in": fan_in,
            "fan_out": layers[layer + 1] if layer + 1 < len(layers) else 0,
            "corner": task.conditions.corner.value,
            "interconnect": task.conditions.interconnect.value,
            "temperature_C": task.conditions.temperature_C,
            "seed": task.conditions.seed,
            "status": status,
            "attempts": attempts,
            "duration_s": duration_s / passes,
        }
        for k in range(task.warmup, passes):
            for neuron in range(1, neurons + 1):
                where = {"trial": k - task.warmup, "neuron": neuron}
                unknown = {"v_end_V": None, "v_start_V": None, "t_fire_s": None}
                trials.append({**common, **where, **unknown})
                for synapse in range(1, fan_in + 1):
                    at = (neuron - 1, synapse - 1)
                    inputs.append(
                        {
                            "layer": layer,
                            "run": task.run,
                            **where,
                            "synapse": synapse,
                            "v_bias_n_V": task.bias_n_V[layer - 1][at[0]][at[1]],
                            "v_bias_p_V": task.bias_p_V[layer - 1][at[0]][at[1]],
                            "t_pulse_s": task.spikes_s[k][at[1]] if layer == 1 else None,
                            "t_line_s": None,
                            "status": status,
                        }
                    )
    return trials, inputs


def _vectors(cell: Network) -> list[list[tuple[str, str]]]:
    """Per layer and neuron: the saved vectors of its spike line and its membrane."""
    gated = cell.neuron.membrane == "mem"
    return [
        [
            (
                _line(cell, layer, i),
                f"v(xnet.xn_{layer}_{i}.mem)" if gated else f"v(xnet.dend_{layer}_{i})",
            )
            for i in range(1, crossbar.sizes.columns + 1)
        ]
        for layer, crossbar in enumerate(cell.crossbars, start=1)
    ]


def _line(cell: Network, layer: int, index: int) -> str:
    inside = "" if layer == len(cell.crossbars) else "xnet."
    return f"v({inside}{spike_line(layer, index)})"


class _Draw:
    """Draws runs; a straight-line model is near enough to place them."""

    def __init__(
        self,
        sweep: NetworkSweep,
        network: NetworkParameters,
        timing: PhaseTiming,
        known: Mapping[str, pd.DataFrame],
        supply_V: float,
    ) -> None:
        # Imported here: workers only simulate, and need not pay for torch.
        from codesign.pnn import PNNParameters

        self.sweep, self.network, self.supply_V = sweep, network, supply_V
        self.v0 = network.neuron.v0
        currents = known["synapse_current"]
        tables = {polarity: CurrentTable.from_frame(currents, polarity) for polarity in "np"}
        self.curves = {polarity: table.at(self.v0) for polarity, table in tables.items()}
        c_estimate = _capacitance(network, known)
        self.volts_per_ampere = timing.t_phase / c_estimate
        self.firing = _firing(network, timing, known, c_estimate)
        slopes = {
            polarity: fit_shape(
                table, self.v0, 1.0, 1e-7, (sweep.i_min, sweep.i_max), (-0.3, 0.85), (0, -1)
            )
            for polarity, table in tables.items()
        }
        # Membranes in volts below v0.
        self.params = PNNParameters(
            e_plus=1 / slopes["n"].inverse_e[0], e_minus=1 / slopes["p"].inverse_e[0]
        )
        self.t_phase = timing.t_phase

    def run(
        self, rng: np.random.Generator
    ) -> tuple[tuple[Matrix, ...], tuple[Matrix, ...], Matrix]:
        """Biases of every layer, and spike times of every pass."""
        wanted = self.sweep.warmup + self.sweep.trials
        inputs = rng.uniform(0, 0.95, (_CANDIDATES, self.network.layers[0]))
        inputs[np.arange(_CANDIDATES), rng.integers(inputs.shape[1], size=_CANDIDATES)] = 0.0
        times = inputs
        currents, fired = [], []
        for fan_in, neurons in self.network.connections:
            layer_currents, times = self._layer(rng, times, fan_in, neurons)
            currents.append(layer_currents)
            fired.append(times)
        chosen = _spread(np.concatenate(fired, axis=1), wanted, rng)
        biases = [self._biases(layer) for layer in currents]
        spikes = _matrix(inputs[chosen] * self.t_phase)
        return tuple(n for n, _ in biases), tuple(p for _, p in biases), spikes

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
            low, high = np.log(self.sweep.i_min), np.log(self.sweep.i_max)
            current = np.exp(rng.uniform(low, high, size))
            current *= np.where(rng.random(size) < _POSITIVE, 1, -1)
            with torch.no_grad():
                v = membrane_trace(
                    torch.tensor(times),
                    torch.tensor(current * self.volts_per_ampere),
                    self.params,
                    method="exact",
                ).v.numpy()
            t = np.interp(self.v0 - v[-1], *self.firing)
            inside = (v.max(axis=0) < self.v0 - v_switch) & (t > _EARLIEST) & (t < _LATEST)
            inside &= v.min(axis=0) > self.v0 - self.supply_V + 0.1
            share = inside.mean(axis=0)
            good = np.flatnonzero(share >= _USABLE)
            pick = int(good[0]) if len(good) else int(share.argmax())
            chosen.append(current[pick])
            fired.append(np.where(inside[:, pick], t[:, pick], 2.0))
        return np.array(chosen), np.stack(fired, axis=1)

    def _biases(self, current: np.ndarray) -> tuple[Matrix, Matrix]:
        positive = current > 0
        bias_n = np.where(positive, self.curves["n"].bias(np.abs(current)), 0.0)
        bias_p = np.where(positive, self.supply_V, self.curves["p"].bias(np.abs(current)))
        return _matrix(bias_n), _matrix(bias_p)


def _capacitance(network: NetworkParameters, known: Mapping[str, pd.DataFrame]) -> float:
    """Effective membrane capacitance in F, measured where there is a table of it."""
    if "capacitance" in known:
        table = known["capacitance"]
        found = table.loc[table["status"] == "ok", "c_eff_F"].dropna()
        if len(found):
            return float(found.mean()) + _WIRES_F
    capacitor = network.neuron.capacitor
    return 2e-3 * capacitor.w * capacitor.l + _PARASITIC_F


def _firing(
    network: NetworkParameters,
    timing: PhaseTiming,
    known: Mapping[str, pd.DataFrame],
    c_eff_F: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Membranes in V, rising, and the firing times from there in phases, for interpolation."""
    v0, switch = network.neuron.v0, _SWITCH_V
    if "sensing_threshold" in known:
        found = known["sensing_threshold"]["v_threshold_V"].dropna()
        switch = float(found.mean()) if len(found) else switch
    v = np.linspace(switch, v0 + 0.3, 60)
    if "discharger" in known:
        table = known["discharger"]
        near = (table["v_discharge_V"] - network.neuron.v_discharge).abs() < 1e-6
        rows = table[near & (table["status"] == "ok")].sort_values("v_mem_V")
        if len(rows) > 4:
            current = np.interp(v, rows["v_mem_V"], rows["i_discharge_A"])
            steps = np.diff(v) * c_eff_F * (1 / current[1:] + 1 / current[:-1]) / 2
            return v, np.concatenate([[0.0], np.cumsum(steps)]) / timing.t_phase
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


def _matrix(values: np.ndarray) -> Matrix:
    return tuple(tuple(map(float, row)) for row in values)

