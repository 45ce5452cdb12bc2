"""The whole trained network in ngspice: decks of a few samples each, spike times from waveforms.

A deck passes a warm-up sample, which is discarded, and then its samples one after another through
the pipelined layers. Results of a deck are kept under the hash of everything that decides them, so
that an interrupted verification goes on where it was.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from codesign.cells import CellViews, Network, NetworkParameters, PhaseTiming, spike_line
from codesign.bench.stimulus import control_sources, pulse_source, supply_sources
from codesign.characterize.column import first_rise
from codesign.mapping import LayerBiases, trained_netlist
from codesign.pdk import Conditions, Process
from codesign.progress import ProgressCallback, silent
from codesign.spice import Cache, Deck, Ngspice, Transient, cache_key, integral, run_batch, run_jobs

_MAX_STEP_S = 10e-9
_WAVE_STEP_S = 2e-9
_TIMEOUT_S_PER_SAMPLE = 120.0


@dataclass(frozen=True)
class Circuit:
    """A trained network and what it is simulated at."""

    name: str
    network: NetworkParameters
    timing: PhaseTiming
    conditions: Conditions
    layers: tuple[LayerBiases, ...]
    views: CellViews = field(default_factory=CellViews)


@dataclass(frozen=True)
class CircuitResult:
    """What the simulator gave for samples, in order.

    `t_spike_s[layer][sample, neuron]`: s after the layer's firing phase starts, nan where the line
    stayed low or the simulation failed; `status[sample]`: "ok" or why it failed;
    `energy_J[sample]`;
    `v_mem_V[sample, layer, neuron, time]` (padded with nan to the widest layer) every
    `wave_step_s` from the start of the layer's frame to the end of its firing phase.
    """

    t_spike_s: tuple[np.ndarray, ...]
    status: np.ndarray
    energy_J: np.ndarray
    v_mem_V: np.ndarray
    wave_step_s: float

    @property
    def failed(self) -> int:
        """Number of samples without a result."""
        return int((self.status != "ok").sum())


@dataclass(frozen=True)
class _Chunk:
    """One deck: the spike times of the warm-up sample and of the measured ones, in s."""

    circuit: Circuit
    spikes_s: tuple[tuple[float, ...], ...]


def simulate_samples(
    circuit: Circuit,
    spikes_s: np.ndarray,
    warmup_s: np.ndarray,
    process: Process,
    *,
    cache_dir: Path | None = None,
    chunk: int = 5,
    workers: int | None = None,
    progress: ProgressCallback = silent,
    label: str = "verify",
) -> CircuitResult:
    """Simulate samples `spikes_s` (sample, input), each deck led in by `warmup_s` (input).

    Times in s after accumulation starts; a time past the phase is no spike. A deck that fails gives
    its samples a status instead of times.
    """
    groups = [spikes_s[start : start + chunk] for start in range(0, len(spikes_s), chunk)]
    chunks = [
        _Chunk(circuit, tuple(tuple(map(float, row)) for row in np.vstack([warmup_s, group])))
        for group in groups
    ]
    results: dict[int, dict[str, np.ndarray]] = {}
    limit = _TIMEOUT_S_PER_SAMPLE * (chunk + 1)
    factory = partial(_worker, process, cache_dir, limit)
    done = 0
    for outcome in run_jobs(chunks, factory, workers=workers, timeout_s=4 * limit):
        size = len(groups[outcome.index])
        if outcome.ok and outcome.value is not None:
            results[outcome.index] = outcome.value
        else:
            warnings.warn(f"{label}: {outcome.status.value}: {outcome.message}", stacklevel=2)
            results[outcome.index] = _empty(circuit, size, outcome.status.value)
        done += size
        progress(done, len(spikes_s), label)
    ordered = [results[index] for index in range(len(chunks))]
    joined = {key: np.concatenate([part[key] for part in ordered]) for key in ordered[0]}
    return CircuitResult(
        tuple(joined[f"t_{layer}"] for layer in range(1, len(circuit.layers) + 1)),
        joined["status"],
        joined["energy_J"],
        joined["v_mem_V"],
        _WAVE_STEP_S,
    )


def network_deck(circuit: Circuit, spikes_s: Sequence[Sequence[float]], supply_V: float) -> Deck:
    """The deck of a trained network with its sources, for the given samples in sequence."""
    network = Network(circuit.network, circuit.name)
    timing = circuit.timing
    samples = range(len(spikes_s))
    lines = [
        trained_netlist(network, circuit.layers, circuit.views),
        *supply_sources(circuit.network.neuron, supply_V),
    ]
    for layer in range(1, len(circuit.layers) + 1):
        frames = [timing.frame(layer - 1, k) for k in samples]
        lines += control_sources(circuit.network.neuron, timing, frames, supply_V, f"_{layer}")
    frames = [timing.frame(0, k) for k in samples]
    for i in range(circuit.network.layers[0]):
        times = [spikes[i] for spikes in spikes_s]
        lines.append(pulse_source(f"pulse_{i + 1}", times, frames, timing, supply_V))
    biased = f"{network.name}_trained"
    ports = [port for port in network.port_names if not port.startswith(("bn_", "bp_"))]
    lines.append(f"xtop {' '.join(ports)} {biased}")
    return Deck(
        f"{circuit.name}: trained network, {len(spikes_s)} samples",
        "\n".join(lines),
        circuit.views.devices([network]),
        circuit.conditions,
    )


def _worker(process: Process, cache_dir: Path | None, timeout_s: float) -> partial:
    return partial(_run_chunk, process, cache_dir, timeout_s)


def _run_chunk(
    process: Process, cache_dir: Path | None, timeout_s: float, chunk: _Chunk
) -> dict[str, np.ndarray]:
    circuit, timing = chunk.circuit, chunk.circuit.timing
    deck = network_deck(circuit, chunk.spikes_s, process.supply_V)
    save = tuple(vector for row in _vectors(circuit) for pair in row for vector in pair)
    stop = timing.run_length(len(circuit.layers), len(chunk.spikes_s))
    analysis = Transient(stop, _MAX_STEP_S, (*save, "i(vvdd)", "i(vv0)"))
    key = cache_key(
        deck.text(analysis),
        deck.models(process),
        Ngspice.find().version(),
        f"wave {_WAVE_STEP_S}",
        # What is kept are measured values, so the code that measures decides them too.
        inspect.getsource(_measure) + inspect.getsource(first_rise),
    )
    cache = Cache(cache_dir) if cache_dir is not None else None
    stored = cache.get(key) if cache else None
    if stored is not None:
        return stored
    result = run_batch(deck, analysis, process=process, timeout_s=timeout_s)
    if not result.ok:
        return _empty(circuit, len(chunk.spikes_s) - 1, result.status.value)
    measured = _measure(circuit, result.waveforms, len(chunk.spikes_s), process.supply_V)
    if cache:
        cache.put(key, measured, {"title": deck.title, "samples": len(chunk.spikes_s) - 1})
    return measured


def _vectors(circuit: Circuit) -> list[list[tuple[str, str]]]:
    """Per layer and neuron: the saved vectors of its spike line and its membrane."""
    network = Network(circuit.network, circuit.name)
    last = len(circuit.layers)
    gated = network.neuron.membrane == "mem"
    vectors = []
    for layer in range(1, last + 1):
        row = []
        for i in range(1, circuit.network.layers[layer] + 1):
            line = spike_line(layer, i)
            line = line if layer == last else f"xtop.xnet.{line}"
            inside = f"xn_{layer}_{i}.mem" if gated else f"dend_{layer}_{i}"
            row.append((f"v({line})", f"v(xtop.xnet.{inside})"))
        vectors.append(row)
    return vectors


def _measure(
    circuit: Circuit, wave: dict[str, np.ndarray], samples: int, supply_V: float
) -> dict[str, np.ndarray]:
    timing, time = circuit.timing, wave["time"]
    measured = _empty(circuit, samples - 1, "ok")
    v0 = circuit.network.neuron.v0
    grid = np.arange(measured["v_mem_V"].shape[-1]) * _WAVE_STEP_S
    for k in range(1, samples):
        for layer, row in enumerate(_vectors(circuit), start=1):
            frame = timing.frame(layer - 1, k)
            for i, (line, membrane) in enumerate(row):
                rise = first_rise(time, wave[line], frame + timing.t_fire, timing, supply_V)
                measured[f"t_{layer}"][k - 1, i] = np.nan if rise is None else rise
                measured["v_mem_V"][k - 1, layer - 1, i] = np.interp(
                    frame + grid, time, wave[membrane]
                )
        start, end = timing.frame(0, k), timing.frame(0, k) + timing.t_period
        # ngspice counts current into a source's positive node, so delivered current is negative.
        charge = [integral(time, wave[name], start, end) for name in ("i(vvdd)", "i(vv0)")]
        measured["energy_J"][k - 1] = -(supply_V * charge[0] + v0 * charge[1])
    return measured


def _empty(circuit: Circuit, samples: int, status: str) -> dict[str, np.ndarray]:
    widest = max(circuit.network.layers[1:])
    points = round(circuit.timing.t_end / _WAVE_STEP_S) + 1
    arrays = {
        f"t_{layer}": np.full((samples, width), np.nan)
        for layer, width in enumerate(circuit.network.layers[1:], start=1)
    }
    shape = (samples, len(circuit.layers), widest, points)
    return {
        **arrays,
        "status": np.full(samples, status, dtype="U24"),
        "energy_J": np.full(samples, np.nan),
        "v_mem_V": np.full(shape, np.nan, dtype=np.float32),
    }
