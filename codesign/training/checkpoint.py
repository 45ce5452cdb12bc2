"""Training state on disk, complete enough to go on to the same result bit for bit."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from codesign.errors import DataError
from codesign.files import atomic_path

_FORMAT = "codesign-checkpoint-1"
_ADAM = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class EpochRecord:
    """One line of the history; accuracies without noise, by the exact solution, where evaluated."""

    epoch: int
    learning_rate: float
    loss: float
    batch_accuracy: float
    train_accuracy: float | None = None
    test_accuracy: float | None = None


@dataclass
class TrainingState:
    """What changes during training."""

    weights: list[Tensor]
    optimizer: torch.optim.AdamW
    generator: torch.Generator
    history: list[EpochRecord]


def save_checkpoint(state: TrainingState, path: Path, fingerprint: str) -> None:
    """Write the state whole; `fingerprint` says which run it belongs to."""
    tensors = {"generator": state.generator.get_state()}
    for i, weight in enumerate(state.weights):
        tensors[f"weight.{i}"] = weight.detach()
        for name in _ADAM:
            tensors[f"adam.{i}.{name}"] = state.optimizer.state[weight][name]
    metadata = {
        "format": _FORMAT,
        "fingerprint": fingerprint,
        "history": json.dumps([asdict(record) for record in state.history]),
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_checkpoint(state: TrainingState, path: Path, fingerprint: str) -> bool:
    """Put the saved state into `state`; False when the file belongs to another run.

    Raises DataError when the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata["format"] != _FORMAT:
                raise ValueError(f"format {metadata['format']!r} is not {_FORMAT}")
            if metadata["fingerprint"] != fingerprint:
                return False
            history = [EpochRecord(**record) for record in json.loads(metadata["history"])]
            generator = file.get_tensor("generator")
            weights = [file.get_tensor(f"weight.{i}") for i in range(len(state.weights))]
            adam = [
                {name: file.get_tensor(f"adam.{i}.{name}") for name in _ADAM}
                for i in range(len(weights))
            ]
        with torch.no_grad():
            for own, saved in zip(state.weights, weights, strict=True):
                own.copy_(saved)
        state.generator.set_state(generator)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"checkpoint {path} is damaged: {error}",
            remedy="delete it to train from the start",
        ) from error
    for own, saved_adam in zip(state.weights, adam, strict=True):
        # A fused optimiser counts its steps on the device.
        aside = () if state.optimizer.defaults.get("fused") else ("step",)
        state.optimizer.state[own] = {
            name: x if name in aside else x.to(own.device) for name, x in saved_adam.items()
        }
    state.history[:] = history
    return True
