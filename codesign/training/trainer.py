"""Training of spiking networks: deterministic from its seed, resumable after every checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from codesign.errors import DesignError
from codesign.pnn import Architecture, PNNParameters
from codesign.pnn.networks import params_per_layer
from codesign.training.checkpoint import (
    EpochRecord,
    TrainingState,
    load_checkpoint,
    save_checkpoint,
)
from codesign.training.datasets import Dataset, dataset_for
from codesign.training.epoch import Run
from codesign.training.fingerprint import run_fingerprint
from codesign.training.parallel import Group
from codesign.training.parameters import TrainingParameters
from codesign.training.projection import clamp_weights
from codesign.training.results import TrainingResult, write_history, write_result

Progress = Callable[[EpochRecord], None]


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
    before (`dataset_for`), instead of those that `training` names, a file's in this folder.
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
    run = Run(net, params, data, training, group)
    if out_dir is None:
        _train(run, state, None, "", progress)
        return run.result(state)
    fingerprint = run_fingerprint(params, net, training, data)
    checkpoint = out_dir / "checkpoint.safetensors"
    out_dir.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        load_checkpoint(state, checkpoint, fingerprint)
    group.wait()
    _train(run, state, checkpoint, fingerprint, progress)
    result = run.result(state)
    if group.rank == 0:
        write_result(result, training.seed, out_dir, dense=net is not layer_sizes)
    return result


def _train(
    run: Run,
    state: TrainingState,
    checkpoint: Path | None,
    fingerprint: str,
    progress: Progress | None,
) -> None:
    """The epochs that are left; the first process saves and reports."""
    training = run.training
    while len(state.history) < training.epochs and not _exhausted(state.history, training):
        record = run.epoch(state)
        state.history.append(record)
        if run.group.rank != 0:
            continue
        last = record.epoch == training.epochs or _exhausted(state.history, training)
        if checkpoint is not None and (last or record.epoch % training.checkpoint_every == 0):
            save_checkpoint(state, checkpoint, fingerprint)
            write_history(state.history, checkpoint.with_name("history.csv"))
        if progress is not None:
            progress(record)


def _initial_state(
    net: Architecture, params: Sequence[PNNParameters], training: TrainingParameters
) -> TrainingState:
    generator = torch.Generator().manual_seed(training.seed)
    gpu = training.device == "auto" and torch.cuda.is_available()
    fresh = net.initial_weights(params, training.torch_dtype, generator, training.loss.t_ref)
    weights = [weight.to("cuda" if gpu else "cpu") for weight in fresh]
    clamp_weights(weights, training.circuit)
    for weight in weights:
        weight.requires_grad_()
    # Fused: one kernel for all weights; None is torch's choice, as before.
    optimizer = torch.optim.AdamW(
        weights,
        lr=training.learning_rate,
        weight_decay=training.weight_decay,
        fused=True if gpu else None,
    )
    return TrainingState(weights, optimizer, generator, [])


def _exhausted(history: Sequence[EpochRecord], training: TrainingParameters) -> bool:
    if training.patience is None or not history:
        return False
    best = min(history, key=lambda record: record.loss)
    return history[-1].epoch - best.epoch >= training.patience


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
