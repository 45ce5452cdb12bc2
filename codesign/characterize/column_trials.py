"""Calibration decks: one neuron behind a column of synapses, spikes and knobs drawn at random.

Each run keeps its knobs and passes several samples through the column, the deepest first, since a
neuron that fires late or never leaves something behind for the next sample; the first ones are
discarded (memory of the change decays within one pass). Every pass gives the membrane voltage just
before the membrane is isolated and the time at which the neuron's line rises. A layer is
characterised at its own fan-in, with the other columns loading its input lines and the synapses of
the next layer loading its own line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from codesign.bench import DeckBuilder, Frame, Setup, membrane_node, voltage
from codesign.bench.decks import NEURON, SPIKE
from codesign.cells import crossbar_cell
from codesign.characterize.currents import trial_column
from codesign.characterize.plan import ColumnSweep
from codesign.characterize.trial_knobs import TrialKnobs
from codesign.errors import DataError
from codesign.spice import Deck, Transient, run_batch

MAX_STEP_S = 10e-9
_CANDIDATES = 2000
# Draws without a usable run before giving up: many more than any that worked has needed.
_MOST_DRAWS = 500
_POSITIVE = 0.65
# End voltages the trials are spread over: shares of the reset voltage below it.
_SHALLOWEST, _DEEPEST = 0.02 / 1.3, 0.80 / 1.3

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class ColumnTask:
    """One run: knobs of every synapse and spike times of every pass (warm-up first).

    `knobs[polarity]`: value per synapse; `spikes_s[pass][synapse]` in s after accumulation starts.
    """

    layer: int
    run: int
    fan_in: int
    neurons: int
    fan_out: int
    warmup: int
    knobs: dict[str, tuple[float, ...]]
    spikes_s: tuple[tuple[float, ...], ...]
    setup: Setup


def column_tasks(sweep: ColumnSweep, setup: Setup, synapse_table: pd.DataFrame) -> list[ColumnTask]:
    """Random runs for every layer of the network; the same sweep and tables give the same runs.

    Currents are drawn log-uniform between i_min and i_max (A, at the reset voltage), two thirds of
    them positive weights; spike times are chosen so that the end voltages spread evenly over the
    range in which the neuron fires within its phase.
    """
    knobs = TrialKnobs.of(setup, synapse_table)
    # A first estimate only; the fit finds the effective capacitance.
    c_estimate = setup.neuron.capacitance_estimate_F
    tasks = []
    for layer, (fan_in, neurons) in enumerate(setup.network.connections, start=1):
        rng = np.random.default_rng([sweep.seed, layer])
        draw = _Draw(sweep, knobs, fan_in, c_estimate)
        for run in range(sweep.runs):
            values, spikes = draw.some_run(rng)
            tasks.append(
                ColumnTask(
                    layer, run, fan_in, neurons, setup.network.fan_out(layer), sweep.warmup,
                    values, spikes, setup,
                )
            )  # fmt: skip
    return tasks


def run_column(task: ColumnTask, *, timeout_s: float = 300.0) -> tuple[Rows, Rows]:
    """Simulate one run; returns (rows per pass, rows per pass and synapse), warm-up left out.

    A failed run gives rows with its status and no measured values.
    """
    setup, passes = task.setup, len(task.spikes_s)
    deck, save = column_deck(task)
    analysis = Transient(setup.timing.run_length(1, passes), MAX_STEP_S, save)
    result = run_batch(deck, analysis, process=setup.process, timeout_s=timeout_s)
    trials, inputs = blank_rows(
        task, result.status.value, len(result.attempts), result.duration_s / passes
    )
    if not result.ok:
        return trials, inputs
    wave, time = result.waveforms, result.waveforms["time"]
    membrane, line = save[:2]
    for row in trials:
        frame = Frame(setup, setup.timing.frame(0, row["trial"] + task.warmup))
        row["v_start_V"] = frame.membrane_start(time, wave[membrane])
        row["v_end_V"] = frame.membrane_end(time, wave[membrane])
        row["t_fire_s"] = frame.spike(time, wave[line])
        if row["trial"] + task.warmup:
            before = Frame(setup, setup.timing.frame(0, row["trial"] + task.warmup - 1))
            row["t_before_s"] = before.spike(time, wave[line])
    for row in inputs:
        frame = Frame(setup, setup.timing.frame(0, row["trial"] + task.warmup))
        row["t_line_s"] = frame.input_rise(time, wave[voltage(f"sp_{row['synapse']}")])
    return trials, inputs


def blank_rows(
    task: ColumnTask, status: str, attempts: int, duration_s: float
) -> tuple[Rows, Rows]:
    """The rows of a run before anything is measured."""
    trials: Rows = []
    inputs: Rows = []
    for trial in range(len(task.spikes_s) - task.warmup):
        where = {"layer": task.layer, "run": task.run}
        trials.append(
            {
                **where,
                "fan_in": task.fan_in,
                "fan_out": task.fan_out,
                **task.setup.condition_columns(),
                "status": status,
                "attempts": attempts,
                "trial": trial,
                "duration_s": duration_s,
                **dict.fromkeys(("v_end_V", "v_start_V", "t_fire_s", "t_before_s")),
            }
        )
        for j in range(task.fan_in):
            inputs.append(
                {
                    **where,
                    "trial": trial,
                    "synapse": j + 1,
                    **{
                        trial_column(p, knob): task.knobs[p][j]
                        for p, knob in task.setup.synapse.knobs.items()
                    },
                    "t_pulse_s": task.spikes_s[trial + task.warmup][j],
                    "t_line_s": None,
                    "status": status,
                }
            )
    return trials, inputs


def column_deck(task: ColumnTask) -> tuple[Deck, tuple[str, ...]]:
    """The deck of a run and the vectors to save: membrane first, output line, input lines."""
    setup = task.setup
    column = crossbar_cell(setup.network, task.fan_in, task.neurons)
    frames = [setup.timing.frame(0, k) for k in range(len(task.spikes_s))]
    title = f"column of {task.fan_in}, load {task.fan_out}, layer {task.layer}, run {task.run}"
    builder = DeckBuilder(setup, title).supplies().controls(frames)
    # The other columns load the lines as they do in the network; their synapses are off.
    others = range(2, task.neurons + 1)
    nodes = {"dend_1": "dend", **builder.off_knobs(column, others)}
    nodes |= {f"dend_{other}": builder.held() for other in others}
    for j in range(1, task.fan_in + 1):
        builder.pulse(j, [pass_[j - 1] for pass_ in task.spikes_s], frames).input_driver(j)
        for polarity, port in column.knob_ports(1, j).items():
            builder.source(f"v{port}", port, task.knobs[polarity][j - 1])
    builder.place_crossbar("column", column, nodes, {1: task.knobs})
    builder.neuron().line_load(task.fan_out)
    membrane = voltage(membrane_node(setup.neuron, NEURON))
    lines = (voltage(f"sp_{j}") for j in range(1, task.fan_in + 1))
    return builder.deck(), (membrane, voltage(SPIKE), *lines)


class _Draw:
    """Draws runs of one layer."""

    def __init__(
        self, sweep: ColumnSweep, knobs: TrialKnobs, fan_in: int, c_estimate: float
    ) -> None:
        self.sweep, self.knobs, self.fan_in = sweep, knobs, fan_in
        self.range = knobs.current_range(sweep, c_estimate)
        self.params = knobs.straight_lines(self.range)
        self.v0 = knobs.setup.neuron.v0
        self.t_phase = knobs.setup.timing.t_phase
        self.volts_per_ampere = self.t_phase / c_estimate

    def some_run(
        self, rng: np.random.Generator
    ) -> tuple[dict[str, tuple[float, ...]], tuple[tuple[float, ...], ...]]:
        """Knobs and spike times of one run. Raises DataError where none can be found, as for
        negative weights alone."""
        for _ in range(_MOST_DRAWS):
            if (drawn := self.run(rng)) is not None:
                return drawn
        low, high = self.range
        raise DataError(
            f"no weights with currents of {low:.3g} to {high:.3g} A in a column of {self.fan_in} "
            "make the neuron fire over its whole phase",
            remedy="the synapse has to carry positive weights; change i_min and i_max of the "
            "column sweep, the knobs' range or the membrane's capacitance",
        )

    def run(
        self, rng: np.random.Generator
    ) -> tuple[dict[str, tuple[float, ...]], tuple[tuple[float, ...], ...]] | None:
        """Knobs and spike times of one run, or None when these knobs leave too little to fire
        with."""
        import torch

        from codesign.pnn import membrane_trace

        fan_in = self.fan_in
        positive = self.knobs.signs(rng.random(fan_in) < _POSITIVE)
        low, high = np.log(self.range)
        current = np.exp(rng.uniform(low, high, fan_in)) * np.where(positive, 1, -1)
        times = rng.uniform(0, 0.95, (_CANDIDATES, fan_in))
        times[np.arange(_CANDIDATES), rng.integers(fan_in, size=_CANDIDATES)] = 0.0
        with torch.no_grad():
            trace = membrane_trace(
                torch.tensor(times),
                torch.tensor(current * self.volts_per_ampere)[None],
                self.params,
                method="exact",
            )
        v = trace.v[..., 0].numpy()
        end, lowest, highest = v[-1], v.min(axis=0), v.max(axis=0)
        shallowest, deepest = _SHALLOWEST * self.v0, _DEEPEST * self.v0
        usable = (highest < deepest) & (lowest > self.v0 - self.knobs.setup.supply_V + 0.1)
        spikes: list[tuple[float, ...]] = []
        wanted = self.sweep.warmup + self.sweep.trials
        for target in np.sort(rng.uniform(shallowest, deepest, wanted))[::-1]:
            distance = np.where(usable, np.abs(end - target), np.inf)
            nearest = int(distance.argmin())
            if not distance[nearest] < 0.03:
                return None
            usable[nearest] = False
            spikes.append(tuple(float(t) for t in times[nearest] * self.t_phase))
        values = self.knobs.values(current)
        return {p: tuple(map(float, v)) for p, v in values.items()}, tuple(spikes)
