"""Columns against the whole network: what the cut costs in accuracy, and what it saves.

    python -m benchmarks.columns [5-5-5 16-16-16 ...] [--samples N] [--whole N] [--build DIR]

Networks are drawn and extracted. Biases are drawn at random from the shipped model of Iris until
neurons fire within their phase; both simulations get the same biases and input spikes. Of networks
in COLUMNS_ONLY a few columns of each layer are simulated. No model is fitted to these networks, so
that the neighbours' waveforms come from a first round instead. CPU seconds are those of one pass
through all neurons, discarded passes counted as passes. The exponent is that of the cost over
synapses, over all networks. Prints JSON, exits with 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from codesign.bench import CellViews, Setup
from codesign.cells import NetworkParameters, View
from codesign.characterize.model import FittedModel
from codesign.mapping import knob_layers
from codesign.resources import resource_dir
from codesign.spice.jobs import default_workers
from codesign.verify.circuit import TrainedCircuit, simulate_samples
from codesign.verify.columns import ColumnRunner, simulate_columns
from codesign.verify.prediction import model_spikes
from codesign.verify.sampled import cut_metrics

# Samples of the whole network, by network.
WHOLE = {(5, 5, 5): 20, (16, 16, 16): 1}
COLUMNS_ONLY = ((32, 32, 32), (65, 4, 4), (130, 4, 4), (260, 4, 4))
CHOSEN = 4  # neurons of each layer where the network is not simulated whole
MOST_SAMPLES, WHOLE_CHUNK = 21, 10
MAX_RMS_NS, LEAST_SAVING, MAX_EXPONENT = 0.02, 8.0, 1.1
_TRIES = 400


def main() -> int:
    """Run what is asked for and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="SIZES", help="such as 5-5-5")
    parser.add_argument("--build", type=Path, default=Path("build/columns"))
    parser.add_argument("--samples", type=int, default=9, help="by columns")
    arguments = parser.parse_args()
    known = [*WHOLE, *COLUMNS_ONLY]
    asked = [tuple(map(int, text.split("-"))) for text in arguments.networks] or known
    rows = []
    for sizes in asked:
        rows.append(_network(sizes, arguments.samples, arguments.build))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    exponent = _exponent(rows)
    whole = [row for row in rows if row["cpu_s_whole"] is not None]
    holds = {f"{row['network']} rms": row["rms_ns"] <= MAX_RMS_NS for row in whole}
    if (large := [row for row in whole if row["network"] == "16-16-16"]):
        holds["16-16-16 saving"] = large[0]["saving"] >= LEAST_SAVING
    if exponent is not None:
        holds["exponent"] = exponent <= MAX_EXPONENT
    print(json.dumps({"networks": rows, "exponent": exponent, "holds": holds}, indent=1))
    return 0 if all(holds.values()) else 1


