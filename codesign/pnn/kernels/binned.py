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

from codesign.pnn.kernels.binned_integrals import B1, B2, B3, B4, B5, B6, B7, ROWS, integrals
from codesign.pnn.kernels.binned_spread import B8, B9, B10, B11, B12, B13, B14, spread
from codesign.pnn.kernels.binned_step import adjoint, advance
from codesign.pnn.kernels.layout import BLOCK
from codesign.pnn.kernels.scalar import FAST


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
            integrals(
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
                advance(lanes, rec, m, moment)
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
            integrals(
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
                advance(lanes, rec, m, moment)
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
                adjoint(lanes, rec, at, moment, d, scalars, a)
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
                spread(
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
