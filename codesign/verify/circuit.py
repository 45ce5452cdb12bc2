"""The whole trained network in ngspice: decks of a few samples each, spike times from waveforms.

A deck passes a warm-up sample, which is discarded, and then its samples one after another through
the pipelined layers. Results of a deck are kept under the hash of everything that decides them, so
that an interrupted verification goes on where it was.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from codesign.bench import (
    Frame,
    Setup,
    children_cpu_s,
    control_currents,
    driver_energy,
    rail_energy,
    rails,
    trained_deck,
    trained_nodes,
)
from codesign.files import code_hash
from codesign.mapping import LayerKnobs
from codesign.progress import ProgressCallback, silent
from codesign.spice import (
    Cache,
    Transient,
    Workers,
    cache_key,
    default_simulator,
    run_batch,
    run_jobs,
)

_MAX_STEP_S = 10e-9
_WAVE_STEP_S = 2e-9
_TIMEOUT_S_PER_SAMPLE, _SYNAPSES = 120.0, 50
# More membranes than this take minutes to find an operating point for: the first pass, which is
# discarded, starts from rest.
_MOST_SETTLED = 24


@dataclass(frozen=True)
class TrainedCircuit:
    """A trained network and what it is simulated at."""

    setup: Setup
    layers: tuple[LayerKnobs, ...]


@dataclass(frozen=True)
class CircuitResult:
    """What the simulator gave for samples, in order.

    `t_spike_s[layer][sample, neuron]`: s after the layer's firing phase starts, nan where the line
    stayed low or the simulation failed; `status[sample]`: "ok" or why it failed;
    `energy_J[sample]`, drivers of the phase controls included, which take `control_J[sample]`;
    `v_mem_V[sample, layer, neuron, time]` (padded with nan to the widest layer) every
    `wave_step_s` from the start of the layer's frame to the end of its firing phase; `cpu_s`: of
    the simulator, when it ran; `simulated[layer]`: which neurons were, where not all are.
    """

    t_spike_s: tuple[np.ndarray, ...]
    status: np.ndarray
    energy_J: np.ndarray
    control_J: np.ndarray
    v_mem_V: np.ndarray
    wave_step_s: float
    cpu_s: float = math.nan
    simulated: tuple[np.ndarray, ...] = ()

    def compared(self, layer: int) -> np.ndarray:
        """Whether (sample, neuron) of a layer, from 0, has a result to compare with."""
        compared = np.repeat((self.status == "ok")[:, None], self.t_spike_s[layer].shape[1], 1)
        return compared & self.simulated[layer] if self.simulated else compared

    @property
    def failed(self) -> int:
        """Number of samples without a result."""
        return int((self.status != "ok").sum())


@dataclass(frozen=True)
class _Chunk:
    """One deck: the spike times of the warm-up sample and of the measured ones, in s."""

    circuit: TrainedCircuit
    spikes_s: tuple[tuple[float, ...], ...]


def simulate_samples(
    circuit: TrainedCircuit,
    spikes_s: np.ndarray,
    warmup_s: np.ndarray,
    *,
    cache_dir: Path | None = None,
    chunk: int = 5,
    workers: Workers = None,
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
    synapses = sum(pre * post for pre, post in circuit.setup.network.connections)
    limit = _TIMEOUT_S_PER_SAMPLE * max(synapses / _SYNAPSES, 1.0) * (chunk + 1)
    factory = partial(_worker, cache_dir, limit)
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
        joined["control_J"],
        joined["v_mem_V"],
        _WAVE_STEP_S,
        float(joined["cpu_s"].sum()),
    )


def _worker(cache_dir: Path | None, timeout_s: float) -> partial:
    return partial(_run_chunk, cache_dir, timeout_s)


def _run_chunk(cache_dir: Path | None, timeout_s: float, chunk: _Chunk) -> dict[str, np.ndarray]:
    circuit, setup = chunk.circuit, chunk.circuit.setup
    deck = trained_deck(setup, [layer.values for layer in circuit.layers], chunk.spikes_s)
    neurons = trained_nodes(setup).neurons()
    save = tuple(vector for row in neurons for pair in row for vector in pair)
    stop = setup.timing.run_length(len(circuit.layers), len(chunk.spikes_s))
    from_rest = sum(setup.network.layers[1:]) > _MOST_SETTLED
    save += (*rails(setup), *_controls(setup))
    analysis = Transient(stop, _MAX_STEP_S, save, uic=from_rest)
    key = cache_key(
        deck.text(analysis),
        deck.models(setup.process),
        *default_simulator().identity(),
        f"wave {_WAVE_STEP_S}",
        # What is kept are measured values, so the code that measures decides them too.
        code_hash(_measure),
    )
    cache = Cache(cache_dir) if cache_dir is not None else None
    stored = cache.get(key) if cache else None
    if stored is not None:
        return stored
    before_s = children_cpu_s()
    result = run_batch(deck, analysis, process=setup.process, timeout_s=timeout_s)
    if not result.ok:
        return _empty(circuit, len(chunk.spikes_s) - 1, result.status.value)
    measured = _measure(circuit, result.waveforms, len(chunk.spikes_s))
    measured["cpu_s"][0] = children_cpu_s() - before_s
    if cache:
        cache.put(key, measured, {"title": deck.title, "samples": len(chunk.spikes_s) - 1})
    return measured


def _measure(
    circuit: TrainedCircuit, wave: dict[str, np.ndarray], samples: int
) -> dict[str, np.ndarray]:
    setup, time = circuit.setup, wave["time"]
    timing = setup.timing
    measured = _empty(circuit, samples - 1, "ok")
    grid = np.arange(measured["v_mem_V"].shape[-1]) * _WAVE_STEP_S
    vectors = trained_nodes(setup).neurons()
    for k in range(1, samples):
        for layer, row in enumerate(vectors, start=1):
            frame = Frame(setup, timing.frame(layer - 1, k))
            for i, (line, membrane) in enumerate(row):
                rise = frame.spike(time, wave[line])
                measured[f"t_{layer}"][k - 1, i] = np.nan if rise is None else rise
                measured["v_mem_V"][k - 1, layer - 1, i] = np.interp(
                    frame.start_s + grid, time, wave[membrane]
                )
        start = timing.frame(0, k)
        end = start + timing.t_period
        control_J = driver_energy(time, wave, _controls(setup), setup.supply_V, start, end)
        measured["control_J"][k - 1] = control_J
        measured["energy_J"][k - 1] = control_J + rail_energy(time, wave, rails(setup), start, end)
    return measured


def _controls(setup: Setup) -> list[str]:
    layers = range(1, len(setup.network.layers))
    return [vector for layer in layers for vector in control_currents(setup, layer)]


def _empty(circuit: TrainedCircuit, samples: int, status: str) -> dict[str, np.ndarray]:
    sizes = circuit.setup.network.layers[1:]
    points = round(circuit.setup.timing.t_end / _WAVE_STEP_S) + 1
    arrays = {
        f"t_{layer}": np.full((samples, width), np.nan)
        for layer, width in enumerate(sizes, start=1)
    }
    shape = (samples, len(circuit.layers), max(sizes), points)
    return {
        **arrays,
        "status": np.full(samples, status, dtype="U24"),
        "energy_J": np.full(samples, np.nan),
        "control_J": np.full(samples, np.nan),
        "cpu_s": np.zeros(samples),
        "v_mem_V": np.full(shape, np.nan, dtype=np.float32),
    }
