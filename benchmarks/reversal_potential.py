"""Accuracy against |E| and against M; what mapping an ideal network costs at small |E|.

    python -m benchmarks.reversal_potential [--out DIR] [--minutes N]

Digits (scikit-learn) and a part of Fashion-MNIST, a dense and a convolutional network each, spike
noise 0 and 0.01, seeds 1..3. For each |E| a network is trained with it (`pnn`); the network
trained as an ideal weighted sum (|E| = 100) is tested with it as it is (`mapped`) and with its
positive and negative weights scaled by one factor each and per layer to fit the spike times of
training samples (`scaled`). Tests have the noise of the training. Then accuracy at M = 2..30
after training at that M, with fixed and random offset, tested without noise at M = 10 by dstd2.
Every set of rows is kept in DIR as it ends, for a run that goes on. Prints JSON, writes
benchmarks/results/reversal_potential.png.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import reversal_figure, reversal_statistics
from benchmarks.ideal_mapping import scaled_weights
from codesign.pnn import Architecture, PNNParameters, Solution
from codesign.training import Dataset, TrainingParameters, TrainingResult, train
from codesign.training.datasets import dataset_for
from codesign.training.evaluation import predict

RESULTS = Path(__file__).parent / "results"
REVERSALS = (0.25, 0.5, 1.0, 2.0, 4.0, 16.0)
IDEAL = 100.0
SEEDS = (1, 2, 3)
NOISES = (0.0, 0.01)
TEST = Solution("dstd2", 10)
Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A data set, a network and how long it is trained; samples of image sets only."""

    name: str
    dataset: str
    layers: str
    shape: tuple[int, int, int]
    epochs: int
    batch: int
    samples: int | None = None
    test_samples: int = 597
    fit_samples: int = 100
    learning_rate: float = 3e-3

    def training(self, seed: int, noise: float, **changes: Any) -> TrainingParameters:
        plain = {
            "dataset": self.dataset,
            "train_samples": self.samples,
            "test_samples": self.test_samples,
            "seed": seed,
            "coding": "inverted",
            "input_window": (0.0, 1.0),
            "bias_spike": self.dataset == "digits" and self.shape[1] == 1,
            "dtype": "float32",
            "epochs": self.epochs,
            "batch_size": self.batch,
            "learning_rate": self.learning_rate,
            "warmup_epochs": 1,
            "method": "dstd2",
            "steps": 4,
            "spike_noise": noise,
            "noise_on_silent": False,
            "loss": {"softmax_scale": 0.07, "temporal_penalty": 0.1, "t_ref": 0.9},
            "evaluate_every": 0,
            "test_method": TEST.method,
            "test_steps": TEST.steps,
        }
        return TrainingParameters(**(plain | changes))

    def data(self, seed: int) -> Dataset:
        """Digits split by seed; the first images of Fashion-MNIST's training and test sets."""
        return _data(self, seed if self.dataset == "digits" else 1)


@functools.lru_cache(maxsize=2)
def _data(task: Task, seed: int) -> Dataset:
    data = dataset_for(task.training(seed, 0.0))
    return replace(data, test=data.test.head(task.test_samples))


CONV = "pool-conv16-pool-conv32-pool-64-10"
TASKS = (
    Task("digits, dense", "digits", "100-10", (1, 1, 65), 30, 32),
    Task("digits, conv", "digits", "conv8-pool-64-10", (1, 8, 8), 20, 64),
    Task("fashion, dense", "fashion_mnist", "100-100-10", (1, 1, 784), 8, 64, 6000, 10000),
    Task("fashion, conv", "fashion_mnist", CONV, (1, 28, 28), 4, 64, 4000, 4000, 40, 6e-3),
)
# Task, methods and M of the study of discretisation.
STEPS_STUDY = (
    (TASKS[0], ("dstd", "dstd2"), (2, 3, 4, 6, 10, 30)),
    (TASKS[2], ("dstd",), (2, 4, 10)),
)


def neuron(e: float) -> PNNParameters:
    return PNNParameters(e_plus=e, e_minus=-e)


def run(task: Task, e: float, training: TrainingParameters) -> TrainingResult:
    """One training run."""
    net = Architecture(task.layers, task.shape)
    return train(neuron(e), net, training, data=task.data(training.seed))


