"""Accuracy against |E| and against M; what mapping an ideal network costs at small |E|.

    python -m benchmarks.reversal_potential [--out DIR]

Digits (scikit-learn) and a part of Fashion-MNIST, dense and small convolutional networks, spike
noise 0 and 0.01, seeds 1..3. For each |E| a network is trained with it (`pnn`); the network
trained as an ideal weighted sum is tested with it as it is (`mapped`) and with its positive and
negative weights scaled by one factor each to fit the membranes of training samples (`scaled`).
Then accuracy at M = 2..30 after training at that M, with fixed and random offset. Every training
run is a row, written as it ends and kept for a run that goes on. Prints JSON, writes
benchmarks/results/reversal_potential.png.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from codesign.pnn import Architecture, PNNParameters, Solution
from codesign.training import Split, TrainingParameters, TrainingResult, evaluate, train

RESULTS = Path(__file__).parent / "results"
REVERSALS = (0.5, 1.0, 2.0, 4.0, 8.0, 32.0)
IDEAL = 100.0
SEEDS = (1, 2, 3)
NOISES = (0.0, 0.01)
STEPS = (2, 3, 4, 6, 10, 30)


@dataclass(frozen=True)
class Task:
    """A data set, a network and how long it is trained."""

    name: str
    dataset: str
    layers: str
    shape: tuple[int, int, int]
    epochs: int
    samples: int | None = None
    seeds: Sequence[int] = SEEDS

    def training(self, seed: int, noise: float, **changes: Any) -> TrainingParameters:
        plain = {
            "dataset": self.dataset,
            "train_samples": self.samples,
            "test_samples": 360,
            "split_seed": 1,
            "seed": seed,
            "coding": "inverted",
            "input_window": (0.0, 1.0),
            "bias_spike": self.dataset == "digits" and self.shape[1] == 1,
            "dtype": "float32",
            "epochs": self.epochs,
            "batch_size": 32,
            "learning_rate": 3e-3,
            "warmup_epochs": 1,
            "method": "dstd2",
            "steps": 4,
            "spike_noise": noise,
            "noise_on_silent": False,
            "softmax_scale": 0.07,
            "temporal_penalty": 0.1,
            "t_ref": 0.9,
            "weight_norm": 0.0,
            "early_penalty": 0.0,
            "idle_penalty": 0.0,
            "range_penalty": 0.0,
            "evaluate_every": 1000,
            "test_method": "dstd2",
        }
        return TrainingParameters(**(plain | changes))


TASKS = (
    Task("digits, dense", "digits", "100-10", (1, 1, 65), 30),
    Task("digits, conv", "digits", "conv8-pool-64-10", (1, 8, 8), 15),
    Task("fashion 3k, dense", "fashion_mnist", "100-10", (1, 1, 784), 8, 3000),
)


def neuron(e: float) -> PNNParameters:
    return PNNParameters(e_plus=e, e_minus=-e)


def run(task: Task, e: float, training: TrainingParameters) -> TrainingResult:
    """One training run."""
    return train(neuron(e), Architecture(task.layers, task.shape), training)


def scaled_weights(result: TrainingResult, e: float, split: Split) -> list[Tensor]:
    """Ideal weights, positive and negative ones scaled per layer to give the ideal membranes.

    Layer by layer, two Newton steps on the least squares of both scales, from given inputs.
    """
    net, ideal = result.architecture, [neuron(IDEAL)] * len(result.weights)
    goal = net.forward(split.times, result.weights, ideal, Solution("dstd2", 30))
    scales = [torch.ones(2) for _ in result.weights]

    def weights(values: Sequence[Tensor]) -> list[Tensor]:
        return [
            torch.where(w >= 0, s[0] * w, s[1] * w)
            for w, s in zip(result.weights, values, strict=True)
        ]

    params = [neuron(e)] * len(result.weights)
    for layer in range(len(scales)):
        for _ in range(6):

            def membranes(s: Tensor, layer: int = layer) -> Tensor:
                tried = [*scales[:layer], s, *scales[layer + 1 :]]
                return net.forward(split.times, weights(tried), params, Solution("dstd2", 10))[
                    layer
                ].v.flatten()

            base = membranes(scales[layer])
            moved = [membranes(scales[layer] + 1e-2 * d) for d in torch.eye(2)]
            slope = torch.stack([(x - base) / 1e-2 for x in moved], dim=1)
            rest = goal[layer].v.flatten() - base
            step = torch.linalg.lstsq(slope, rest.unsqueeze(1)).solution[:, 0]
            scales[layer] = (scales[layer] + step).clamp(0.2, 5.0)
    return weights(scales)


def accuracy(result: TrainingResult, weights: Sequence[Tensor], e: float) -> float:
    """Test accuracy of given weights with another reversal potential."""
    return evaluate(
        weights,
        [neuron(e)] * len(weights),
        result.dataset.test,
        result.dataset.n_classes,
        "dstd2",
        30,
        result.architecture,
    ).accuracy


def reversal_rows(task: Task, seed: int, noise: float) -> list[dict[str, Any]]:
    """Accuracies over |E| of one task, seed and noise."""
    training = task.training(seed, noise)
    ideal = run(task, IDEAL, training)
    some = ideal.dataset.train.head(200)
    rows = []
    for e in REVERSALS:
        with torch.no_grad():
            mapped = accuracy(ideal, ideal.weights, e)
            scaled = accuracy(ideal, scaled_weights(ideal, e, some), e)
        pnn = run(task, e, training).accuracy_test
        rows.append({"e": e, "pnn": pnn, "mapped": mapped, "scaled": scaled})
    return [
        {"study": "E", "task": task.name, "seed": seed, "noise": noise, **row}
        for row in [*rows, {"e": IDEAL, "pnn": ideal.accuracy_test}]
    ]


def steps_rows(task: Task, seed: int) -> list[dict[str, Any]]:
    """Accuracies over the M of training, tested by dstd2 at M = 30; |E| = 4, noise 0.01."""
    rows = []
    for method in ("dstd", "dstd2"):
        for steps in STEPS:
            for random in (False, True):
                training = task.training(
                    seed, 0.01, method=method, steps=steps, random_offset=random
                )
                found = run(task, 4.0, training).accuracy_test
                rows.append({"method": method, "steps": steps, "random": random, "pnn": found})
    exact = run(task, 4.0, task.training(seed, 0.01, method="exact")).accuracy_test
    rows.append({"method": "exact", "steps": 0, "random": False, "pnn": exact})
    return [{"study": "M", "task": task.name, "seed": seed, **row} for row in rows]


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over seeds of every setting; the best |E| of each task."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        for kind in ("pnn", "mapped", "scaled"):
            if kind in row:
                keys = ("study", "task", "noise", "e", "method", "steps", "random")
                name = ", ".join(f"{key} {row[key]}" for key in keys if key in row)
                groups.setdefault(f"{name}, {kind}", []).append(row[kind])
    return {
        name: {
            "mean": statistics.mean(x),
            "sd": statistics.stdev(x) if len(x) > 1 else None,
            "seeds": len(x),
        }
        for name, x in groups.items()
    }


def best_reversals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Per task and noise: mean accuracy by |E|, and the |E| of the highest."""
    out: dict[str, Any] = {}
    for row in rows:
        if row["study"] == "E":
            group = out.setdefault(f"{row['task']}, noise {row['noise']}", {})
            group.setdefault(row["e"], []).append(row["pnn"])
    return {
        name: {
            "accuracy": {e: statistics.mean(x) for e, x in sorted(group.items())},
            "best": max(group, key=lambda e: statistics.mean(group[e])),
        }
        for name, group in out.items()
    }


