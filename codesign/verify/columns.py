"""A trained network in ngspice, column by column: at the cost of its neurons.

Layer by layer, every neuron is simulated behind its own dendrite, driven by the spikes that the
layer before gave (`codesign.bench.cut` says what is kept). Waveforms of the neighbours come from
the fitted model, which is far more exact than such a coupling needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from codesign.bench import (
    ColumnDrive,
    LineEdges,
    LineLoad,
    NeighbourWave,
    NetworkCut,
    column_job,
    control_wires_J,
    input_line_job,
    measured_loads,
)
from codesign.bench.column_jobs import WAVE_STEP_S
from codesign.cells.names import spike_bar, spike_line
from codesign.characterize.model import FittedModel
from codesign.mapping import weights_of
from codesign.verify.circuit import CircuitResult, TrainedCircuit
from codesign.verify.column_runner import ColumnRunner, Measured, edges_of, joined, spread
from codesign.verify.neighbours import measured_waves, neighbour_waves
from codesign.verify.prediction import model_spikes

_LOADS_TIMEOUT_S = 600.0


def simulate_columns(
    circuit: TrainedCircuit,
    model: FittedModel,
    spikes_s: np.ndarray,
    warmup_s: np.ndarray,
    runner: ColumnRunner,
    chosen: Sequence[np.ndarray] | None = None,
    chunk: int = 10,
    before: CircuitResult | None = None,
) -> CircuitResult:
    """Simulate samples `spikes_s` (sample, input), each deck led in by `warmup_s` (input).

    Times in s after accumulation starts; a time past the phase is no spike. `chosen`: the neurons
    of each layer to simulate, from 0, all unless given; the others spike as the model says.
    `before`: an earlier result of the same samples, whose membranes are taken for the neighbours'
    instead of the model's. Raises InputError where the network cannot be taken apart.
    """
    run = _Cascade(circuit, model, runner, warmup_s, chunk, chosen or _all(circuit), before)
    return run.result(np.where(spikes_s < circuit.setup.timing.t_phase, spikes_s, np.nan))


def _all(circuit: TrainedCircuit) -> list[np.ndarray]:
    return [np.arange(size) for size in circuit.setup.network.layers[1:]]


class _Cascade:
    """Layer after layer."""

    def __init__(
        self,
        circuit: TrainedCircuit,
        model: FittedModel,
        runner: ColumnRunner,
        warmup_s: np.ndarray,
        chunk: int,
        chosen: Sequence[np.ndarray],
        before: CircuitResult | None,
    ) -> None:
        self.circuit, self.model, self.runner = circuit, model, runner
        self.chunk, self.chosen, self.before = chunk, chosen, before
        self.setup = circuit.setup
        self.cut = NetworkCut(self.setup, [layer.values for layer in circuit.layers])
        self.weights = weights_of(circuit.layers, model, or_meant=True)
        phase_s = circuit.setup.timing.t_phase
        spikes = model_spikes(self.weights, model.parameters(), warmup_s[None], phase_s)
        self.warmup_s = [warmup_s, *(times[0] for times in spikes)]

    def result(self, before_s: np.ndarray) -> CircuitResult:
        """Results of samples with input spikes (sample, input), nan for none."""
        sizes = self.setup.network.layers
        samples = len(before_s)
        decks = -(-samples // self.chunk)
        total, done = sizes[0] + decks * sum(map(len, self.chosen)), 0
        lines = [input_line_job(self.cut, i + 1) for i in range(sizes[0])]
        inputs = self.runner.run(lines, done, total)
        done += len(lines)
        edges = [LineEdges.of_arrays(found) for found in inputs]
        energy = (~np.isnan(before_s)) @ np.array([float(line["energy_J"][0]) for line in inputs])
        control = np.full(samples, control_wires_J(self.cut))
        energy = energy + control
        layers: list[dict[int, Measured]] = []
        times: list[np.ndarray] = []
        for layer in range(1, len(sizes)):
            groups = self._groups(layer, before_s)
            is_last = layer == len(sizes) - 1
            loads = None if is_last else measured_loads(self.cut, layer, _LOADS_TIMEOUT_S)
            jobs = [
                column_job(self.cut, layer, int(i) + 1, ColumnDrive(spikes, edges, waves, loads))
                for i in self.chosen[layer - 1]
                for spikes, waves in groups
            ]
            found = self.runner.run(jobs, done, total)
            done += len(jobs)
            parts = [found[k : k + decks] for k in range(0, len(found), decks)]
            columns = dict(zip(self.chosen[layer - 1].tolist(), map(joined, parts), strict=True))
            layers.append(columns)
            times.append(np.full((samples, sizes[layer]), np.nan))
            for i, column in columns.items():
                times[-1][:, i] = column["t_s"]
                control = control + column["control_J"]
                energy = energy + column["energy_J"] + self._load_energy(layer, i, column, loads)
            known = dict(zip(columns, map(edges_of, parts), strict=True))
            edges = spread(known, sizes[layer])
            before_s = self._all_spikes(layer, before_s, times[-1])
        return self._collected(layers, times, (energy, control), inputs)

    def _load_energy(
        self, layer: int, i: int, column: Measured, loads: Mapping[str, LineLoad] | None
    ) -> np.ndarray:
        """What a capacitance in place of the synapses on a line leaves out, per sample."""
        lines = (spike_line(layer, i + 1), spike_bar(layer, i + 1))
        own = [loads[net] for net in lines if loads and net in loads]
        supply_V = self.setup.supply_V
        return np.isfinite(column["t_s"]) * sum(load.energy_J(supply_V) for load in own)

    def _groups(
        self, layer: int, before_s: np.ndarray
    ) -> list[tuple[np.ndarray, dict[int, list[NeighbourWave]]]]:
        """Passes of each deck, the warm-up first, and what the neighbours do in them."""
        groups = []
        for start in range(0, len(before_s), self.chunk):
            group = slice(start, start + self.chunk)
            spikes = np.vstack([self.warmup_s[layer - 1], before_s[group]])
            t_spikes = np.nan_to_num(spikes / self.setup.timing.t_phase, nan=2.0)
            waves = neighbour_waves(
                t_spikes, self.weights[layer - 1], self.model.layers[layer - 1].forms["extended"],
                self.model.v_th_V, self.setup, self._said(layer, spikes),
            )  # fmt: skip
            if self.before is not None:
                for i, neighbour in measured_waves(self.before, layer, group, self.setup).items():
                    waves[i][1:] = neighbour
            groups.append((spikes, waves))
        return groups

    def _all_spikes(
        self, layer: int, before_s: np.ndarray, found_s: np.ndarray
    ) -> np.ndarray:
        """Spikes of a layer: SPICE's where it was simulated, else the model's."""
        others = np.setdiff1d(np.arange(found_s.shape[1]), self.chosen[layer - 1])
        if not len(others):
            return found_s
        said = self._said(layer, before_s)
        return np.where(np.isin(np.arange(found_s.shape[1]), others), said, found_s)

    def _said(self, layer: int, before_s: np.ndarray) -> np.ndarray:
        """What the model says of a layer whose lines spike at `before_s`."""
        own, phase = slice(layer - 1, layer), self.setup.timing.t_phase
        times = np.nan_to_num(before_s, nan=2 * phase)
        return model_spikes(self.weights[own], self.model.parameters()[own], times, phase)[0]

    def _collected(
        self,
        layers: Sequence[dict[int, Measured]],
        times: Sequence[np.ndarray],
        energies_J: tuple[np.ndarray, np.ndarray],
        inputs: Sequence[Measured],
    ) -> CircuitResult:
        columns = [column for layer in layers for column in layer.values()]
        sizes = self.setup.network.layers[1:]
        samples, points = columns[0]["v_mem_V"].shape
        status = np.full(samples, "ok", dtype="U24")
        for column in reversed(columns):
            failed = column["status"] != "ok"
            status[failed] = column["status"][failed]
        for line in inputs:
            if str(line["status"]) != "ok":
                status[:] = str(line["status"])
        v_mem = np.full((samples, len(sizes), max(sizes), points), np.nan, dtype=np.float32)
        for number, layer in enumerate(layers):
            for i, column in layer.items():
                v_mem[:, number, i] = column["v_mem_V"]
        masks = [np.isin(np.arange(n), c) for n, c in zip(sizes, self.chosen, strict=True)]
        part = not all(mask.all() for mask in masks)
        energy_J, control_J = (np.full(samples, np.nan) if part else x for x in energies_J)
        return CircuitResult(
            tuple(times),
            status,
            energy_J,
            control_J,
            v_mem,
            WAVE_STEP_S,
            sum(float(part["cpu_s"]) for part in (*columns, *inputs)),
            tuple(masks) if part else (),
        )
