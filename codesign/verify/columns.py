"""A trained network in ngspice, column by column: at the cost of its neurons.

Layer by layer, every neuron is simulated behind its own dendrite, driven by the spikes that the
layer before gave (`codesign.bench.cut` says what is kept). Waveforms of the neighbours come from
the fitted model, which is far more exact than such a coupling needs.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from codesign.bench import (
    ColumnDrive,
    ColumnJob,
    LineEdges,
    NetworkCut,
    NeighbourWave,
    column_job,
    failed_column,
    input_line_job,
    run_column,
)
from codesign.bench.columns import WAVE_STEP_S
from codesign.characterize.model import FittedModel
from codesign.characterize.neighbours import neighbour_waves
from codesign.mapping import weights_of
from codesign.progress import ProgressCallback, silent
from codesign.spice import Workers, run_jobs
from codesign.verify.circuit import CircuitResult, TrainedCircuit
from codesign.verify.prediction import circuit_prediction

Measured = dict[str, np.ndarray]
_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class ColumnRunner:
    """Runs jobs: where results are kept, on which workers, and who is told."""

    cache_dir: Path | None = None
    workers: Workers = None
    progress: ProgressCallback = silent
    label: str = "verify"

    def run(self, jobs: Sequence[ColumnJob], done: int = 0, total: int = 0) -> list[Measured]:
        """Results in the order of the jobs; a failed one has a status."""
        found: dict[int, Measured] = {}
        factory = partial(_worker, self.cache_dir, _TIMEOUT_S)
        for outcome in run_jobs(
            jobs, factory, workers=self.workers, timeout_s=4 * _TIMEOUT_S
        ):
            if outcome.ok and outcome.value is not None:
                found[outcome.index] = outcome.value
            else:
                warnings.warn(
                    f"{self.label}: {outcome.status.value}: {outcome.message}", stacklevel=2
                )
                found[outcome.index] = failed_column(jobs[outcome.index], outcome.status.value)
            self.progress(done + len(found), total or len(jobs), self.label)
        return [found[index] for index in range(len(jobs))]


def _worker(cache_dir: Path | None, timeout_s: float) -> partial:
    return partial(run_column, cache_dir, timeout_s)


def simulate_columns(
    circuit: TrainedCircuit,
    model: FittedModel,
    spikes_s: np.ndarray,
    warmup_s: np.ndarray,
    runner: ColumnRunner,
    chunk: int = 10,
) -> CircuitResult:
    """Simulate samples `spikes_s` (sample, input), each deck led in by `warmup_s` (input).

    Times in s after accumulation starts; a time past the phase is no spike. Raises InputError where
    the network cannot be taken apart.
    """
    setup = circuit.setup
    cut = NetworkCut(setup, [layer.values for layer in circuit.layers])
    sizes = setup.network.layers
    groups = [slice(k, k + chunk) for k in range(0, len(spikes_s), chunk)]
    total = sizes[0] + sum(sizes[1:]) * len(groups)
    inputs = runner.run([input_line_job(cut, i + 1) for i in range(sizes[0])], 0, total)
    edges = [LineEdges.of_arrays(found) for found in inputs]
    warmup = [warmup_s, *(t[0] for t in circuit_prediction(circuit.layers, model, warmup_s[None]))]
    before = np.where(spikes_s < setup.timing.t_phase, spikes_s, np.nan)
    energy = (~np.isnan(before)) @ np.array([float(line["energy_J"][0]) for line in inputs])
    layers: list[list[Measured]] = []
    done = sizes[0]
    for layer in range(1, len(sizes)):
        passes = [np.vstack([warmup[layer - 1], before[group]]) for group in groups]
        waves = [_waves(circuit, model, layer, spikes) for spikes in passes]
        jobs = [
            column_job(cut, layer, i + 1, ColumnDrive(spikes, edges, wave))
            for i in range(sizes[layer])
            for spikes, wave in zip(passes, waves, strict=True)
        ]
        found = runner.run(jobs, done, total)
        done += len(jobs)
        layers.append([_joined(found[k : k + len(groups)]) for k in range(0, len(jobs), len(groups))])
        edges = [_edges_of(found[k : k + len(groups)]) for k in range(0, len(jobs), len(groups))]
        before = np.stack([column["t_s"] for column in layers[-1]], axis=1)
        energy = energy + sum(column["energy_J"] for column in layers[-1])
    return _result(layers, energy, inputs)


def _waves(
    circuit: TrainedCircuit, model: FittedModel, layer: int, spikes_s: np.ndarray
) -> dict[int, Sequence[NeighbourWave]]:
    """Waves of every neuron of a layer for spikes (pass, line), by the fitted model."""
    weight = weights_of(circuit.layers, model)[layer - 1]
    parameters = model.parameters()[layer - 1]
    setup = circuit.setup
    t_spikes = np.nan_to_num(spikes_s / setup.timing.t_phase, nan=2.0)
    return neighbour_waves(t_spikes, weight, parameters, model.v_th_V, setup)


def _joined(parts: Sequence[Measured]) -> Measured:
    """The results of a column's decks as one."""
    keys = ("t_s", "energy_J", "v_mem_V")
    joined = {key: np.concatenate([part[key] for part in parts]) for key in keys}
    counts = [len(part["t_s"]) for part in parts]
    joined["status"] = np.repeat([str(part["status"]) for part in parts], counts)
    joined["cpu_s"] = np.array(sum(float(part["cpu_s"]) for part in parts))
    return joined


def _edges_of(parts: Sequence[Measured]) -> LineEdges | None:
    found = (LineEdges.of_arrays(part) for part in parts)
    return next((edges for edges in found if edges is not None), None)


def _result(
    layers: Sequence[Sequence[Measured]], energy_J: np.ndarray, inputs: Sequence[Measured]
) -> CircuitResult:
    columns = [column for layer in layers for column in layer]
    samples, points = columns[0]["v_mem_V"].shape
    status = np.full(samples, "ok", dtype="U24")
    for column in reversed(columns):
        failed = column["status"] != "ok"
        status[failed] = column["status"][failed]
    for line in inputs:
        if str(line["status"]) != "ok":
            status[:] = str(line["status"])
    v_mem = np.full(
        (samples, len(layers), max(map(len, layers)), points), np.nan, dtype=np.float32
    )
    for number, layer in enumerate(layers):
        for i, column in enumerate(layer):
            v_mem[:, number, i] = column["v_mem_V"]
    times = tuple(np.stack([column["t_s"] for column in layer], axis=1) for layer in layers)
    cpu_s = sum(float(part["cpu_s"]) for part in (*columns, *inputs))
    return CircuitResult(times, status, energy_J, v_mem, WAVE_STEP_S, cpu_s)
