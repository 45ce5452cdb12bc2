"""Calibration decks: one neuron behind a column of synapses, spikes and biases drawn at random.

Each run keeps its biases and passes several samples through the column; the first ones are
discarded (memory of the bias change decays within one pass). Every pass gives the membrane voltage
just before the transmission gate opens and the time at which the neuron's line rises. A layer is
characterised at its own fan-in, with the other columns loading its input lines and the synapses of
the next layer loading its own line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from codesign.cells import (
    Crossbar,
    CrossbarParameters,
    InputDriver,
    NetworkParameters,
    PhaseTiming,
    RCSpikeNeuron,
    ResistiveSynapseParameters,
)
from codesign.cells.stimulus import control_sources, pulse_source, supply_sources
from codesign.characterize.currents import CurrentTable
from codesign.characterize.fit_currents import fit_shape
from codesign.characterize.plan import ColumnSweep
from codesign.errors import DesignError
from codesign.pdk import Conditions, Process
from codesign.spice import Deck, Transient, crossing_times, dc, run_batch, value_at

_MAX_STEP_S = 10e-9
_BEFORE_GATE_S = 1e-9
_CANDIDATES = 2000
# End voltages the trials are spread over, in volts below the reset voltage.
_SHALLOWEST_V, _DEEPEST_V = 0.02, 0.80


@dataclass(frozen=True)
class ColumnTask:
    """One run: biases of every synapse and spike times of every pass (warm-up first).

    `bias_n_V`, `bias_p_V`: per synapse; `spikes_s[pass][synapse]` in s after accumulation starts.
    """

    layer: int
    run: int
    fan_in: int
    neurons: int
    fan_out: int
    warmup: int
    bias_n_V: tuple[float, ...]
    bias_p_V: tuple[float, ...]
    spikes_s: tuple[tuple[float, ...], ...]
    network: NetworkParameters
    timing: PhaseTiming
    conditions: Conditions


def column_tasks(
    sweep: ColumnSweep,
    network: NetworkParameters,
    timing: PhaseTiming,
    conditions: Conditions,
    synapse_table: pd.DataFrame,
    supply_V: float = 1.8,
) -> list[ColumnTask]:
    """Random runs for every layer of the network; the same sweep and tables give the same runs.

    Currents are drawn log-uniform between i_min and i_max (A, at the reset voltage), two thirds of
    them positive weights; spike times are chosen so that the end voltages spread evenly over the
    range in which the neuron fires within its phase.
    """
    if isinstance(network.synapse, ResistiveSynapseParameters):
        raise DesignError(
            "network.synapse.kind: the column sweep and the fit take current_source synapses only",
            remedy='use kind = "current_source", or a plan without a column sweep',
        )
    tables = {polarity: CurrentTable.from_frame(synapse_table, polarity) for polarity in "np"}
    # A first estimate only; the fit finds the effective capacitance.
    capacitor = network.neuron.capacitor
    c_estimate = 2e-3 * capacitor.w * capacitor.l + 15e-15
    tasks = []
    for layer, (fan_in, neurons) in enumerate(network.connections, start=1):
        fan_out = network.layers[layer + 1] if layer + 1 < len(network.layers) else 0
        rng = np.random.default_rng([sweep.seed, layer])
        run = 0
        while run < sweep.runs:
            drawn = _draw(sweep, rng, fan_in, network, timing, tables, c_estimate, supply_V)
            if drawn is None:
                continue
            bias_n, bias_p, spikes = drawn
            tasks.append(
                ColumnTask(
                    layer, run, fan_in, neurons, fan_out, sweep.warmup, bias_n, bias_p, spikes,
                    network, timing, conditions,
                )
            )  # fmt: skip
            run += 1
    return tasks


def run_column(
    task: ColumnTask, process: Process, *, timeout_s: float = 300.0
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Simulate one run; returns (rows per pass, rows per pass and synapse), warm-up left out.

    A failed run gives rows with its status and no measured values.
    """
    passes = len(task.spikes_s)
    timing = task.timing
    deck, save = column_deck(task, process.supply_V)
    frames = [timing.frame(0, k) for k in range(passes)]
    analysis = Transient(timing.run_length(1, passes), _MAX_STEP_S, save)
    result = run_batch(deck, analysis, process=process, timeout_s=timeout_s)
    common: dict[str, Any] = {
        "layer": task.layer,
        "run": task.run,
        "fan_in": task.fan_in,
        "fan_out": task.fan_out,
        "corner": task.conditions.corner.value,
        "temperature_C": task.conditions.temperature_C,
        "seed": task.conditions.seed,
        "status": result.status.value,
        "attempts": len(result.attempts),
    }
    trials: list[dict[str, Any]] = []
    inputs: list[dict[str, Any]] = []
    for k in range(task.warmup, passes):
        row = {**common, "trial": k - task.warmup, "duration_s": result.duration_s / passes}
        row |= {"v_end_V": None, "v_start_V": None, "t_fire_s": None}
        lines: list[float | None] = [None] * task.fan_in
        if result.ok:
            wave, time = result.waveforms, result.waveforms["time"]
            start = frames[k] + timing.t_accumulate
            end = frames[k] + timing.t_fire - timing.gate_lead - _BEFORE_GATE_S
            row["v_start_V"] = value_at(time, wave[save[0]], start - 2e-9)
            row["v_end_V"] = value_at(time, wave[save[0]], end)
            row["t_fire_s"] = first_rise(
                time, wave["v(out)"], frames[k] + timing.t_fire, timing, process.supply_V
            )
            lines = [
                first_rise(time, wave[f"v(sp_{j})"], start, timing, process.supply_V)
                for j in range(1, task.fan_in + 1)
            ]
        trials.append(row)
        for j in range(task.fan_in):
            inputs.append(
                {
                    "layer": task.layer,
                    "run": task.run,
                    "trial": k - task.warmup,
                    "synapse": j + 1,
                    "v_bias_n_V": task.bias_n_V[j],
                    "v_bias_p_V": task.bias_p_V[j],
                    "t_pulse_s": task.spikes_s[k][j],
                    "t_line_s": lines[j],
                    "status": result.status.value,
                }
            )
    return trials, inputs


