"""Training of RC-Spike networks: deterministic from its seed, resumable after every checkpoint."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from codesign.errors import DesignError
from codesign.pnn import PNNParameters, RCSpikeNetwork, network_forward
from codesign.pnn.io import save_network
from codesign.pnn.layers import initial_weight, params_per_layer
from codesign.training.checkpoint import (
    EpochRecord,
    TrainingState,
    load_checkpoint,
    save_checkpoint,
)
from codesign.training.datasets import Dataset, dataset_for
from codesign.training.evaluation import Evaluation, evaluate, predict
from codesign.training.losses import training_loss
from codesign.training.parameters import TrainingParameters
from codesign.training.projection import feasible_weight

# Training samples that an accuracy is measured on: all of a small set, the first of a large one.
_MOST_SAMPLES = 5000

Progress = Callable[[EpochRecord], None]


@dataclass(frozen=True)
class TrainingResult:
    """Weights (n_out, n_in) per layer as the circuit gets them, and how well they do."""

    weights: list[Tensor]
    params: tuple[PNNParameters, ...]
    history: list[EpochRecord]
    dataset: Dataset
    train: Evaluation
    test: Evaluation

    @property
    def accuracy_train(self) -> float:
        return self.train.accuracy

    @property
    def accuracy_test(self) -> float:
        return self.test.accuracy


def train(
    network_params: PNNParameters | Sequence[PNNParameters],
    layer_sizes: Sequence[int],
    training: TrainingParameters,
    out_dir: Path | None = None,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train a network; with out_dir, write checkpoints, weights, history and metrics there.

    A checkpoint of the same run found in out_dir is continued. `progress` is called after every
    epoch. The ideal-sum baseline is the same call with PNNParameters(e_plus=100, e_minus=-100).
    Raises DesignError when the layer sizes do not fit the data, DataError on a damaged checkpoint.
    """
    params = params_per_layer(network_params, layer_sizes)
    data = dataset_for(training)
    _check_sizes(layer_sizes, data)
    state = _initial_state(layer_sizes, training)
    checkpoint = None if out_dir is None else out_dir / "checkpoint.safetensors"
    fingerprint = _fingerprint(params, layer_sizes, training)
    if out_dir is not None:
        out_dir.mkdir(parents=True, exist_ok=True)
    if checkpoint is not None and checkpoint.exists():
        load_checkpoint(state, checkpoint, fingerprint)

    while len(state.history) < training.epochs and not _exhausted(state.history, training):
        record = _run_epoch(state, params, data, training)
        state.history.append(record)
        last = record.epoch == training.epochs or _exhausted(state.history, training)
        if checkpoint is not None and (last or record.epoch % training.checkpoint_every == 0):
            save_checkpoint(state, checkpoint, fingerprint)
            write_history(state.history, checkpoint.with_name("history.csv"))
        if progress is not None:
            progress(record)

    weights = _feasible(state.weights, training)
    result = TrainingResult(
        weights=weights,
        params=params,
        history=state.history,
        dataset=data,
        train=evaluate(weights, params, data.train.head(_MOST_SAMPLES), data.n_classes),
        test=evaluate(weights, params, data.test, data.n_classes),
    )
    if out_dir is not None:
        _write_result(result, training, out_dir)
    return result


def _initial_state(layer_sizes: Sequence[int], training: TrainingParameters) -> TrainingState:
    generator = torch.Generator().manual_seed(training.seed)
    weights = [
        initial_weight(n_in, n_out, dtype=training.torch_dtype, generator=generator)
        for n_in, n_out in pairwise(layer_sizes)
    ]
    for weight in weights:
        if training.w_max is not None:
            weight.clamp_(-training.w_max, training.w_max)
        weight.requires_grad_()
    optimizer = torch.optim.AdamW(
        weights, lr=training.learning_rate, weight_decay=training.weight_decay
    )
    return TrainingState(weights, optimizer, generator, [])


def _run_epoch(
    state: TrainingState,
    params: Sequence[PNNParameters],
    data: Dataset,
    training: TrainingParameters,
) -> EpochRecord:
    epoch = len(state.history) + 1
    rate = _learning_rate(epoch, training)
    samples = len(data.train)
    total, hits = 0.0, 0
    batches = torch.randperm(samples, generator=state.generator).split(training.batch_size)
    for number, chosen in enumerate(batches):
        done = epoch - 1 + (number + 1) / len(batches)
        rise = min(1.0, done / training.warmup_epochs) if training.warmup_epochs else 1.0
        for group in state.optimizer.param_groups:
            group["lr"] = rate * rise
        times, labels = data.train.times[chosen], data.train.labels[chosen]
        loss, t_out = _training_step(state, params, times, labels, data.n_classes, training)
        total += loss * len(chosen)
        hits += int((predict(t_out, data.n_classes) == labels).sum())
    record = EpochRecord(epoch, rate, total / samples, hits / samples)
    if epoch % training.evaluate_every == 0 or epoch == training.epochs:
        weights = _feasible(state.weights, training)
        on_train = evaluate(
            weights, params, data.train.head(_MOST_SAMPLES), data.n_classes, "dstd2", 30
        )
        on_test = evaluate(weights, params, data.test, data.n_classes, "dstd2", 30)
        record = replace(record, train_accuracy=on_train.accuracy, test_accuracy=on_test.accuracy)
    return record


