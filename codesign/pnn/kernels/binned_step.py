"""The membrane over one interval of a grid, and its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from codesign.pnn.kernels.binned_integrals import B1, B2, B3, B4, B5, B7, ROWS
from codesign.pnn.kernels.layout import LANES
from codesign.pnn.kernels.scalar import FAST, psi012

B8 = np.uint64(8) * LANES


@njit(nogil=True, cache=True, fastmath=FAST)
def advance(lanes: Any, rec: Any, m: Any, moment: Any) -> None:
    """The membrane at the end of interval m from that at its start, charge included."""
    at, to = np.uint64(m) * ROWS, np.uint64(m + 1) * ROWS
    for o in range(lanes):
        g, f, v = rec[at + o], rec[at + B1 + o], rec[at + B5 + o]
        _, phi, chi, _ = psi012(f)
        moved = v + (g - f * v) * phi + (rec[to + B4 + o] - rec[at + B4 + o])
        if moment is not None:
            moved += chi * (f * rec[at + B2 + o] - g * rec[at + B3 + o])
        rec[to + B5 + o] = moved


@njit(nogil=True, cache=True, fastmath=FAST)
def adjoint(lanes: Any, rec: Any, at: Any, moment: Any, d: Any, scalars: Any, a: Any) -> None:
    """Gradients by the integrals of an interval, and the adjoint before it, into `a`."""
    half, twelfth, twentieth = scalars[8], scalars[9], scalars[10]
    for o in range(lanes):
        g, f, v = rec[at + o], rec[at + B1 + o], rec[at + B5 + o]
        decay, phi, chi, psi = psi012(f)
        l = a[B7 + o]
        dphi = f * chi * twelfth - half * phi
        by_f = g * dphi - v * decay
        if moment is None:
            a[o] = d * l * phi
        else:
            g1, f1 = rec[at + B2 + o], rec[at + B3 + o]
            dchi = f * psi * twentieth - half * chi
            by_f += dchi * (f * g1 - g * f1) + chi * g1
            a[o] = d * l * (phi - chi * f1)
            a[B2 + o] = d * l * chi * f
            a[B3 + o] = -d * l * chi * g
        a[B1 + o] = d * l * by_f
        a[B8 + o] = l
        a[B7 + o] = l * decay