def accuracy(result: TrainingResult, weights: Sequence[Tensor], e: float, noise: float) -> float:
    """Test accuracy of given weights with another reversal potential and spike noise."""
    net, test, hits = result.architecture, result.dataset.test, 0
    generator = torch.Generator().manual_seed(1)
    params = [neuron(e)] * len(weights)
    with torch.no_grad():
        for times, labels in zip(test.times.split(500), test.labels.split(500), strict=True):
            outputs = net.forward(
                *(times, weights, params, TEST, noise, generator), noise_on_silent=False
            )
            found = predict(outputs[-1].t_unclipped, result.dataset.n_classes)
            hits += int((found == labels).sum())
    return hits / len(test)


def reversal_rows(task: Task, seed: int, noise: float) -> list[Row]:
    """Accuracies over |E| of networks trained with it, of one task, seed and noise."""
    training = task.training(seed, noise)
    rows = []
    for e in (*REVERSALS, IDEAL):
        own = run(task, e, training)
        row = {
            "e": e,
            "pnn": accuracy(own, own.weights, e, noise),
            "pnn_without_test_noise": own.accuracy_test,
            "pnn_train": own.accuracy_train,
        }
        rows.append({"study": "E", "task": task.name, "seed": seed, "noise": noise, **row})
    return rows


def mapping_rows(task: Task, seed: int, noise: float) -> list[Row]:
    """Accuracies over |E| of the network trained as an ideal sum."""
    ideal = run(task, IDEAL, task.training(seed, noise))
    times = ideal.dataset.train.times[: task.fit_samples]
    rows = []
    for e in REVERSALS:
        with torch.no_grad():
            scaled = scaled_weights(
                ideal.architecture, ideal.weights, neuron(IDEAL), neuron(e), times, TEST
            )
        row = {
            "e": e,
            "mapped": accuracy(ideal, ideal.weights, e, noise),
            "scaled": accuracy(ideal, scaled, e, noise),
        }
        rows.append({"study": "E", "task": task.name, "seed": seed, "noise": noise, **row})
    return rows


def steps_rows(
    task: Task, seed: int, methods: Sequence[str], all_steps: Sequence[int]
) -> list[Row]:
    """Accuracies over the M of training; |E| = 4, noise 0.01."""
    settings = [(m, s, r) for m in methods for s in all_steps for r in (False, True)]
    rows = []
    for method, steps, random in [*settings, ("exact", 1, False)]:
        training = task.training(seed, 0.01, method=method, steps=steps, random_offset=random)
        found = run(task, 4.0, training).accuracy_test
        row = {"method": method, "steps": steps, "random": random, "pnn": found}
        rows.append({"study": "M", "task": task.name, "seed": seed, **row})
    return rows


def work() -> list[tuple[str, Callable[[], list[Row]]]]:
    """Sets of rows by name, in an order that makes a part of them useful."""
    names: list[tuple[str, Callable[[], list[Row]]]] = []
    for seed in SEEDS:
        for task in TASKS:
            for noise in NOISES:
                for letter, rows in (("E", reversal_rows), ("I", mapping_rows)):
                    call = functools.partial(rows, task, seed, noise)
                    names.append((f"{letter} {task.name} {seed} {noise}", call))
    for task, methods, steps in reversed(STEPS_STUDY):
        for seed in SEEDS:
            call = functools.partial(steps_rows, task, seed, methods, steps)
            names.append((f"M {task.name} {seed}", call))
    return names


def main() -> int:
    """All rows that the time allows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/reversal_potential"))
    parser.add_argument("--minutes", type=float, default=1e9, help="start nothing after")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # Rows of other settings are not taken for these.
    settings = repr((REVERSALS, TASKS, STEPS_STUDY, TASKS[0].training(1, 0.0)))
    folder = arguments.out / hashlib.sha256(settings.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    stop_s = time.monotonic() + 60 * arguments.minutes
    rows: list[Row] = []
    skipped = []
    for name, make in work():
        path = folder / f"{name.replace(' ', '_').replace(',', '')}.json"
        if not path.exists():
            if time.monotonic() > stop_s:
                skipped.append(name)
                continue
            start_s = time.process_time()
            path.write_text(json.dumps(make()))
            print(f"{name}: {time.process_time() - start_s:.0f} s", file=sys.stderr, flush=True)
        rows += json.loads(path.read_text())
    reversal_figure.draw(rows, RESULTS / "reversal_potential.png")
    figures = {
        "benchmark": "reversal_potential",
        "tasks": {
            t.name: f"{t.layers}, {len(t.data(1).train)} training samples, {t.epochs} epochs, "
            f"{t.test_samples} test samples"
            for t in TASKS
        },
        **reversal_statistics.summary(rows, IDEAL),
        "not_run": skipped,
        "rows": rows,
    }
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