def _training_step(
    state: TrainingState,
    params: Sequence[PNNParameters],
    times: Tensor,
    labels: Tensor,
    n_classes: int,
    training: TrainingParameters,
) -> tuple[float, Tensor]:
    offset = 0.0
    if training.random_offset and training.method != "exact":
        draw = torch.rand((), generator=state.generator, dtype=torch.float64)
        offset = float(draw) / training.steps
    if training.range_penalty and training.range_jitter:
        times = torch.cat([times, _jittered(times, state.generator, training)])
    weights = [feasible_weight(w, training.w_min, training.w_max) for w in state.weights]
    outputs = network_forward(
        times,
        weights,
        params,
        training.method,
        training.steps,
        offset,
        training.spike_noise,
        state.generator,
        trace=training.range_penalty > 0,
        warp=training.warp,
        noise_on_silent=training.noise_on_silent,
    )
    loss = training_loss(outputs, labels, weights, n_classes, training)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    if training.w_max is not None:
        with torch.no_grad():
            for weight in state.weights:
                weight.clamp_(-training.w_max, training.w_max)
    return float(loss.detach()), outputs[-1].t_unclipped[: len(labels)].detach()


def _jittered(times: Tensor, generator: torch.Generator, training: TrainingParameters) -> Tensor:
    """Inputs near the samples, inside the input window, as unseen samples will be."""
    features = times[:, :-1]
    noise = torch.randn(features.shape, dtype=times.dtype, generator=generator)
    features = (features + training.range_jitter * noise).clamp(*training.input_window)
    return torch.cat([features, times[:, -1:]], dim=1)


def _learning_rate(epoch: int, training: TrainingParameters) -> float:
    progress = (epoch - 1) / max(training.epochs - 1, 1)
    low = training.learning_rate_end
    share = low + (1.0 - low) * 0.5 * (1.0 + math.cos(math.pi * progress))
    return training.learning_rate * share


def _exhausted(history: Sequence[EpochRecord], training: TrainingParameters) -> bool:
    if training.patience is None or not history:
        return False
    best = min(history, key=lambda record: record.loss)
    return history[-1].epoch - best.epoch >= training.patience


def _feasible(weights: Sequence[Tensor], training: TrainingParameters) -> list[Tensor]:
    return [feasible_weight(w.detach(), training.w_min, training.w_max).clone() for w in weights]


def _check_sizes(layer_sizes: Sequence[int], data: Dataset) -> None:
    if layer_sizes[0] != data.n_inputs:
        raise DesignError(
            f"layer_sizes starts with {layer_sizes[0]}, but data set {data.name} has "
            f"{data.n_inputs} inputs ({data.n_inputs - 1} features and a bias spike)",
            remedy=f"make the first of layer_sizes {data.n_inputs}",
        )
    if layer_sizes[-1] < data.n_classes:
        raise DesignError(
            f"layer_sizes ends with {layer_sizes[-1]}, but data set {data.name} has "
            f"{data.n_classes} classes",
            remedy=f"make the last of layer_sizes at least {data.n_classes}",
        )


def _fingerprint(
    params: Sequence[PNNParameters], layer_sizes: Sequence[int], training: TrainingParameters
) -> str:
    content = {
        "params": [record.to_dict() for record in params],
        "layer_sizes": list(layer_sizes),
        "training": training.model_dump(mode="json", exclude={"checkpoint_every"}),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_history(history: Sequence[EpochRecord], path: Path) -> None:
    """One line per epoch; written beside and renamed."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("w", newline="") as file:
        writer = csv.writer(file)
        names = [field.name for field in fields(EpochRecord)]
        writer.writerow(names)
        for record in history:
            writer.writerow(["" if (x := getattr(record, name)) is None else x for name in names])
    os.replace(partial, path)


def _write_result(result: TrainingResult, training: TrainingParameters, out_dir: Path) -> None:
    network = RCSpikeNetwork.from_weights(result.weights, result.params)
    save_network(network, out_dir / "weights.safetensors")
    write_history(result.history, out_dir / "history.csv")
    metrics = {
        "seed": training.seed,
        "dataset": result.dataset.name,
        "layer_sizes": list(network.layer_sizes),
        "epochs": len(result.history),
        "train": asdict(result.train),
        "test": asdict(result.test),
    }
    partial = out_dir / f".metrics.json.{os.getpid()}.partial"
    partial.write_text(json.dumps(metrics, indent=2) + "\n")
    os.replace(partial, out_dir / "metrics.json")
