"""Training of RC-Spike networks: deterministic from its seed, resumable after every checkpoint."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor

from codesign.errors import DesignError
from codesign.pnn import (
    Architecture,
    Method,
    PNNParameters,
    RCSpikeNetwork,
    Solution,
    SpikingNetwork,
)
from codesign.pnn.architecture import Rows
from codesign.pnn.io import save_network
from codesign.pnn.layers import params_per_layer
from codesign.training.augmentation import augmented
from codesign.training.checkpoint import (
    EpochRecord,
    TrainingState,
    load_checkpoint,
    save_checkpoint,
)
from codesign.training.datasets import Dataset, Split, dataset_for
from codesign.training.evaluation import Evaluation, evaluate, predict
from codesign.training.losses import training_loss
from codesign.training.parallel import Group
from codesign.training.parameters import IMAGE_SHAPES, TrainingParameters
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
    architecture: Architecture

    @property
    def accuracy_train(self) -> float:
        return self.train.accuracy

    @property
    def accuracy_test(self) -> float:
        return self.test.accuracy


def train(
    network_params: PNNParameters | Sequence[PNNParameters],
    layer_sizes: Sequence[int] | Architecture,
    training: TrainingParameters,
    out_dir: Path | None = None,
    progress: Progress | None = None,
    group: Group = Group(),  # noqa: B008 - frozen
    data: Dataset | None = None,
) -> TrainingResult:
    """Train a network; with out_dir, write checkpoints, weights, history and metrics there.

    layer_sizes: of dense RC-Spike layers, or any architecture. A checkpoint of the same run found
    in out_dir is continued. `progress` is called after every epoch. The ideal-sum baseline is the
    same call with PNNParameters(e_plus=100, e_minus=-100). group: the processes that train
    together (see `process_group`); the first of them writes and reports. data: samples loaded
    before, instead of those that `training` names.
    Raises DesignError when the layer sizes do not fit the data, DataError on a damaged checkpoint.
    """
    net = layer_sizes
    if not isinstance(net, Architecture):
        params_per_layer(network_params, net)
        net = Architecture.dense(net)
    params = net.records(network_params)
    data = dataset_for(training) if data is None else data
    _check_sizes(net, data)
    state = _initial_state(net, params, training)
    checkpoint = None if out_dir is None else out_dir / "checkpoint.safetensors"
    fingerprint = _fingerprint(params, net, training)
    if out_dir is not None:
        out_dir.mkdir(parents=True, exist_ok=True)
    if checkpoint is not None and checkpoint.exists():
        load_checkpoint(state, checkpoint, fingerprint)
    group.wait()

    run = _Run(net, params, data, training, group)
    while len(state.history) < training.epochs and not _exhausted(state.history, training):
        record = run.epoch(state)
        state.history.append(record)
        last = record.epoch == training.epochs or _exhausted(state.history, training)
        if group.rank == 0:
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
        train=run.evaluate(weights, data.train.head(_MOST_SAMPLES), training.test_method),
        test=run.evaluate(weights, data.test, training.test_method),
        architecture=net,
    )
    if out_dir is not None and group.rank == 0:
        _write_result(result, training, out_dir, dense=net is not layer_sizes)
    return result


def _initial_state(
    net: Architecture, params: Sequence[PNNParameters], training: TrainingParameters
) -> TrainingState:
    generator = torch.Generator().manual_seed(training.seed)
    gpu = training.device == "auto" and torch.cuda.is_available()
    weights = [
        weight.to("cuda" if gpu else "cpu")
        for weight in net.initial_weights(params, training.torch_dtype, generator, training.t_ref)
    ]
    for weight in weights:
        if training.w_max is not None:
            weight.clamp_(-training.w_max, training.w_max)
        weight.requires_grad_()
    optimizer = torch.optim.AdamW(
        weights, lr=training.learning_rate, weight_decay=training.weight_decay
    )
    return TrainingState(weights, optimizer, generator, [])


@dataclass(frozen=True)
class _Run:
    """What stays the same during training."""

    net: Architecture
    params: tuple[PNNParameters, ...]
    data: Dataset
    training: TrainingParameters
    group: Group

    def epoch(self, state: TrainingState) -> EpochRecord:
        training, data = self.training, self.data
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
            loss, right = self._step(state, chosen)
            total += loss * len(chosen)
            hits += right
        total, sum_hits = self.group.sum([total, float(hits)])
        record = EpochRecord(epoch, rate, total / samples, sum_hits / samples)
        every = training.evaluate_every
        if every and (epoch % every == 0 or epoch == training.epochs):
            weights = _feasible(state.weights, training)
            on_train = self.evaluate(weights, data.train.head(_MOST_SAMPLES), "dstd2")
            on_test = self.evaluate(weights, data.test, "dstd2")
            record = replace(
                record, train_accuracy=on_train.accuracy, test_accuracy=on_test.accuracy
            )
        return record

    def evaluate(self, weights: Sequence[Tensor], split: Split, method: Method) -> Evaluation:
        return evaluate(
            *(weights, self.params, split, self.data.n_classes, method, self.training.test_steps),
            architecture=self.net,
        )

    def _step(self, state: TrainingState, chosen: Tensor) -> tuple[float, int]:
        """One batch: this process's part of the loss, and how many of its samples are right."""
        training, generator = self.training, state.generator
        rows = self.group.rows(len(chosen))
        times = self.data.train.times[chosen]
        labels = self.data.train.labels[chosen[rows]].to(state.weights[0].device)
        offset = 0.0
        if training.random_offset and training.method != "exact":
            draw = torch.rand((), generator=generator, dtype=torch.float64)
            offset = float(draw) / _coarsest(training.steps)
        if training.augmentation:
            shape, inverted = IMAGE_SHAPES[training.dataset], training.coding == "inverted"
            times = augmented(times, shape, training.input_window, inverted, generator)
        which, total = rows, len(chosen)
        if training.range_penalty and training.range_jitter:
            times = torch.cat([times, _jittered(times, generator, training)])
            which, total = torch.cat([rows, rows + total]), 2 * total
        shared = None if self.group.size == 1 else Rows(which, total)
        times = (times if shared is None else times[which]).to(state.weights[0].device)
        weights = [feasible_weight(w, training.w_min, training.w_max) for w in state.weights]
        outputs = self.net.forward(
            times,
            weights,
            self.params,
            Solution(training.method, training.steps, offset, training.warp),
            training.spike_noise,
            generator,
            trace=training.range_penalty > 0,
            noise_on_silent=training.noise_on_silent,
            rows=shared,
        )
        silent = 1.0 if self.net.neuron == "rc_spike" else self.net.t_max
        classes = self.data.n_classes
        loss = training_loss(outputs, labels, weights, classes, training, silent)
        loss = loss if shared is None else loss * (len(rows) / len(chosen))
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.group.sum_gradients(state.weights)
        state.optimizer.step()
        if training.w_max is not None:
            with torch.no_grad():
                for weight in state.weights:
                    weight.clamp_(-training.w_max, training.w_max)
        right = predict(outputs[-1].t_unclipped[: len(labels)].detach(), classes) == labels
        return float(loss.detach()), int(right.sum())