def column_deck(task: ColumnTask, supply_V: float) -> tuple[Deck, tuple[str, ...]]:
    """The deck of a run and the vectors to save: membrane first, output line, input lines."""
    neuron = RCSpikeNeuron(task.network.neuron)
    column = Crossbar(
        CrossbarParameters(rows=task.fan_in, columns=task.neurons, synapse=task.network.synapse),
        "crossbar",
    )
    driver = InputDriver(task.network.neuron.driver)
    frames = [task.timing.frame(0, k) for k in range(len(task.spikes_s))]
    cells = [driver, column, neuron]
    # The other columns load the lines as they do in the network; their synapses are off.
    nodes = {port: port for port in column.port_names} | {"dend_1": "dend"}
    nodes |= {f"dend_{other}": "v0" for other in range(2, task.neurons + 1)}
    for post, _, port_n, port_p in column.bias_ports():
        if post > 1:
            nodes |= {port_n: "vss", port_p: "vdd"}
    lines = [
        *supply_sources(task.network.neuron, supply_V),
        *control_sources(task.network.neuron, task.timing, frames, supply_V),
    ]
    for j in range(1, task.fan_in + 1):
        spikes = [pass_[j - 1] for pass_ in task.spikes_s]
        lines += [
            pulse_source(f"pulse_{j}", spikes, frames, task.timing, supply_V),
            f"xin_{j} pulse_{j} sp_{j} spb_{j} vdd vss {driver.name}",
            f"vbn_1_{j} bn_1_{j} 0 {dc(task.bias_n_V[j - 1])}",
            f"vbp_1_{j} bp_1_{j} 0 {dc(task.bias_p_V[j - 1])}",
        ]
    lines.append(f"xcolumn {' '.join(nodes[port] for port in column.port_names)} {column.name}")
    outputs = {"sp": "out", "spb": "outb"}
    ports = " ".join(outputs.get(port, port) for port in neuron.port_names)
    lines.append(f"xn {ports} {neuron.name}")
    if task.fan_out:
        load = Crossbar(
            CrossbarParameters(rows=1, columns=task.fan_out, synapse=task.network.synapse), "load"
        )
        cells.append(load)
        tied = {"sp_1": "out", "spb_1": "outb", "vdd": "vdd", "vss": "vss"}
        tied |= {f"dend_{c}": "v0" for c in range(1, task.fan_out + 1)}
        for *_, port_n, port_p in load.bias_ports():
            tied |= {port_n: "vss", port_p: "vdd"}
        lines.append(f"xload {' '.join(tied[port] for port in load.port_names)} {load.name}")
    definitions: dict[str, str] = {}
    for cell in cells:
        for part in cell.cells():
            definitions.setdefault(part.name, part.schematic.text)
    deck = Deck(
        f"column of {task.fan_in}, load {task.fan_out}, layer {task.layer}, run {task.run}",
        "\n".join([*definitions.values(), *lines]),
        frozenset(device for cell in cells for device in cell.devices()),
        task.conditions,
    )
    membrane = f"v(xn.{neuron.membrane})" if neuron.membrane != "dend" else "v(dend)"
    return deck, (membrane, "v(out)", *(f"v(sp_{j})" for j in range(1, task.fan_in + 1)))


