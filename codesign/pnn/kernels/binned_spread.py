"""From the gradients of one interval of a grid to those of its spikes and their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from codesign.pnn.kernels.binned_integrals import B1, B2, B3, B4, B5, B6
from codesign.pnn.kernels.layout import LANES
from codesign.pnn.kernels.scalar import FAST

B8, B9, B10, B11, B12, B13, B14 = (np.uint64(k) * LANES for k in range(8, 15))


@njit(nogil=True, cache=True, fastmath=FAST)
def spread(
    lanes: Any,
    base: Any,
    b: Any,
    first: Any,
    stop: Any,
    order: Any,
    share: Any,
    moment: Any,
    rows: Any,
    second: Any,
    third: Any,
    a: Any,
    moved: Any,
    rate: Any,
    zero: Any,
    half: Any,
    times: Any,
    d_times: Any,
    d_rows: Any,
    d_second: Any,
    d_third: Any,
) -> None:
    """Hand one interval's gradients to its spikes."""
    begin = first
    if second is None:
        # Two at once: what a weight gets from the interval is read once for both.
        begin = stop - (stop - first) % 2
        for q in range(first, begin, 2):
            i0, i1 = order[q], order[q + 1]
            j0, j1 = base + np.uint64(i0) * lanes, base + np.uint64(i1) * lanes
            x0, x1 = share[q], share[q + 1]
            dot0, dot1 = zero, zero
            if moment is None:
                for o in range(lanes):
                    w0, w1 = rows[j0 + o], rows[j1 + o]
                    up, down = a[B9 + o], a[B12 + o]
                    up_all, down_all = a[B10 + o], a[B13 + o]
                    e0 = up if w0 >= zero else down
                    e1 = up if w1 >= zero else down
                    d_rows[j0 + o] += x0 * e0 + (up_all if w0 >= zero else down_all)
                    d_rows[j1 + o] += x1 * e1 + (up_all if w1 >= zero else down_all)
                    dot0 += w0 * e0
                    dot1 += w1 * e1
            else:
                y0, y1 = moment[q], moment[q + 1]
                z0, z1 = half - x0, half - x1
                for o in range(lanes):
                    w0, w1 = rows[j0 + o], rows[j1 + o]
                    up, down = a[B9 + o], a[B12 + o]
                    up_all, down_all = a[B10 + o], a[B13 + o]
                    up_y, down_y = a[B11 + o], a[B14 + o]
                    f0 = up_y if w0 >= zero else down_y
                    f1 = up_y if w1 >= zero else down_y
                    e0 = up if w0 >= zero else down
                    e1 = up if w1 >= zero else down
                    d_rows[j0 + o] += x0 * e0 + y0 * f0 + (up_all if w0 >= zero else down_all)
                    d_rows[j1 + o] += x1 * e1 + y1 * f1 + (up_all if w1 >= zero else down_all)
                    dot0 += w0 * (e0 + z0 * f0)
                    dot1 += w1 * (e1 + z1 * f1)
            if d_times is not None:
                if times[b, i0] >= zero:
                    d_times[b, i0] -= rate * (dot0 + moved)
                if times[b, i1] >= zero:
                    d_times[b, i1] -= rate * (dot1 + moved)
    for q in range(begin, stop):
        j = order[q]
        j0 = base + np.uint64(j) * lanes
        x0 = share[q]
        z0 = half - x0
        dot = zero
        if second is None:
            if moment is None:
                if d_times is None:
                    for o in range(lanes):
                        w = rows[j0 + o]
                        up = x0 * a[B9 + o] + a[B10 + o]
                        down = x0 * a[B12 + o] + a[B13 + o]
                        d_rows[j0 + o] += up if w >= zero else down
                else:
                    for o in range(lanes):
                        w = rows[j0 + o]
                        up, down = a[B9 + o], a[B12 + o]
                        up_all, down_all = a[B10 + o], a[B13 + o]
                        ex = up if w >= zero else down
                        d_rows[j0 + o] += x0 * ex + (up_all if w >= zero else down_all)
                        dot += w * ex
            else:
                y0 = moment[q]
                if d_times is None:
                    for o in range(lanes):
                        w = rows[j0 + o]
                        up = x0 * a[B9 + o] + a[B10 + o] + y0 * a[B11 + o]
                        down = x0 * a[B12 + o] + a[B13 + o] + y0 * a[B14 + o]
                        d_rows[j0 + o] += up if w >= zero else down
                else:
                    for o in range(lanes):
                        w = rows[j0 + o]
                        up, down = a[B9 + o], a[B12 + o]
                        up_all, down_all = a[B10 + o], a[B13 + o]
                        up_y, down_y = a[B11 + o], a[B14 + o]
                        ex = up if w >= zero else down
                        ec = up_all if w >= zero else down_all
                        ey = up_y if w >= zero else down_y
                        d_rows[j0 + o] += x0 * ex + ec + y0 * ey
                        dot += w * (ex + z0 * ey)
        else:
            if moment is None:
                for o in range(lanes):
                    d_rows[j0 + o] += x0 * a[o] + a[B5 + o]
                    d_second[j0 + o] += x0 * a[B1 + o] + a[B6 + o]
                    dot += rows[j0 + o] * a[o] + second[j0 + o] * a[B1 + o]
            else:
                y0 = moment[q]
                for o in range(lanes):
                    d_rows[j0 + o] += x0 * a[o] + a[B5 + o] + y0 * a[B2 + o]
                    d_second[j0 + o] += x0 * a[B1 + o] + a[B6 + o] + y0 * a[B3 + o]
                    dot += rows[j0 + o] * (a[o] + z0 * a[B2 + o])
                    dot += second[j0 + o] * (a[B1 + o] + z0 * a[B3 + o])
            if third is not None:
                for o in range(lanes):
                    d_third[j0 + o] += x0 * a[B4 + o] + a[B8 + o]
                    dot += third[j0 + o] * a[B4 + o]
        if d_times is not None and times[b, j] >= zero:
            d_times[b, j] -= rate * (dot + moved)