def _coarsest(steps: int | tuple[int, ...]) -> int:
    return steps if isinstance(steps, int) else min(steps)


def _jittered(times: Tensor, generator: torch.Generator, training: TrainingParameters) -> Tensor:
    """Inputs near the samples, inside the input window, as unseen samples will be."""
    count = times.shape[1] - training.bias_spike
    features = times[:, :count]
    noise = torch.randn(features.shape, dtype=times.dtype, generator=generator)
    features = (features + training.range_jitter * noise).clamp(*training.input_window)
    return torch.cat([features, times[:, count:]], dim=1)


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


def _check_sizes(net: Architecture, data: Dataset) -> None:
    if net.n_inputs != data.n_inputs:
        raise DesignError(
            f"the network has {net.n_inputs} inputs, but data set {data.name} has "
            f"{data.n_inputs} inputs (its features, and a bias spike where there is one)",
            remedy=f"give the network {data.n_inputs} inputs",
        )
    if net.n_outputs < data.n_classes:
        raise DesignError(
            f"the network has {net.n_outputs} outputs, but data set {data.name} has "
            f"{data.n_classes} classes",
            remedy=f"give the last layer at least {data.n_classes} neurons",
        )


def _fingerprint(
    params: Sequence[PNNParameters], net: Architecture, training: TrainingParameters
) -> str:
    content = {
        "params": [record.to_dict() for record in params],
        "network": repr(net),
        "training": training.model_dump(mode="json", exclude={"checkpoint_every", "device"}),
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


def _write_result(
    result: TrainingResult, training: TrainingParameters, out_dir: Path, dense: bool
) -> None:
    net = result.architecture
    network = (
        RCSpikeNetwork.from_weights(result.weights, result.params)
        if dense
        else SpikingNetwork.from_weights(net, result.weights, result.params)
    )
    save_network(network, out_dir / "weights.safetensors")
    write_history(result.history, out_dir / "history.csv")
    metrics = {
        "seed": training.seed,
        "dataset": result.dataset.name,
        "layer_sizes": [net.n_inputs, *(math.prod(x.after) for x in net.layers)],
        "epochs": len(result.history),
        "train": asdict(result.train),
        "test": asdict(result.test),
    }
    partial = out_dir / f".metrics.json.{os.getpid()}.partial"
    partial.write_text(json.dumps(metrics, indent=2) + "\n")
    os.replace(partial, out_dir / "metrics.json")
