"""Calibration on the network as it is drawn: neurons behind their own dendrites.

Each run sets random knobs on all synapses. Some neurons of each layer, other ones in every run, are
simulated as columns cut out of the network (`codesign.bench.cut`), several samples in sequence, the
one that fires first ahead, and once more before, which is discarded: a neuron that fires late or
never leaves something behind for the next sample. What is calibrated is one layer at a time: a
later layer's lines spike at the times that a first estimate gives, with the edges of the drivers
before it; neighbours rest at the reset voltage, so that what their membranes move comes on top. The
cost is that of the neurons that are characterised, whatever the network's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from codesign.bench import (
    ColumnDrive,
    ColumnJob,
    LineEdges,
    LineLoad,
    NetworkCut,
    Setup,
    column_job,
    failed_column,
    input_line_job,
    measured_loads,
    run_column,
)
from codesign.characterize.column_data import RESTING
from codesign.characterize.currents import trial_column
from codesign.characterize.network_draw import DrawnRun, NetworkDraw
from codesign.characterize.plan import NetworkSweep
from codesign.errors import SimulationError
from codesign.spice import Status

Rows = list[dict[str, Any]]
Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class NeuronTask:
    """One neuron (layer and neuron from 1) in one run.

    `knobs[polarity]`: value per synapse; `spikes_s[pass][line]` in s after accumulation starts, nan
    for none, warm-up first; `trials`: which sample of the run each measured pass is;
    `line_delay_s`: from a pulse to its line's edge, 0 for lines of neurons.
    """

    run: int
    layer: int
    neuron: int
    knobs: dict[str, tuple[float, ...]]
    spikes_s: Matrix
    trials: tuple[int, ...]
    line_delay_s: float
    job: ColumnJob

    @property
    def setup(self) -> Setup:
        """What is simulated."""
        return self.job.setup


def neuron_tasks(
    sweep: NetworkSweep, setup: Setup, known: Mapping[str, pd.DataFrame]
) -> list[NeuronTask]:
    """Tasks of random runs; the same sweep and tables give the same ones.

    Currents are drawn log-uniform between i_min and i_max (A, at the reset voltage), about two
    thirds of them positive weights, until a neuron fires within its phase for most samples; samples
    are chosen so that the firing times of the neurons spread.
    `known`: tables of sweeps by kind; synapse_current has to be there, capacitance, discharger and
    sensing_threshold place the trials better. Raises SimulationError where the drivers' edges,
    which are simulated first, cannot be had.
    """
    draw = NetworkDraw(sweep, setup, known)
    tasks: list[NeuronTask] = []
    lines: _Lines | None = None
    for run in range(sweep.runs):
        rng = np.random.default_rng([sweep.seed, run])
        chosen = [_chosen(sweep, run, size) for size in setup.network.layers[1:]]
        drawn = draw.run(rng, chosen)
        cut = NetworkCut(setup, drawn.knobs, digits=12)
        lines = lines or _lines(cut, drawn, sweep)
        tasks += _tasks_of(cut, drawn, run, chosen, lines, sweep.warmup)
    return tasks


def _chosen(sweep: NetworkSweep, run: int, size: int) -> np.ndarray:
    """Neurons of a layer, from 0, that a run simulates: in turn, in an order drawn once."""
    order = np.random.default_rng([sweep.seed, size]).permutation(size)
    count = min(sweep.neurons, size)
    return np.sort(order[(np.arange(count) + run * count) % size])


@dataclass(frozen=True)
class _Lines:
    """Edges of the lines of the inputs and of each layer but the last; what loads the lines of each
    layer of neurons."""

    edges: list[LineEdges]
    loads: list[dict[str, LineLoad] | None]

    def drive(self, drawn: DrawnRun, layer: int) -> ColumnDrive:
        """What drives the columns of a layer."""
        spikes = drawn.spikes_s[layer - 1]
        edges = [self.edges[layer - 1]] * spikes.shape[1]
        return ColumnDrive(spikes, edges, loads=self.loads[layer - 1])


def _lines(cut: NetworkCut, drawn: DrawnRun, sweep: NetworkSweep) -> _Lines:
    """Edges are measured on one line of each layer, loads on all, with the first run's knobs."""
    layers = len(cut.setup.network.layers) - 1
    loads = [measured_loads(cut, layer, sweep.timeout) for layer in range(1, layers)]
    found = _Lines([], [*loads, None])
    for layer in range(layers):
        if layer == 0:
            job = input_line_job(cut, 1)
        else:
            # The neuron whose samples leave most room for its edges.
            phase = cut.setup.timing.t_phase
            times = np.nan_to_num(drawn.spikes_s[layer][sweep.warmup :], nan=10 * phase)
            neuron = int(np.abs(times - phase / 2).mean(axis=0).argmin())
            job = column_job(cut, layer, neuron + 1, found.drive(drawn, layer), sweep.warmup)
        measured = run_column(None, sweep.timeout, job)
        edges = LineEdges.of_arrays(measured)
        if edges is None:
            raise SimulationError(
                f"the lines of layer {layer} never rose in the first run of sweep "
                f"{sweep.name!r} ({measured['status']})",
                remedy="look at the charge_injection and discharger tables; change the neuron's "
                "biases",
            )
        found.edges.append(edges)
    return found


