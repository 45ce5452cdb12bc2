"""Random numbers of noise, on the device where they are needed."""

from __future__ import annotations

import torch
from torch import Tensor

from codesign.tile.errors import TileError


def normal_like(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal numbers of a tensor's shape, dtype and device.

    Drawn where the generator is, so that one seed gives the same numbers for tensors on any
    device; without a generator from torch's own, on the tensor's device.
    """
    device = like.device if generator is None else generator.device
    drawn = torch.randn(like.shape, generator=generator, dtype=like.dtype, device=device)
    return drawn.to(like.device)


def uniform_like(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """The same, uniform in [0, 1)."""
    device = like.device if generator is None else generator.device
    drawn = torch.rand(like.shape, generator=generator, dtype=like.dtype, device=device)
    return drawn.to(like.device)


def refuse_a_second_forward(generator: torch.Generator | None) -> None:
    """Raises TileError where activation checkpointing runs a noisy layer again, going backwards.

    It puts back torch's own generators only: another one would give the second run other noise
    than the first, and gradients of neither.
    """
    if generator is not None and torch._C._current_graph_task_id() != -1:
        raise TileError(
            "activation checkpointing would draw this layer's noise a second time",
            remedy="let the noise of training come from torch's generator, which it puts back "
            "(layer.generator = None), or keep layers on tiles out of checkpoints",
        )
