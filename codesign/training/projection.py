"""Weights that the circuit can carry: zero, or between w_min and w_max in size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from codesign.training.circuit_parameters import CircuitParameters, Signs


def feasible_weight(
    weight: Tensor, w_min: float, w_max: float | None, signs: Signs = "both"
) -> Tensor:
    """The nearest weight that is 0 or has w_min <= |w| <= w_max; the gradient passes unchanged.

    signs: of weights that there are; others become 0.
    """
    if w_min == 0.0 and w_max is None and signs == "both":
        return weight
    result: Tensor = _Nearest.apply(weight, w_min, w_max, signs)
    return result


def feasible_weights(weights: Sequence[Tensor], circuit: CircuitParameters) -> list[Tensor]:
    """Every weight as the circuit carries it."""
    return [feasible_weight(w, circuit.w_min, circuit.w_max, circuit.signs) for w in weights]


def clamp_weights(weights: Sequence[Tensor], circuit: CircuitParameters) -> None:
    """Keep weights in training inside the circuit's range, in place."""
    if circuit.bounds is not None:
        with torch.no_grad():
            for weight in weights:
                weight.clamp_(*circuit.bounds)


class _Nearest(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, w_min: float, w_max: float | None, signs: Signs
    ) -> Tensor:
        size = weight.abs().clamp(w_min, w_max)
        none = weight.abs() < 0.5 * w_min
        if signs != "both":
            none = none | (weight <= 0 if signs == "positive" else weight >= 0)
        return torch.where(none, torch.zeros_like(weight), size.copysign(weight))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return grad, None, None, None