def _tasks_of(
    cut: NetworkCut,
    drawn: DrawnRun,
    run: int,
    chosen: list[np.ndarray],
    lines: _Lines,
    warmup: int,
) -> Iterator[NeuronTask]:
    for layer, neurons in enumerate(chosen, start=1):
        drive = lines.drive(drawn, layer)
        delay_s = lines.edges[0].delay_s(cut.setup.supply_V) if layer == 1 else 0.0
        for i in neurons:
            own = {p: tuple(map(float, v[i])) for p, v in drawn.knobs[layer - 1].items()}
            order = np.argsort(drawn.spikes_s[layer][warmup:, i], kind="stable")
            passes = warmup + np.concatenate([np.repeat(order[:1], warmup), order])
            chosen_drive = replace(drive, spikes_s=drive.spikes_s[passes])
            spikes = tuple(tuple(map(float, row)) for row in chosen_drive.spikes_s)
            job = column_job(cut, layer, int(i) + 1, chosen_drive, warmup)
            yield NeuronTask(
                run, layer, int(i) + 1, own, spikes, tuple(map(int, order)), delay_s, job
            )


def run_neuron(task: NeuronTask, *, timeout_s: float) -> tuple[Rows, Rows]:
    """Simulate one neuron; returns (rows per pass, rows per pass and synapse).

    A failed run gives rows with its status and no measured values.
    """
    return neuron_rows(task, run_column(None, timeout_s, task.job))


def failed_rows(task: NeuronTask, status: str, duration_s: float) -> tuple[Rows, Rows]:
    """The rows of a task whose worker failed."""
    failed = failed_column(task.job, status)
    return neuron_rows(task, failed | {"duration_s": np.array(duration_s)})


def neuron_rows(task: NeuronTask, measured: Mapping[str, np.ndarray]) -> tuple[Rows, Rows]:
    """Rows of the two tables from what was measured."""
    setup, layer = task.setup, task.layer
    status = str(measured["status"])
    passes = task.job.passes - task.job.warmup
    where = {"layer": layer, "run": task.run}
    common: dict[str, Any] = {
        **where,
        "fan_in": len(task.spikes_s[0]),
        "fan_out": setup.network.fan_out(layer),
        "neighbours": RESTING,
        **setup.condition_columns(),
        "status": status,
        "attempts": int(measured["attempts"]),
        "duration_s": float(measured["duration_s"]) / passes,
    }
    trials: Rows = []
    inputs: Rows = []
    for k, trial in enumerate(task.trials):
        place = {"trial": trial, "neuron": task.neuron}
        found = (measured[key][k] for key in ("v_end_V", "v_start_V", "t_s"))
        # Before the first measured pass comes the same sample.
        before = measured["t_s"][max(k - 1, 0)]
        names = ("v_end_V", "v_start_V", "t_fire_s", "t_before_s")
        named = zip(names, map(_number, (*found, before)), strict=True)
        trials.append({**common, **place, **dict(named)})
        for synapse, spike in enumerate(task.spikes_s[k + task.job.warmup]):
            known = {
                trial_column(p, knob): task.knobs[p][synapse]
                for p, knob in setup.synapse.knobs.items()
            }
            times = {
                "t_pulse_s": _number(spike) if layer == 1 else None,
                "t_line_s": _number(spike + task.line_delay_s) if status == Status.OK else None,
            }
            row = {**where, **place, "synapse": synapse + 1, **known, **times, "status": status}
            inputs.append(row)
    return trials, inputs


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
