"""Fine-tuning of converted models: plain, with Gaussian noise, or with the tile in the loop.

`prepare` is all that a training loop of one's own needs: it sets what the layers compute while the
model trains, and leaves parameters and optimiser alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from codesign.files import hash_bytes
from codesign.progress import ProgressCallback, silent
from codesign.tile import TileParameters, analog_layers

Kind = Literal["plain", "gaussian", "tile", "tile_calibrated"]


@dataclass(frozen=True)
class HardwareAware:
    """What training sees of the hardware.

    plain: nothing. gaussian: noise on weights and outputs, as shares of each column's largest
    weight and output. tile: the same noise, and IR-drop and pulse rounding through the fast model
    at `accuracy`, with its gradient; converters and read noise are left to the Gaussian noise.
    tile_calibrated: the same for a model whose columns are calibrated after `prepare`, so that
    training leaves to their gains what they can do. `codesign.tile.calibrate` after `prepare` gives
    either its input scales (`columns=False` for `tile`); without it every vector has its own.
    """

    kind: Kind = "plain"
    weight_noise: float = 0.02
    output_noise: float = 0.02
    accuracy: float = 1e-2

    @property
    def in_the_loop(self) -> bool:
        """Whether training sees the tile's IR-drop."""
        return self.kind in ("tile", "tile_calibrated")


@dataclass(frozen=True)
class Samples:
    """Inputs by name, each (samples, ...), and labels (samples,)."""

    inputs: Mapping[str, Tensor]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor | slice) -> Samples:
        """Some samples; token columns that are padding in all of them are cut off."""
        chosen = {name: values[rows] for name, values in self.inputs.items()}
        if "attention_mask" in chosen:
            longest = max(1, int(chosen["attention_mask"].sum(dim=1).max()))
            chosen = {name: values[:, :longest] for name, values in chosen.items()}
        return Samples(chosen, self.labels[rows])

    def digest(self) -> str:
        """Hash of inputs and labels."""
        parts = [self.labels, *(self.inputs[name] for name in sorted(self.inputs))]
        return hash_bytes(b"".join(t.contiguous().numpy().tobytes() for t in parts))

    def by_length(self) -> Samples:
        """Shortest texts first, so that batches hold little padding; the same without masks."""
        if "attention_mask" not in self.inputs:
            return self
        return self.take(self.inputs["attention_mask"].sum(dim=1).argsort(stable=True))

    def batches(self, size: int) -> Iterator[Samples]:
        """In order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))


def prepare(
    model: nn.Module,
    aware: HardwareAware,
    params: TileParameters,
    generator: torch.Generator | None,
) -> nn.Module:
    """Set a converted model up for training; evaluate with `set_tile(model, params)`.

    generator: of the noise; None for torch's own, which activation checkpointing puts back.
    """
    for layer in analog_layers(model).values():
        noisy = aware.kind != "plain"
        layer.mapping = replace(
            layer.mapping,
            weight_noise=aware.weight_noise if noisy else 0.0,
            output_noise=aware.output_noise if noisy else 0.0,
        )
        layer.params = (
            replace(params, accuracy=aware.accuracy, adc=None, read_noise="off")
            if aware.in_the_loop
            else None
        )
        layer.generator = generator
        layer.gain.fill_(1.0)
        layer.offset.zero_()
        layer.input_scale.zero_()
    return model.train()


def fine_tune(
    model: nn.Module,
    samples: Samples,
    *,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    progress: ProgressCallback = silent,
    label: str = "train",
) -> list[float]:
    """AdamW with a linear decay over `steps` batches, drawn without repetition per epoch.

    The loss of every step. Which layers see which hardware is `prepare`'s matter. Batches and
    dropout follow from the seed; torch's own generator is afterwards what it was.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _fine_tuned(model, samples, steps, batch, learning_rate, seed, progress, label)


def _fine_tuned(
    model: nn.Module,
    samples: Samples,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    progress: ProgressCallback,
    label: str,
) -> list[float]:
    draws = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: 1 - k / max(steps, 1))
    order, losses = torch.randperm(len(samples), generator=draws), []
    for step in range(steps):
        if len(order) < min(batch, len(samples)):
            order = torch.randperm(len(samples), generator=draws)
        rows, order = order[:batch], order[batch:]
        part = samples.take(rows)
        loss = functional.cross_entropy(logits_of(model, part), part.labels)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
        progress(step + 1, steps, label)
    return losses


def accuracy(model: nn.Module, samples: Samples, batch: int = 64) -> float:
    """Share of samples whose largest logit is the label's."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    right = 0
    try:
        with torch.no_grad():
            for part in samples.by_length().batches(batch):
                right += int((logits_of(model, part).argmax(dim=1) == part.labels).sum())
    finally:
        for module, mode in modes:
            module.training = mode
    return right / max(len(samples), 1)


def logits_of(model: nn.Module, samples: Samples) -> Tensor:
    """Logits (samples, classes) of a plain module (one input) or of a transformers model."""
    inputs = samples.inputs
    found = model(*inputs.values()) if len(inputs) == 1 else model(**inputs)
    return found if isinstance(found, Tensor) else found.logits
