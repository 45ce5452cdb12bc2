"""Functions of the linear membrane step that stay accurate, with gradients, at every argument."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_SWITCH = 2.0


def phi(x: Tensor) -> Tensor:
    """(1 - e^-x)/x: mean of the decay over a step of strength x; 1 at x = 0."""
    return psi(x, 0)


def chi(x: Tensor) -> Tensor:
    """6 [(x - 2) + (x + 2) e^-x]/x^3: weight of the first moment in a step; 1 at x = 0."""
    return psi(x, 1)


def psi(x: Tensor, order: int) -> Tensor:
    """e^-h (2n+1)!! i_n(h)/h^n with h = x/2, n = order, i_n the modified spherical Bessel function.

    order 0 is phi, order 1 is chi; psi_n' = -psi_n/2 + x psi_{n+1}/(4 (2n + 3)) gives gradients
    of any order.
    """
    result: Tensor = _Psi.apply(x, order)
    return result


class _Psi(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, order: int) -> Tensor:
        value = _evaluate(x, order)
        ctx.order = order
        ctx.save_for_backward(x)
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        n = ctx.order
        return grad * (x * psi(x, n + 1) / (4 * (2 * n + 3)) - 0.5 * psi(x, n)), None


def _evaluate(x: Tensor, order: int) -> Tensor:
    small = x.clamp(-_SWITCH, _SWITCH)
    value = torch.exp(-0.5 * small) * bessel_series(0.25 * small * small, order)
    large = x.abs() > _SWITCH
    # To look would make a GPU wait for the question and the host for the answer.
    if value.device.type == "cpu" and not bool(large.any()):
        return value
    big = torch.where(large, x, torch.full_like(x, 2 * _SWITCH))
    decay = torch.exp(-big)
    before, now = 0.5 * (1 + decay), (1 - decay) / big
    for n in range(order):
        before, now = now, 4 * (2 * n + 1) * (2 * n + 3) * (before - now) / (big * big)
    return torch.where(large, now, value)


def bessel_series(u: Tensor, order: int) -> Tensor:
    """(2n+1)!! i_n(h)/h^n as a power series in u = h^2, to the precision of u's dtype for |u| <= 1.

    Order -1 is cosh h, order 0 is sinh(h)/h.
    """
    terms = 9 if u.dtype == torch.float64 else 5
    coefficients = [1.0]
    for k in range(1, terms + (order < 0)):
        coefficients.append(coefficients[-1] / (2 * k * (2 * order + 2 * k + 1)))
    value = torch.full_like(u, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * u + coefficient
    return value
