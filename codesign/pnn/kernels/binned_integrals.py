"""Integrals of current and conductance over the intervals of a grid, for one sample and block.

Also the record of an interval that the kernels of `binned` share, and how it is laid out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from codesign.pnn.kernels.layout import LANES
from codesign.pnn.kernels.scalar import FAST

# Where the blocks of a scratch array begin.
B1, B2, B3, B4, B5, B6, B7 = (np.uint64(k) * LANES for k in range(1, 8))
# Rows of the record of one interval: integrals G, F, moments G1, F1, charge arrived, membrane.
ROWS = np.uint64(6) * LANES


@njit(nogil=True, cache=True, fastmath=FAST)
def _sum_rows(
    lanes: Any,
    base: Any,
    order: Any,
    share: Any,
    moment: Any,
    first: Any,
    stop: Any,
    rows: Any,
    second: Any,
    third: Any,
    acc: Any,
    zero: Any,
) -> None:
    """Add the rows of spikes first..stop to acc: sums, sums times share, sums times moment.

    Blocks of acc: g; x g; y g; s; x s; y s; c; x c, with s the second quantity.
    """
    begin = first
    if second is None and third is None:
        # Four at once: the sums are read and written once for all of them.
        begin = stop - (stop - first) % 4
        for q in range(first, begin, 4):
            j0 = base + np.uint64(order[q]) * lanes
            j1 = base + np.uint64(order[q + 1]) * lanes
            j2 = base + np.uint64(order[q + 2]) * lanes
            j3 = base + np.uint64(order[q + 3]) * lanes
            x0, x1, x2, x3 = share[q], share[q + 1], share[q + 2], share[q + 3]
            if moment is None:
                for o in range(lanes):
                    w0, w1, w2, w3 = rows[j0 + o], rows[j1 + o], rows[j2 + o], rows[j3 + o]
                    p0 = w0 if w0 > zero else zero
                    p1 = w1 if w1 > zero else zero
                    p2 = w2 if w2 > zero else zero
                    p3 = w3 if w3 > zero else zero
                    acc[o] += (w0 + w1) + (w2 + w3)
                    acc[B1 + o] += (x0 * w0 + x1 * w1) + (x2 * w2 + x3 * w3)
                    acc[B3 + o] += (p0 + p1) + (p2 + p3)
                    acc[B4 + o] += (x0 * p0 + x1 * p1) + (x2 * p2 + x3 * p3)
            else:
                y0, y1, y2, y3 = moment[q], moment[q + 1], moment[q + 2], moment[q + 3]
                for o in range(lanes):
                    w0, w1, w2, w3 = rows[j0 + o], rows[j1 + o], rows[j2 + o], rows[j3 + o]
                    p0 = w0 if w0 > zero else zero
                    p1 = w1 if w1 > zero else zero
                    p2 = w2 if w2 > zero else zero
                    p3 = w3 if w3 > zero else zero
                    acc[o] += (w0 + w1) + (w2 + w3)
                    acc[B1 + o] += (x0 * w0 + x1 * w1) + (x2 * w2 + x3 * w3)
                    acc[B2 + o] += (y0 * w0 + y1 * w1) + (y2 * w2 + y3 * w3)
                    acc[B3 + o] += (p0 + p1) + (p2 + p3)
                    acc[B4 + o] += (x0 * p0 + x1 * p1) + (x2 * p2 + x3 * p3)
                    acc[B5 + o] += (y0 * p0 + y1 * p1) + (y2 * p2 + y3 * p3)
    for q in range(begin, stop):
        j0 = base + np.uint64(order[q]) * lanes
        x0 = share[q]
        if moment is None:
            if second is None:
                for o in range(lanes):
                    w = rows[j0 + o]
                    p = w if w > zero else zero
                    acc[o] += w
                    acc[B1 + o] += x0 * w
                    acc[B3 + o] += p
                    acc[B4 + o] += x0 * p
            else:
                for o in range(lanes):
                    w = rows[j0 + o]
                    p = second[j0 + o]
                    acc[o] += w
                    acc[B1 + o] += x0 * w
                    acc[B3 + o] += p
                    acc[B4 + o] += x0 * p
        else:
            y0 = moment[q]
            if second is None:
                for o in range(lanes):
                    w = rows[j0 + o]
                    p = w if w > zero else zero
                    acc[o] += w
                    acc[B1 + o] += x0 * w
                    acc[B2 + o] += y0 * w
                    acc[B3 + o] += p
                    acc[B4 + o] += x0 * p
                    acc[B5 + o] += y0 * p
            else:
                for o in range(lanes):
                    w = rows[j0 + o]
                    p = second[j0 + o]
                    acc[o] += w
                    acc[B1 + o] += x0 * w
                    acc[B2 + o] += y0 * w
                    acc[B3 + o] += p
                    acc[B4 + o] += x0 * p
                    acc[B5 + o] += y0 * p
        if third is not None:
            for o in range(lanes):
                c = third[j0 + o]
                acc[B6 + o] += c
                acc[B7 + o] += x0 * c


@njit(nogil=True, cache=True, fastmath=FAST)
def integrals(
    lanes: Any,
    base: Any,
    order: Any,
    share: Any,
    moment: Any,
    starts: Any,
    length: Any,
    rows: Any,
    second: Any,
    third: Any,
    scalars: Any,
    acc: Any,
    total: Any,
    rec: Any,
) -> None:
    """Fill the record of every interval for one sample and block; `total` is scratch."""
    zero, leak = scalars[0], scalars[2]
    bp, bm = scalars[3], scalars[4]
    kick, sp, sm = scalars[5], scalars[6], scalars[7]
    total[:] = zero
    arrived = zero
    intervals = len(length)
    for m in range(intervals):
        acc[:] = zero
        first, stop = starts[m], starts[m + 1]
        _sum_rows(lanes, base, order, share, moment, first, stop, rows, second, third, acc, zero)
        partial = zero
        for q in range(first, stop):
            partial += share[q]
        d = length[m]
        at = np.uint64(m) * ROWS
        n = kick * (arrived + partial)
        for o in range(lanes):
            g = total[o] + acc[B1 + o]
            s = total[B1 + o] + acc[B4 + o]
            rec[at + o] = d * g
            rec[at + B1 + o] = d * (leak + bp * s + bm * (g - s))
            rec[at + B4 + o] = n + sp * s + sm * (g - s)
            total[o] += acc[o]
            total[B1 + o] += acc[B3 + o]
        if moment is not None:
            for o in range(lanes):
                y, z = acc[B2 + o], acc[B5 + o]
                rec[at + B2 + o] = d * y
                rec[at + B3 + o] = d * (bp * z + bm * (y - z))
        if third is not None:
            for o in range(lanes):
                rec[at + B4 + o] = n + total[B2 + o] + acc[B7 + o]
                total[B2 + o] += acc[B6 + o]
        arrived += stop - first
    at = np.uint64(intervals) * ROWS
    n = kick * arrived
    for o in range(lanes):
        g, s = total[o], total[B1 + o]
        rec[at + B4 + o] = n + sp * s + sm * (g - s)
    if third is not None:
        for o in range(lanes):
            rec[at + B4 + o] = n + total[B2 + o]
