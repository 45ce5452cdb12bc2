"""The first crossing of the threshold, and its time in closed form."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Crossing(NamedTuple):
    """Where each membrane first reaches 1, all (batch, n_out).

    v: membrane at the start of that interval, at the end of the window if there is none. g, f:
    current and conductance there (integrals over the interval for DSTD, rates for exact), 0 if
    none. interval: its number; beyond the last one if there is none. A DSTD interval lies after
    so many intervals, an exact one after so many spikes.
    """

    v: Tensor
    g: Tensor
    f: Tensor
    interval: Tensor


def crossing_delay(v: Tensor, g: Tensor, f: Tensor, fired: Tensor) -> Tensor:
    """Time from v to 1 under dv/dt = g - f v where `fired`, 0 elsewhere; same shape as v.

    (a/s) L(u) with a = 1 - v, s = g - f v, u = f a/s and L(u) = -log1p(-u)/u: the logarithm of
    arXiv:2412.09010 in a form whose value and gradient are finite everywhere, f = 0 included. A
    membrane that starts at or above 1 crosses at once.
    """
    under = fired & (v < 1.0)
    smallest = torch.finfo(v.dtype).tiny ** 0.5
    a = torch.where(under, 1.0 - v, 0.0)
    s = torch.where(under, (g - f * v).clamp_min(smallest), 1.0)
    u = torch.where(under, f, 0.0) * a / s
    return a / s * _logarithm_ratio(u.clamp(max=1.0 - torch.finfo(v.dtype).eps))


def _logarithm_ratio(u: Tensor) -> Tensor:
    """-log1p(-u)/u, by its series near 0."""
    small = u.abs() < 1e-2
    x = torch.where(small, u, 0.0)
    terms = 9 if u.dtype == torch.float64 else 5
    series = torch.full_like(u, 1.0 / terms)
    for k in range(terms - 1, 0, -1):
        series = series * x + 1.0 / k
    y = torch.where(small, 0.5, u)
    return torch.where(small, series, -torch.log1p(-y) / y)
