"""Decks of single columns and input lines of a network, and what is measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from codesign.bench.column_jobs import WAVE_STEP_S, ColumnJob
from codesign.bench.cut import LOAD_SUPPLY, NetworkCut, Part
from codesign.bench.decks import DeckBuilder
from codesign.bench.edges import (
    LineEdges,
    NeighbourWave,
    line_points,
    measured_edges,
    neighbour_points,
)
from codesign.bench.loads import LineLoad
from codesign.bench.measure import Frame, children_cpu_s, driver_energy, rail_energy, rails
from codesign.bench.nodes import Owner, owner_of
from codesign.cells.names import layered
from codesign.files import code_hash
from codesign.spice import Cache, cache_key, default_simulator, pwl, run_batch

_FIGURES = ("t_s", "v_start_V", "v_end_V", "energy_J", "control_J")
# Of the phase: where an input line's edges are measured.
_MIDDLE = 0.5
# Edges measured further from the middle would reach into each other.
_ROOM = 0.49


@dataclass(frozen=True)
class ColumnDrive:
    """What drives the column of a layer: spikes (pass, line), s after accumulation starts, nan for
    none; edges of each line (None: it never spikes); per neighbour its wave in each pass; by net,
    what stands for the synapses on the lines of the layer's neurons, themselves if left out."""

    spikes_s: np.ndarray
    edges: Sequence[LineEdges | None]
    neighbours: Mapping[int, Sequence[NeighbourWave]] = field(default_factory=dict)
    loads: Mapping[str, LineLoad] | None = None


def column_job(
    cut: NetworkCut, layer: int, index: int, drive: ColumnDrive, warmup: int = 1
) -> ColumnJob:
    """The job of one column; layer and index from 1. Raises InputError where the network cannot be
    cut there."""
    setup, part, own = cut.setup, cut.column(layer, index), Owner("line", layer, index)
    frames = [setup.timing.frame(layer - 1, k) for k in range(len(drive.spikes_s))]
    loads = {net: load for net, load in (drive.loads or {}).items() if owner_of(net) == own}
    cards = part.cards if drive.loads is not None else (*part.cards, *part.load)
    cards += tuple(f"cload_{net} {net} 0 {load.c_F:.6g}" for net, load in loads.items())
    title = f"column {layer}.{index}, {len(frames)} passes"
    builder = _builder(cut, part, cards, title, len(frames))
    for net, owner in part.lines.items():
        line = "spb" if net.startswith("spb") else "sp"
        edges, spikes = drive.edges[owner.number - 1], drive.spikes_s[:, owner.number - 1]
        builder.drive(net, pwl(line_points(setup, line, edges, spikes.tolist(), frames)))
    for net, owner in part.neighbours.items():
        waves = drive.neighbours.get(owner.number)
        on_membrane = owner.kind == "neuron"
        given = neighbour_points(setup, waves, frames, on_membrane) if waves else None
        builder.drive(net, pwl(given) if given else setup.neuron.v0)
    return ColumnJob(builder.deck(), setup, layer, index, len(frames), warmup)


def input_line_job(cut: NetworkCut, index: int) -> ColumnJob:
    """One pulse in the middle of a phase behind the driver of an input, after one without."""
    setup, part = cut.setup, cut.input_line(index)
    frames = [setup.timing.frame(0, k) for k in range(2)]
    cards = (*part.cards, *part.load)
    builder = _builder(cut, part, cards, f"input line {index}", 2)
    builder.pulse(index, [None, _MIDDLE * setup.timing.t_phase], frames)
    return ColumnJob(builder.deck(), setup, 0, index, len(frames))


def _builder(
    cut: NetworkCut, part: Part, cards: Sequence[str], title: str, passes: int
) -> DeckBuilder:
    """Cards of a part and the sources that every deck has."""
    setup = cut.setup
    builder = DeckBuilder(setup, f"{setup.name}: {title}")
    named = {word for card in cards for word in card.split()}
    knobs = [card for net, card in part.knobs.items() if net in named]
    builder.define([*cards, *knobs], [setup.cell]).supplies()
    builder.source(f"v{LOAD_SUPPLY}", LOAD_SUPPLY, setup.supply_V)
    for layer in range(1, len(setup.network.layers)):
        ports = {layered(control, layer).lower() for control in setup.neuron.control_ports}
        if ports & part.ports:
            builder.controls([setup.timing.frame(layer - 1, k) for k in range(passes)], layer)
    for net in part.held:
        builder.drive(net, setup.neuron.v0)
    return builder