def main() -> int:
    """All rows that the time allows, in an order that makes a part of them useful."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/reversal_potential"))
    parser.add_argument("--minutes", type=float, default=1e9, help="start nothing after")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    stop_s = time.monotonic() + 60 * arguments.minutes
    work: list[tuple[str, Any]] = []
    for seed in SEEDS:
        work += [
            (
                f"E {task.name} {seed} {noise}",
                lambda t=task, s=seed, n=noise: reversal_rows(t, s, n),
            )
            for task in TASKS
            for noise in NOISES
        ]
    work[len(work) // 3 : len(work) // 3] = [
        (f"M {TASKS[0].name} {seed}", lambda s=seed: steps_rows(TASKS[0], s)) for seed in SEEDS
    ]
    rows: list[dict[str, Any]] = []
    skipped = []
    for name, make in work:
        path = arguments.out / f"{name.replace(' ', '_').replace(',', '')}.json"
        if not path.exists():
            if time.monotonic() > stop_s:
                skipped.append(name)
                continue
            path.write_text(json.dumps(make()))
            print(name, file=sys.stderr, flush=True)
        rows += json.loads(path.read_text())
    draw(rows)
    figures = {
        "benchmark": "reversal_potential",
        "tasks": {t.name: f"{t.layers}, {t.epochs} epochs" for t in TASKS},
        "best_reversal_potential": best_reversals(rows),
        "mean_over_seeds": summary(rows),
        "not_run": skipped,
    }
    print(json.dumps(figures, indent=1))
    return 0


def draw(rows: list[dict[str, Any]]) -> None:
    """Accuracy by |E| for every task, by M for the first."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(
        1, len(TASKS) + 1, figsize=(4 * (len(TASKS) + 1), 4), layout="constrained"
    )
    for task, axes in zip(TASKS, panels, strict=False):
        for noise, style in ((0.0, "--"), (0.01, "-")):
            for kind, mark in (("pnn", "o"), ("scaled", "s"), ("mapped", "x")):
                points = [
                    (e, statistics.mean(values))
                    for e in (*REVERSALS, IDEAL)
                    if (
                        values := [
                            row[kind]
                            for row in rows
                            if row["study"] == "E"
                            and row["task"] == task.name
                            and row["noise"] == noise
                            and row["e"] == e
                            and kind in row
                        ]
                    )
                ]
                if points:
                    axes.semilogx(
                        *zip(*points, strict=True), mark + style, label=f"{kind}, noise {noise}"
                    )
        axes.set(title=task.name, xlabel="|E|", ylabel="test accuracy")
        axes.legend(fontsize=7)
    for method in ("dstd", "dstd2"):
        for random, style in ((False, "--"), (True, "-")):
            points = [
                (m, statistics.mean(values))
                for m in STEPS
                if (
                    values := [
                        row["pnn"]
                        for row in rows
                        if row["study"] == "M"
                        and row["method"] == method
                        and row["random"] == random
                        and row["steps"] == m
                    ]
                )
            ]
            if points:
                label = f"{method}, {'random' if random else 'fixed'} offset"
                panels[-1].semilogx(*zip(*points, strict=True), "o" + style, label=label)
    panels[-1].set(title="digits, dense, |E| = 4", xlabel="M in training")
    panels[-1].legend(fontsize=7)
    figure.savefig(RESULTS / "reversal_potential.png", dpi=110)


if __name__ == "__main__":
    sys.exit(main())
