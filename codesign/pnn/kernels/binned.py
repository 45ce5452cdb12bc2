"""DSTD on the CPU: spikes in bins, rows of weights summed per bin, the membrane stepped at once.

For one sample and one block of output neurons the kernel sums the rows of the spikes of each
interval, which gives the integrals of current and conductance over all intervals, steps the
membrane and forgets them. The backward pass does the same again, keeps the intervals of that
one sample and block, and goes through them and their spikes in reverse.

Synapses come in one of two forms. `constant`: one matrix g, conductance g/E by the sign of g; the
sum of positive weights is all that is needed beside the sum. `general`: g, f and, where spikes
move charge, kick matrices. `second` and `third` are None where a form does not have them.

scalars: zero, one, leak, 1/E+, 1/E-, kick, kick per weight + and -, 1/2, 1/12, 1/20 (typed
constants: computed inside, they would become divisions).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from codesign.pnn.kernels.layout import BLOCK, LANES
from codesign.pnn.kernels.scalar import FAST, psi012

B1, B2, B3, B4, B5, B6, B7 = (np.uint64(k) * LANES for k in range(1, 8))
B8, B9, B10, B11, B12, B13, B14 = (np.uint64(k) * LANES for k in range(8, 15))
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
def _integrals(
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


@njit(nogil=True, cache=True, fastmath=FAST)
def _advance(lanes: Any, rec: Any, m: Any, moment: Any) -> None:
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
def _adjoint(lanes: Any, rec: Any, at: Any, moment: Any, d: Any, scalars: Any, a: Any) -> None:
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


@njit(nogil=True, cache=True, fastmath=FAST)
def forward(
    lanes: Any,
    times: Any,
    order: Any,
    share: Any,
    moment: Any,
    starts: Any,
    length: Any,
    rows: Any,
    second: Any,
    third: Any,
    scalars: Any,
    start: Any,
    first_block: Any,
    last_block: Any,
    v_out: Any,
    cross: Any,
    g_out: Any,
    f_out: Any,
) -> None:
    """Membranes at the end into v_out (batch, blocks * BLOCK).

    With `cross` (same shape, integers): v_out, g_out and f_out are the membrane and the integrals
    of the interval in which the membrane first reaches 1, `cross` its number; where it never does,
    `cross` is the number of intervals and v_out the membrane at the end.
    """
    batch, n_in = times.shape
    intervals = len(length)
    zero, one = scalars[0], scalars[1]
    acc = np.empty(8 * BLOCK, rows.dtype)
    total = np.empty(3 * BLOCK, rows.dtype)
    rec = np.zeros((intervals + 1) * 6 * BLOCK, rows.dtype)
    for k in range(first_block, last_block):
        base = np.uint64(k * n_in) * lanes
        column = np.uint64(k) * lanes
        for b in range(batch):
            _integrals(
                lanes,
                base,
                order[b],
                share[b],
                None if moment is None else moment[b],
                starts[b],
                length,
                rows,
                second,
                third,
                scalars,
                acc,
                total,
                rec,
            )
            for o in range(lanes):
                rec[B5 + o] = start[column + o] + rec[B4 + o]
            if cross is not None:
                for o in range(lanes):
                    cross[b, column + o] = intervals
            for m in range(intervals):
                _advance(lanes, rec, m, moment)
                if cross is not None:
                    at, to = np.uint64(m) * ROWS, np.uint64(m + 1) * ROWS
                    for o in range(lanes):
                        if cross[b, column + o] == intervals and (
                            rec[to + B5 + o] >= one or rec[at + B5 + o] >= one
                        ):
                            cross[b, column + o] = m
                            v_out[b, column + o] = rec[at + B5 + o]
                            g_out[b, column + o] = rec[at + o]
                            f_out[b, column + o] = rec[at + B1 + o]
            at = np.uint64(intervals) * ROWS
            if cross is None:
                for o in range(lanes):
                    v_out[b, column + o] = rec[at + B5 + o]
            else:
                for o in range(lanes):
                    if cross[b, column + o] == intervals:
                        v_out[b, column + o] = rec[at + B5 + o]
                        g_out[b, column + o] = zero
                        f_out[b, column + o] = zero


@njit(nogil=True, cache=True, fastmath=FAST)
def backward(
    lanes: Any,
    times: Any,
    order: Any,
    share: Any,
    moment: Any,
    starts: Any,
    length: Any,
    rows: Any,
    second: Any,
    third: Any,
    scalars: Any,
    start: Any,
    first_block: Any,
    last_block: Any,
    v_grad: Any,
    cross: Any,
    g_grad: Any,
    f_grad: Any,
    d_times: Any,
    d_rows: Any,
    d_second: Any,
    d_third: Any,
) -> None:
    """Gradients by times (added to d_times unless None) and weights, from those of forward.

    d_rows is by the weight itself in the constant form, by g alone in the general one.
    """
    batch, n_in = times.shape
    intervals = len(length)
    zero, one = scalars[0], scalars[1]
    half = scalars[8]
    bp, bm = scalars[3], scalars[4]
    kick, sp, sm = scalars[5], scalars[6], scalars[7]
    acc = np.empty(8 * BLOCK, rows.dtype)
    total = np.empty(3 * BLOCK, rows.dtype)
    rec = np.zeros((intervals + 1) * 6 * BLOCK, rows.dtype)
    # One array, so that no loop has to check for overlap. Of one interval: gradients by g, f,
    # their moments, charge; those by g and f summed over later intervals; adjoint of the membrane
    # at the interval's start and end; what a spike adds to the gradient of a positive weight (by
    # share, always, by moment) and of a negative one.
    a = np.empty(15 * BLOCK, rows.dtype)
    for k in range(first_block, last_block):
        base = np.uint64(k * n_in) * lanes
        column = np.uint64(k) * lanes
        for b in range(batch):
            _integrals(
                lanes,
                base,
                order[b],
                share[b],
                None if moment is None else moment[b],
                starts[b],
                length,
                rows,
                second,
                third,
                scalars,
                acc,
                total,
                rec,
            )
            for o in range(lanes):
                rec[B5 + o] = start[column + o] + rec[B4 + o]
            for m in range(intervals - 1):
                _advance(lanes, rec, m, moment)
            a[:] = zero
            if cross is None:
                for o in range(lanes):
                    a[B7 + o] = v_grad[b, column + o]
            else:
                for o in range(lanes):
                    grad = v_grad[b, column + o]
                    a[B7 + o] = grad if cross[b, column + o] == intervals else zero
            for m in range(intervals - 1, -1, -1):
                at = np.uint64(m) * ROWS
                d = length[m]
                _adjoint(lanes, rec, at, moment, d, scalars, a)
                if cross is not None:
                    for o in range(lanes):
                        if cross[b, column + o] == m:
                            a[B7 + o] = v_grad[b, column + o]
                            a[o] = d * g_grad[b, column + o]
                            a[B1 + o] = d * f_grad[b, column + o]
                moved = zero
                for o in range(lanes):
                    a[B4 + o] = a[B7 + o] - a[B8 + o]
                    moved += a[B4 + o]
                moved *= kick
                if second is None:
                    for o in range(lanes):
                        ag, af, ak = a[o], a[B1 + o], a[B4 + o]
                        cg, cf, ck = a[B5 + o], a[B6 + o], a[B8 + o]
                        a[B9 + o] = ag + bp * af + sp * ak
                        a[B10 + o] = cg + bp * cf + sp * ck
                        a[B12 + o] = ag + bm * af + sm * ak
                        a[B13 + o] = cg + bm * cf + sm * ck
                    if moment is not None:
                        for o in range(lanes):
                            a[B11 + o] = a[B2 + o] + bp * a[B3 + o]
                            a[B14 + o] = a[B2 + o] + bm * a[B3 + o]
                _spread(
                    lanes,
                    base,
                    b,
                    starts[b, m],
                    starts[b, m + 1],
                    order[b],
                    share[b],
                    None if moment is None else moment[b],
                    rows,
                    second,
                    third,
                    a,
                    moved,
                    one / d,
                    zero,
                    half,
                    times,
                    d_times,
                    d_rows,
                    d_second,
                    d_third,
                )
                for o in range(lanes):
                    a[B5 + o] += a[o]
                    a[B6 + o] += a[B1 + o]


@njit(nogil=True, cache=True, fastmath=FAST)
def _spread(
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