def _network(sizes: tuple[int, ...], samples: int, build: Path) -> dict[str, Any]:
    setup = Setup(NetworkParameters(layers=sizes), views=CellViews(View.LAYOUT))
    model = _model(len(sizes) - 1)
    count = WHOLE.get(sizes, 0)
    samples = max(samples, count)
    rng = np.random.default_rng(1)
    # The first ones are the same however many there are.
    spikes = rng.uniform(0, 0.95, (MOST_SAMPLES, sizes[0]))
    weights = _weights(sizes, model, spikes[:4], rng)
    spikes = spikes[: samples + 1]
    circuit = TrainedCircuit(setup, knob_layers(weights, model))
    spikes_s = spikes * setup.timing.t_phase
    runner = ColumnRunner(build / "cache", 1, label="-".join(map(str, sizes)))
    chosen = None
    if sizes not in WHOLE:
        chosen = [np.sort(rng.permutation(size)[:CHOSEN]) for size in sizes[1:]]
    columns = simulate_columns(circuit, model, spikes_s[1:], spikes_s[0], runner, chosen)
    columns = simulate_columns(
        circuit, model, spikes_s[1:], spikes_s[0], runner, chosen, before=columns
    )
    neurons = sum(sizes[1:])
    simulated = neurons if chosen is None else sum(map(len, chosen))
    row: dict[str, Any] = {
        "network": "-".join(map(str, sizes)),
        "synapses": sum(pre * post for pre, post in setup.network.connections),
        "samples": samples,
        "samples_whole": count,
        "neurons_simulated": simulated,
        "failed_simulations": columns.failed,
        "fired": _fired(columns.t_spike_s),
        "cpu_s_columns": columns.cpu_s / _passes(samples, 10) * neurons / simulated,
        **dict.fromkeys(("rms_ns", "max_ns", "cpu_s_whole", "saving")),
    }
    if sizes in WHOLE:
        whole = simulate_samples(
            circuit, spikes_s[1 : count + 1], spikes_s[0], cache_dir=build / "cache",
            chunk=WHOLE_CHUNK, workers=default_workers(), label="whole network",
        )  # fmt: skip
        found = cut_metrics(columns, whole)
        row |= {key: found[key] for key in ("rms_ns", "max_ns", "spikes_missed")}
        row["cpu_s_whole"] = whole.cpu_s / _passes(count, WHOLE_CHUNK)
        row["saving"] = row["cpu_s_whole"] / row["cpu_s_columns"]
    return row


def _passes(samples: int, chunk: int) -> int:
    """Passes of as many samples in decks of `chunk`, each led in by one that is discarded."""
    return samples + -(-samples // chunk)


def _model(layers: int) -> FittedModel:
    """The shipped model of Iris, neurons alike, for as many layers."""
    model = FittedModel.load(resource_dir("characterization") / "iris" / "model.json").averaged()
    assert len(model.layers) == layers
    return model


def _weights(
    sizes: tuple[int, ...], model: FittedModel, spikes: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Random weights with which every neuron fires, or most often does, within the phase."""
    found, before = [], spikes
    for number, (pre, post) in enumerate(pairwise(sizes)):
        parameters = model.parameters()[number]
        rows = []
        for _ in range(post):
            tries = _tries(pre, rng)
            times = np.stack(
                [t[0] for t in _spikes(tries, parameters, before)], axis=0
            )  # (try, sample)
            inside = (times > 0.05) & (times < 0.95)
            rows.append(tries[int(inside.sum(axis=1).argmax())])
        found.append(np.array(rows))
        before = np.nan_to_num(model_spikes([found[-1]], [parameters], before, 1.0)[0], nan=2.0)
    return found


def _tries(pre: int, rng: np.random.Generator) -> np.ndarray:
    """Weights (try, line) whose sum is about what fires late, a third of them negative."""
    size = rng.uniform(0.3, 1.0, (_TRIES, pre)) * np.where(rng.random((_TRIES, pre)) < 0.7, 1, -0.6)
    return size * rng.uniform(0.6, 2.4, (_TRIES, 1)) / np.maximum(size.sum(1, keepdims=True), 0.2)


def _spikes(tries: np.ndarray, parameters: Any, before: np.ndarray) -> list[np.ndarray]:
    times = model_spikes([tries], [parameters], before, 1.0)[0]  # (sample, try)
    return [np.nan_to_num(times[:, k], nan=2.0)[None] for k in range(len(tries))]


def _fired(times: tuple[np.ndarray, ...]) -> list[int]:
    return [int(np.isfinite(layer).sum()) for layer in times]


def _exponent(rows: list[dict[str, Any]]) -> float | None:
    """Slope of CPU seconds per sample over synapses, both in logarithms."""
    if len({row["synapses"] for row in rows}) < 3:
        return None
    x = np.log([row["synapses"] for row in rows])
    y = np.log([row["cpu_s_columns"] for row in rows])
    return float(np.polyfit(x, y, 1)[0])


if __name__ == "__main__":
    sys.exit(main())
