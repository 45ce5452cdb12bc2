"""Calibration on the whole network as it is drawn: every neuron behind its own dendrite.

Each run sets random knobs on all synapses and passes several samples through all layers; the first
ones are discarded. A layer's inputs are the pulses, or the times at which the lines of the layer
before rose, so that what is calibrated is one layer at a time. One run gives a trial of every
neuron for every sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from codesign.bench import Frame, Setup, trial_deck, trial_nodes
from codesign.characterize.column_trials import MAX_STEP_S
from codesign.characterize.currents import trial_column
from codesign.characterize.network_draw import NetworkDraw
from codesign.characterize.plan import NetworkSweep
from codesign.spice import Deck, Transient, run_batch

Rows = list[dict[str, Any]]
Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class NetworkTask:
    """One run: knobs per layer and polarity (post, pre), and spike times of every pass (warm-up
    first).

    `spikes_s[pass][input]` in s after accumulation starts.
    """

    run: int
    warmup: int
    knobs: tuple[dict[str, Matrix], ...]
    spikes_s: Matrix
    setup: Setup


def network_tasks(
    sweep: NetworkSweep, setup: Setup, known: Mapping[str, pd.DataFrame]
) -> list[NetworkTask]:
    """Random runs of the network; the same sweep and tables give the same runs.

    Currents are drawn log-uniform between i_min and i_max (A, at the reset voltage), about two
    thirds of them positive weights, until a neuron fires within its phase for most samples; samples
    are chosen so that the firing times of all neurons spread.
    `known`: tables of sweeps by kind; synapse_current has to be there, capacitance, discharger and
    sensing_threshold place the trials better.
    """
    draw = NetworkDraw(sweep, setup, known)
    tasks = []
    for run in range(sweep.runs):
        knobs, spikes = draw.run(np.random.default_rng([sweep.seed, run]))
        tasks.append(NetworkTask(run, sweep.warmup, knobs, spikes, setup))
    return tasks


def network_trial_deck(task: NetworkTask) -> tuple[Deck, tuple[str, ...]]:
    """The deck of a run and the vectors to save: per layer, lines and membranes; input lines."""
    values = [{p: np.array(v) for p, v in layer.items()} for layer in task.knobs]
    deck = trial_deck(task.setup, values, task.spikes_s, f"network trials, run {task.run}")
    nodes = trial_nodes(task.setup)
    saved = [vector for layer in nodes.neurons() for pair in layer for vector in pair]
    return deck, (*saved, *nodes.inputs())


def run_network(task: NetworkTask, *, timeout_s: float) -> tuple[Rows, Rows]:
    """Simulate one run; returns (rows per pass and neuron, rows per pass, neuron and synapse).

    A failed run gives rows with its status and no measured values.
    """
    setup = task.setup
    deck, saved = network_trial_deck(task)
    timing, passes = setup.timing, len(task.spikes_s)
    layers = len(setup.network.connections)
    analysis = Transient(timing.run_length(layers, passes), MAX_STEP_S, saved)
    result = run_batch(deck, analysis, process=setup.process, timeout_s=timeout_s)
    trials, inputs = blank_rows(
        task, result.status.value, len(result.attempts), result.duration_s
    )
    if not result.ok:
        return trials, inputs
    wave, time, nodes = result.waveforms, result.waveforms["time"], trial_nodes(setup)
    for row in trials:
        layer, k = row["layer"], row["trial"] + task.warmup
        frame = Frame(setup, timing.frame(layer - 1, k))
        membrane = wave[nodes.membrane(layer, row["neuron"])]
        row["v_start_V"] = frame.membrane_start(time, membrane)
        row["v_end_V"] = frame.membrane_end(time, membrane)
        row["t_fire_s"] = frame.spike(time, wave[nodes.line(layer, row["neuron"])])
    risen: dict[tuple[int, int, int], float | None] = {}
    for row in inputs:
        key = (row["layer"], row["trial"], row["synapse"])
        if key not in risen:
            frame = Frame(setup, timing.frame(key[0] - 1, key[1] + task.warmup))
            risen[key] = frame.input_rise(time, wave[nodes.line(key[0] - 1, key[2])])
        row["t_line_s"] = risen[key]
    return trials, inputs


def blank_rows(
    task: NetworkTask, status: str, attempts: int, duration_s: float
) -> tuple[Rows, Rows]:
    """The rows of a run before anything is measured."""
    trials: Rows = []
    inputs: Rows = []
    network = task.setup.network
    knobs = task.setup.synapse.knobs
    passes = len(task.spikes_s)
    for layer, (fan_in, neurons) in enumerate(network.connections, start=1):
        common: dict[str, Any] = {
            "layer": layer,
            "run": task.run,
            "fan_in": fan_in,
            "fan_out": network.fan_out(layer),
            **task.setup.condition_columns(),
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
                    post, pre = neuron - 1, synapse - 1
                    inputs.append(
                        {
                            "layer": layer,
                            "run": task.run,
                            **where,
                            "synapse": synapse,
                            **{
                                trial_column(p, knob): task.knobs[layer - 1][p][post][pre]
                                for p, knob in knobs.items()
                            },
                            "t_pulse_s": task.spikes_s[k][pre] if layer == 1 else None,
                            "t_line_s": None,
                            "status": status,
                        }
                    )
    return trials, inputs
