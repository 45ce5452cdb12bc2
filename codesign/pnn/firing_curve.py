"""A fitted firing curve: spike time against membrane potential, as a monotone cubic table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class FiringCurve:
    """Spike time t(v) of a real discharger and output stage, by monotone cubic Hermite pieces.

    v_knots: membrane potentials at the end of accumulation, increasing (1 = threshold).
    t_knots: spike times in the firing phase, in units of the phase, decreasing.
    dt_dv: slopes at the knots where they are known (a fitted formula); otherwise those of a cubic
        spline, limited so that the curve stays monotone (Hyman 1983).

    Outside the table the curve goes on as a straight line, so that gradients survive there.
    """

    v_knots: tuple[float, ...]
    t_knots: tuple[float, ...]
    dt_dv: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("v_knots", "t_knots", "dt_dv"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, tuple(float(x) for x in values))
        v, t = self.v_knots, self.t_knots
        if len(v) < 2 or len(v) != len(t):
            raise ValueError("v_knots and t_knots need the same number of values, at least 2")
        if not all(map(math.isfinite, v + t)):
            raise ValueError("v_knots and t_knots must be finite")
        if any(b <= a for a, b in pairwise(v)):
            raise ValueError("v_knots must increase")
        if any(b >= a for a, b in pairwise(t)):
            raise ValueError("t_knots must decrease: a higher membrane fires earlier")
        if self.dt_dv is not None:
            if len(self.dt_dv) != len(v):
                raise ValueError("dt_dv needs one value per knot")
            limits = _monotone_limits(v, t)
            bad = [
                i
                for i, (m, low) in enumerate(zip(self.dt_dv, limits, strict=True))
                if not low <= m < 0
            ]
            if bad:
                raise ValueError(f"dt_dv at knot {bad[0]} would make the curve turn back")

    @cached_property
    def slopes(self) -> tuple[float, ...]:
        """dt/dv at the knots."""
        if self.dt_dv is not None:
            return self.dt_dv
        limits = _monotone_limits(self.v_knots, self.t_knots)
        raw = _spline_slopes(self.v_knots, self.t_knots)
        return tuple(min(max(m, low), 1e-3 * low) for m, low in zip(raw, limits, strict=True))

    def __call__(self, v: Tensor) -> Tensor:
        """Spike times, same shape as v; differentiable, with the exact slope of each piece."""
        knots, t, m = self._table(v)
        i = torch.bucketize(v.detach(), knots[1:-1].contiguous(), right=True)
        width = knots[i + 1] - knots[i]
        x = (v - knots[i]) / width
        inside = x.clamp(0.0, 1.0)
        outside = (x - inside) * width
        rise = t[i + 1] - t[i]
        m0, m1 = m[i] * width, m[i + 1] * width
        cubic = t[i] + inside * (
            m0 + inside * ((3 * rise - 2 * m0 - m1) + inside * (m0 + m1 - 2 * rise))
        )
        return cubic + outside * torch.where(x < 0.5, m[i], m[i + 1])

    def inverse(self, t: Tensor) -> Tensor:
        """Membrane potential that fires at t (same shape); no gradient is kept."""
        with torch.no_grad():
            knots, times, m = self._table(t)
            below = (t - times[-1]) / m[-1] + knots[-1]
            above = (t - times[0]) / m[0] + knots[0]
            low = torch.minimum(above, knots[0].expand_as(t))
            high = torch.maximum(below, knots[-1].expand_as(t))
            for _ in range(64):
                middle = 0.5 * (low + high)
                later = self(middle) > t
                low, high = torch.where(later, middle, low), torch.where(later, high, middle)
            return 0.5 * (low + high)

    def _table(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        values = (self.v_knots, self.t_knots, self.slopes)
        v, t, m = (torch.tensor(x, dtype=like.dtype, device=like.device) for x in values)
        return v, t, m


def _secants(v: Sequence[float], t: Sequence[float]) -> list[float]:
    return [(t[i + 1] - t[i]) / (v[i + 1] - v[i]) for i in range(len(v) - 1)]


def _monotone_limits(v: Sequence[float], t: Sequence[float]) -> list[float]:
    """Steepest slope per knot that keeps both neighbouring pieces monotone (3 times a secant)."""
    s = _secants(v, t)
    return [3.0 * max(left, right) for left, right in zip([s[0], *s], [*s, s[-1]], strict=True)]


def _spline_slopes(v: Sequence[float], t: Sequence[float]) -> list[float]:
    """Slopes of the C2 cubic spline; end slopes from the polynomial through the first 4 knots."""
    n = len(v)
    first = _end_slope(v[:4], t[:4])
    last = _end_slope(v[::-1][:4], t[::-1][:4])
    s = _secants(v, t)
    # Rows of the tridiagonal system for the inner slopes, solved by forward elimination.
    upper, right = [0.0] * n, [first] + [0.0] * (n - 2) + [last]
    for i in range(1, n - 1):
        left_w, right_w = 1.0 / (v[i] - v[i - 1]), 1.0 / (v[i + 1] - v[i])
        pivot = 2.0 * (left_w + right_w) - left_w * upper[i - 1]
        upper[i] = right_w / pivot
        right[i] = (3.0 * (left_w * s[i - 1] + right_w * s[i]) - left_w * right[i - 1]) / pivot
    slopes = right
    for i in range(n - 2, 0, -1):
        slopes[i] -= upper[i] * slopes[i + 1]
    return slopes


def _end_slope(v: Sequence[float], t: Sequence[float]) -> float:
    """Derivative at v[0] of the polynomial through all points, in Lagrange form."""
    total = 0.0
    for i in range(len(v)):
        others = [k for k in range(len(v)) if k != i]
        scale = math.prod(v[i] - v[k] for k in others)
        derivative = sum(
            math.prod(v[0] - v[k] for k in others if k != skipped) for skipped in others
        )
        total += t[i] * derivative / scale
    return total