def run_column(
    cache_dir: Path | None, timeout_s: float, job: ColumnJob
) -> dict[str, np.ndarray]:
    """Simulate and measure: `status`; per measured pass `t_s` (s into the firing phase, nan for
    none; of an input line s after accumulation starts), `v_start_V`, `v_end_V`, `v_mem_V`
    (pass, time), `energy_J` and the part of it for the phase controls, `control_J`; edges of the
    line where it rose. What is in the cache is taken from there."""
    stored = kept_column(cache_dir, job) if cache_dir is not None else None
    if stored is not None:
        return stored
    analysis = job.analysis
    before_s = children_cpu_s()
    result = run_batch(job.deck, analysis, process=job.setup.process, timeout_s=timeout_s)
    if not result.ok:
        return failed_column(job, result.status.value)
    measured = _measure(job, result.waveforms)
    measured["attempts"] = np.array(len(result.attempts))
    measured["duration_s"] = np.array(result.duration_s)
    measured["cpu_s"] = np.array(children_cpu_s() - before_s)
    if cache_dir is not None:
        Cache(cache_dir).put(_key(job), measured, {"title": job.deck.title})
    return measured


def kept_column(cache_dir: Path, job: ColumnJob) -> dict[str, np.ndarray] | None:
    """What the cache has of a job, or None."""
    return Cache(cache_dir).get(_key(job))


def _key(job: ColumnJob) -> str:
    return cache_key(
        job.deck.text(job.analysis),
        job.deck.models(job.setup.process),
        *default_simulator().identity(),
        f"wave {WAVE_STEP_S} warmup {job.warmup}",
        # What is kept are measured values, so the code that measures decides them too.
        code_hash(_measure),
    )


def failed_column(job: ColumnJob, status: str) -> dict[str, np.ndarray]:
    """What a job gives that has no result."""
    count = job.passes - job.warmup
    points = round(job.setup.timing.t_end / WAVE_STEP_S) + 1
    return {
        "status": np.array(status),
        **{key: np.full(count, np.nan) for key in _FIGURES},
        "v_mem_V": np.full((count, points), np.nan, dtype=np.float32),
        "attempts": np.array(0),
        "duration_s": np.array(np.nan),
        "cpu_s": np.array(np.nan),
    }


def _measure(job: ColumnJob, wave: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    setup, time = job.setup, wave["time"]
    timing, found = setup.timing, failed_column(job, "ok")
    line = wave[job.lines["sp"]]
    grid = np.arange(found["v_mem_V"].shape[-1]) * WAVE_STEP_S
    for k, start in enumerate(job.frames):
        frame = Frame(setup, start)
        rise = frame.spike(time, line) if job.layer else frame.input_rise(time, line)
        found["t_s"][k] = np.nan if rise is None else rise
        if job.layer:
            membrane = wave[job.membrane]
            found["v_start_V"][k] = frame.membrane_start(time, membrane)
            found["v_end_V"][k] = frame.membrane_end(time, membrane)
            found["v_mem_V"][k] = np.interp(start + grid, time, membrane)
        end = start + timing.t_period
        found["control_J"][k] = driver_energy(
            time, wave, job.controls, setup.supply_V, start, end
        )
        found["energy_J"][k] = found["control_J"][k] + rail_energy(
            time, wave, rails(setup), start, end
        )
    edges = _edges(job, wave, found["t_s"])
    return found | (edges.arrays() if edges else {})


def _edges(
    job: ColumnJob, wave: dict[str, np.ndarray], rises_s: np.ndarray
) -> LineEdges | None:
    """Edges of the line in the pass whose spike is nearest to the middle of the phase; None where
    none leaves room for them."""
    timing = job.setup.timing
    distance = np.abs(rises_s / timing.t_phase - _MIDDLE)
    if not (distance < _ROOM).any():
        return None
    nearest = int(np.nanargmin(distance))
    phase = job.frames[nearest] + (timing.t_fire if job.layer else timing.t_accumulate)
    # An input's spikes are counted from its pulse, a neuron's from its line.
    spike = phase + (rises_s[nearest] if job.layer else _MIDDLE * timing.t_phase)
    waves = {key: wave[vector] for key, vector in job.lines.items()}
    end = phase + timing.t_phase
    return measured_edges(wave["time"], waves, spike, end, job.setup.supply_V)
