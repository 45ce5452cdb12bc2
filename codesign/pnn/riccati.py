"""One step of dv/dt = g - f v + q v^2 with constant coefficients, in closed form.

Written as v = a/b with (a, b)' = A (a, b), A = [[-f/2, g], [-q, f/2]], the step is the Moebius map
of e^A; e^A = cosh z + A sinh(z)/z with z^2 = f^2/4 - q g, which is smooth through z = 0. Arguments
named F, G, Q are integrals over the step.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from codesign.pnn.series import bessel_series


class Moebius(NamedTuple):
    """v -> (a v + b)/(c v + d), elementwise; all of one shape."""

    a: Tensor
    b: Tensor
    c: Tensor
    d: Tensor

    def __call__(self, v: Tensor) -> Tensor:
        return (self.a * v + self.b) / (self.c * v + self.d)

    def after(self, first: Moebius) -> Moebius:
        """The map that applies `first`, then this one."""
        return Moebius(
            self.a * first.a + self.b * first.c,
            self.a * first.b + self.b * first.d,
            self.c * first.a + self.d * first.c,
            self.c * first.b + self.d * first.d,
        )

    def unbind(self) -> list[Moebius]:
        """One map per entry of the leading dimension."""
        return [Moebius(*x) for x in zip(*(y.unbind() for y in self), strict=True)]


def riccati_step(f: Tensor, g: Tensor, q: Tensor) -> Moebius:
    """The map of v over a step with integrals f, g, q (all of one shape)."""
    even, odd = _cosh_sinhc(0.25 * f * f - q * g)
    half = 0.5 * f * odd
    return Moebius(even - half, g * odd, -q * odd, even + half)


def riccati_step2(f: Tensor, g: Tensor, q: Tensor, f1: Tensor, g1: Tensor, q1: Tensor) -> Moebius:
    """The step with first centred moments f1, g1, q1 of the coefficients (see dstd2).

    First-order Duhamel term of a coefficient matrix linear in time: its odd part about the middle
    is a multiple of the commutator [A, A1], applied between two half steps. Without q it is the
    chi term of dstd2.
    """
    f, g, q = 0.5 * f, 0.5 * g, 0.5 * q
    half = riccati_step(f, g, q)
    strength = -2.0 * _first_order(f * f - 4.0 * q * g)
    diagonal = strength * (g1 * q - g * q1)
    upper = strength * (f1 * g - f * g1)
    lower = strength * (q * f1 - q1 * f)
    return half.after(Moebius(1.0 + diagonal, upper, lower, 1.0 - diagonal).after(half))


def _cosh_sinhc(y: Tensor) -> tuple[Tensor, Tensor]:
    """cosh z and sinh(z)/z at z = sqrt(y), both times e^-z where y > 1 (their ratio counts)."""
    small = y.clamp(-1.0, 1.0)
    even, odd = bessel_series(small, -1), bessel_series(small, 0)
    if bool((y > 1.0).any()):
        z = torch.sqrt(y.clamp_min(1.0))
        decay = torch.exp(-2.0 * z)
        even = torch.where(y > 1.0, 0.5 * (1.0 + decay), even)
        odd = torch.where(y > 1.0, 0.5 * (1.0 - decay) / z, odd)
    if bool((y < -1.0).any()):
        z = torch.sqrt((-y).clamp_min(1.0))
        even = torch.where(y < -1.0, torch.cos(z), even)
        odd = torch.where(y < -1.0, torch.sin(z) / z, odd)
    return even, odd


def _first_order(y: Tensor) -> Tensor:
    """3 (cosh z/z^2 - sinh z/z^3) at z = sqrt(y)."""
    value = bessel_series(y.clamp(-1.0, 1.0), 1)
    if bool((y > 1.0).any()):
        z = torch.sqrt(y.clamp_min(1.0))
        value = torch.where(y > 1.0, 3.0 * (torch.cosh(z) - torch.sinh(z) / z) / (z * z), value)
    if bool((y < -1.0).any()):
        z = torch.sqrt((-y).clamp_min(1.0))
        value = torch.where(y < -1.0, 3.0 * (torch.sin(z) / z - torch.cos(z)) / (z * z), value)
    return value
