"""Gradients by hand, and what is right where somebody differentiates them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor

Gradients = tuple[Tensor | None, ...]


def first_order(backward: Callable[..., Gradients]) -> Callable[..., Gradients]:
    """Decorator of an autograd function's `backward` that computes numbers and no graph.

    Second derivatives raise RuntimeError. torch's own `once_differentiable` raises only where the
    incoming gradients need one, and lets those by the saved tensors be zero in silence.
    """

    @wraps(backward)
    def run(ctx: Any, *grads: Tensor) -> Gradients:
        with torch.no_grad():
            found = backward(ctx, *grads)
        if not torch.is_grad_enabled():
            return found
        saved = [t for t in (*ctx.saved_tensors, *grads) if t is not None and t.requires_grad]
        if not saved:
            return found
        return tuple(None if t is None else _Last.apply(t, *saved) for t in found)

    return run


class _Last(torch.autograd.Function):
    """A value as it is, whose derivative by the others is refused."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, *others: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Gradients:
        raise RuntimeError(
            "compiled kernels have first derivatives only; pass backend='torch' for second ones"
        )


def through(
    run: Callable[..., Tensor], inputs: Sequence[Tensor], needed: Sequence[bool], grad: Tensor
) -> Gradients:
    """Gradients of run(*inputs) that have gradients themselves, None where not needed."""
    with torch.enable_grad():
        wanted = [t for t, need in zip(inputs, needed, strict=True) if need]
        found = torch.autograd.grad(
            run(*inputs), wanted, grad, create_graph=True, allow_unused=True
        )
    rest = iter(found)
    return tuple(next(rest) if need else None for need in needed)
