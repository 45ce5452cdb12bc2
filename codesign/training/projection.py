"""Weights that the circuit can carry: zero, or between w_min and w_max in size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def feasible_weight(weight: Tensor, w_min: float, w_max: float | None) -> Tensor:
    """The nearest weight that is 0 or has w_min <= |w| <= w_max; the gradient passes unchanged."""
    if w_min == 0.0 and w_max is None:
        return weight
    result: Tensor = _Nearest.apply(weight, w_min, w_max)
    return result


class _Nearest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, w_min: float, w_max: float | None) -> Tensor:
        size = weight.abs().clamp(w_min, w_max)
        return torch.where(
            weight.abs() < 0.5 * w_min, torch.zeros_like(weight), size.copysign(weight)
        )

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad, None, None