def first_rise(
    time_s: np.ndarray, line_V: np.ndarray, start_s: float, timing: PhaseTiming, supply_V: float
) -> float | None:
    """When a spike line first rises through half the supply within a phase, s after `start_s`.

    Looked for from a little before the phase on; None when the line stays low.
    """
    rises = crossing_times(time_s, line_V, supply_V / 2, rising=True)
    inside = rises[(rises > start_s - 2 * timing.t_edge) & (rises < start_s + timing.t_phase)]
    return float(inside[0] - start_s) if len(inside) else None


def _draw(
    sweep: ColumnSweep,
    rng: np.random.Generator,
    fan_in: int,
    network: NetworkParameters,
    timing: PhaseTiming,
    tables: dict[str, CurrentTable],
    c_estimate: float,
    supply_V: float,
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[tuple[float, ...], ...]] | None:
    """Biases and spike times of one run, or None when these biases leave too little to fire
    with."""
    v0 = network.neuron.v0
    positive = rng.random(fan_in) < 0.65
    current = np.exp(rng.uniform(np.log(sweep.i_min), np.log(sweep.i_max), fan_in))
    bias_n = np.where(positive, tables["n"].at(v0).bias(current), 0.0)
    bias_p = np.where(positive, supply_V, tables["p"].at(v0).bias(current))
    # Imported here: workers only simulate, and need not pay for torch.
    import torch

    from codesign.pnn import PNNParameters, membrane_trace

    # Straight-line synapses are near enough to place the trials; membranes in volts below v0.
    slopes = {
        polarity: fit_shape(table, v0, 1.0, 1e-7, (sweep.i_min, sweep.i_max), (-0.3, 0.85), (0, -1))
        for polarity, table in tables.items()
    }
    params = PNNParameters(
        e_plus=1 / slopes["n"].inverse_e[0], e_minus=1 / slopes["p"].inverse_e[0]
    )
    times = rng.uniform(0, 0.95, (_CANDIDATES, fan_in))
    times[np.arange(_CANDIDATES), rng.integers(fan_in, size=_CANDIDATES)] = 0.0
    weight = np.where(positive, current, -current) * timing.t_phase / c_estimate
    with torch.no_grad():
        trace = membrane_trace(
            torch.tensor(times), torch.tensor(weight)[None], params, method="exact"
        )
    v = trace.v[..., 0].numpy()
    end, low, high = v[-1], v.min(axis=0), v.max(axis=0)
    usable = (high < _DEEPEST_V) & (low > v0 - supply_V + 0.1)
    spikes: list[tuple[float, ...]] = []
    for target in rng.uniform(_SHALLOWEST_V, _DEEPEST_V, sweep.warmup + sweep.trials):
        distance = np.where(usable, np.abs(end - target), np.inf)
        nearest = int(distance.argmin())
        if not distance[nearest] < 0.03:
            return None
        usable[nearest] = False
        spikes.append(tuple(float(t) for t in times[nearest] * timing.t_phase))
    return tuple(map(float, bias_n)), tuple(map(float, bias_p)), tuple(spikes)
