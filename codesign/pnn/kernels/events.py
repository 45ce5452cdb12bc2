"""The exact membrane on the CPU: from spike to spike, one block of output neurons at a time.

Conductance and current are running sums, so a spike costs a few operations per output neuron.
The backward pass runs forward again, keeps the membrane after every spike of one sample and one
block, and takes the spikes back one by one. Forms of the synapses and scalars as in `binned`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from codesign.pnn.kernels.layout import BLOCK, LANES
from codesign.pnn.kernels.scalar import (
    FAST,
    SHORT_STEP,
    TINY_STEP,
    psi012,
    short_dphi,
    short_phi,
    tiny_dphi,
    tiny_phi,
)

B1, B2, B3, B4, B5 = (np.uint64(k) * LANES for k in range(1, 6))


@njit(nogil=True, cache=True, fastmath=FAST)
def _step(lanes: Any, state: Any, d: Any, bound: Any) -> None:
    """Membrane after d at constant current and conductance; state holds g, f, v, and v after."""
    if d * bound <= SHORT_STEP:
        for o in range(lanes):
            f, v = state[B1 + o], state[B2 + o]
            state[B3 + o] = v + d * (state[o] - f * v) * short_phi(f * d)
    else:
        for o in range(lanes):
            f, v = state[B1 + o], state[B2 + o]
            _, phi, _, _ = psi012(f * d)
            state[B3 + o] = v + d * (state[o] - f * v) * phi


@njit(nogil=True, cache=True, fastmath=FAST)
def _arrive(lanes: Any, state: Any, j0: Any, rows: Any, second: Any, scalars: Any) -> None:
    """Add one spike's synapses to g and f."""
    zero, minus, more = scalars[0], scalars[4], scalars[3] - scalars[4]
    if second is None:
        for o in range(lanes):
            w = rows[j0 + o]
            p = w if w > zero else zero
            state[o] += w
            state[B1 + o] += more * p + minus * w
    else:
        for o in range(lanes):
            state[o] += rows[j0 + o]
            state[B1 + o] += second[j0 + o]


@njit(nogil=True, cache=True, fastmath=FAST, inline="always")
def _step_and_arrive(
    lanes: Any, state: Any, d: Any, bound: Any, j0: Any, rows: Any, second: Any, scalars: Any
) -> None:
    """`_step` with v replaced, then `_arrive`, in one go."""
    zero, minus, more = scalars[0], scalars[4], scalars[3] - scalars[4]
    if second is not None or d * bound > SHORT_STEP:
        _step(lanes, state, d, bound)
        for o in range(lanes):
            state[B2 + o] = state[B3 + o]
        _arrive(lanes, state, j0, rows, second, scalars)
    elif d * bound <= TINY_STEP:
        for o in range(lanes):
            w, g, f, v = rows[j0 + o], state[o], state[B1 + o], state[B2 + o]
            p = w if w > zero else zero
            state[B2 + o] = v + d * (g - f * v) * tiny_phi(f * d)
            state[o] = g + w
            state[B1 + o] = f + (more * p + minus * w)
    else:
        for o in range(lanes):
            w, g, f, v = rows[j0 + o], state[o], state[B1 + o], state[B2 + o]
            p = w if w > zero else zero
            state[B2 + o] = v + d * (g - f * v) * short_phi(f * d)
            state[o] = g + w
            state[B1 + o] = f + (more * p + minus * w)


@njit(nogil=True, cache=True, fastmath=FAST)
def _kick(lanes: Any, state: Any, j0: Any, rows: Any, third: Any, scalars: Any) -> None:
    """Add one spike's charge to v."""
    zero, kick, sp, sm = scalars[0], scalars[5], scalars[6], scalars[7]
    if third is None:
        for o in range(lanes):
            w = rows[j0 + o]
            p = w if w > zero else zero
            state[B2 + o] += kick + sp * p + sm * (w - p)
    else:
        for o in range(lanes):
            state[B2 + o] += third[j0 + o]


@njit(nogil=True, cache=True, fastmath=FAST)
def _run(
    lanes: Any,
    k: Any,
    b: Any,
    times: Any,
    order: Any,
    count: Any,
    bounds: Any,
    t_end: Any,
    rows: Any,
    second: Any,
    third: Any,
    scalars: Any,
    start: Any,
    state: Any,
    kept: Any,
    v_out: Any,
    cross: Any,
    g_out: Any,
    f_out: Any,
) -> Any:
    """One sample and block to the end, or until every neuron has crossed; intervals gone through.

    Interval i lies after i spikes. `kept` gets the membrane at the start of every interval.
    """
    n_in = times.shape[1]
    zero, one, leak = scalars[0], scalars[1], scalars[2]
    base, column = np.uint64(k * n_in) * lanes, np.uint64(k) * lanes
    kicks = third is not None or scalars[5] != 0 or scalars[6] != 0 or scalars[7] != 0
    for o in range(lanes):
        state[o] = zero
        state[B1 + o] = leak
        state[B2 + o] = start[column + o]
    now, bound = zero, leak
    if cross is not None:
        for o in range(lanes):
            cross[b, column + o] = n_in + 1
    for i in range(count + 1):
        then = t_end
        j0 = base
        if i < count:
            then = max(times[b, order[i]], zero)
            j0 = base + np.uint64(order[i]) * lanes
        d = then - now
        if kept is not None:
            to = np.uint64(i) * lanes
            for o in range(lanes):
                kept[to + o] = state[B2 + o]
        if cross is None and i < count:
            if d > zero:
                _step_and_arrive(lanes, state, d, bound, j0, rows, second, scalars)
            else:
                _arrive(lanes, state, j0, rows, second, scalars)
        else:
            if d > zero:
                _step(lanes, state, d, bound)
            else:
                for o in range(lanes):
                    state[B3 + o] = state[B2 + o]
            if cross is not None and _note_crossings(
                lanes, state, i, n_in, b, column, one, v_out, cross, g_out, f_out
            ):
                return i + 1
            for o in range(lanes):
                state[B2 + o] = state[B3 + o]
            if i < count:
                _arrive(lanes, state, j0, rows, second, scalars)
        if i < count:
            if kicks:
                _kick(lanes, state, j0, rows, third, scalars)
            bound += bounds[k, order[i]]
        now = then
    for o in range(lanes):
        if cross is None:
            v_out[b, column + o] = state[B2 + o]
        elif cross[b, column + o] == n_in + 1:
            v_out[b, column + o] = state[B2 + o]
            g_out[b, column + o] = zero
            f_out[b, column + o] = zero
    return count + 1


@njit(nogil=True, cache=True, fastmath=FAST)
def _note_crossings(
    lanes: Any,
    state: Any,
    i: Any,
    n_in: Any,
    b: Any,
    column: Any,
    one: Any,
    v_out: Any,
    cross: Any,
    g_out: Any,
    f_out: Any,
) -> Any:
    """Write down which neurons of the block reach 1 in interval i; whether all have by now."""
    done = True
    for o in range(lanes):
        if cross[b, column + o] == n_in + 1:
            if state[B3 + o] >= one or state[B2 + o] >= one:
                cross[b, column + o] = i
                v_out[b, column + o] = state[B2 + o]
                g_out[b, column + o] = state[o]
                f_out[b, column + o] = state[B1 + o]
            else:
                done = False
    return done


@njit(nogil=True, cache=True, fastmath=FAST)
def forward(
    lanes: Any,
    times: Any,
    order: Any,
    counts: Any,
    bounds: Any,
    t_end: Any,
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
    """Membranes at t_end into v_out (batch, blocks * BLOCK).

    order (batch, n_in): inputs by time, the first counts[b] of them spike before t_end. bounds
    (blocks, n_in): largest conductance in an input's row. With `cross`: as in `binned`, the rates
    g and f of the interval instead of integrals, n_in + 1 where the membrane never reaches 1.
    """
    state = np.empty(4 * BLOCK, rows.dtype)
    for k in range(first_block, last_block):
        for b in range(times.shape[0]):
            _run(
                lanes,
                k,
                b,
                times,
                order[b],
                counts[b],
                bounds,
                t_end,
                rows,
                second,
                third,
                scalars,
                start,
                state,
                None,
                v_out,
                cross,
                g_out,
                f_out,
            )


@njit(nogil=True, cache=True, fastmath=FAST)
def backward(
    lanes: Any,
    times: Any,
    order: Any,
    counts: Any,
    bounds: Any,
    t_end: Any,
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
    v_out: Any,
    g_out: Any,
    f_out: Any,
    d_times: Any,
    d_rows: Any,
    d_second: Any,
    d_third: Any,
) -> None:
    """Gradients by times (added to d_times unless None) and weights; v_out .. f_out are scratch."""
    batch, n_in = times.shape
    zero, leak = scalars[0], scalars[2]
    kicks = third is not None or scalars[5] != 0 or scalars[6] != 0 or scalars[7] != 0
    kept = np.empty((n_in + 1) * BLOCK, rows.dtype)
    # g, f, v as in forward; adjoint of the membrane; gradients by g and f summed over the
    # intervals gone back through. The fourth block is scratch of forward.
    state = np.empty(6 * BLOCK, rows.dtype)
    for k in range(first_block, last_block):
        base, column = np.uint64(k * n_in) * lanes, np.uint64(k) * lanes
        for b in range(batch):
            intervals = _run(
                lanes,
                k,
                b,
                times,
                order[b],
                counts[b],
                bounds,
                t_end,
                rows,
                second,
                third,
                scalars,
                start,
                state,
                kept,
                v_out,
                cross,
                g_out,
                f_out,
            )
            bound = leak
            for i in range(intervals - 1):
                bound += bounds[k, order[b, i]]
            for o in range(lanes):
                state[B4 + o] = zero
                state[B5 + o] = zero
                state[B3 + o] = v_grad[b, column + o]
                if cross is not None and cross[b, column + o] != n_in + 1:
                    state[B3 + o] = zero
            then = t_end
            if intervals <= counts[b]:
                then = max(times[b, order[b, intervals - 1]], zero)
            for i in range(intervals - 1, -1, -1):
                now = zero
                if i > 0:
                    now = max(times[b, order[b, i - 1]], zero)
                d = then - now
                at = np.uint64(i) * lanes
                if d > zero:
                    _step_back(lanes, state, kept, at, d, bound, scalars)
                fixed = zero
                if cross is not None:
                    # v, g and f of a crossing belong to the spike that begins its interval, so
                    # the membrane's motion after that spike is no part of their derivative.
                    for o in range(lanes):
                        if cross[b, column + o] == i:
                            motion = state[o] - state[B1 + o] * kept[at + o]
                            fixed += v_grad[b, column + o] * motion
                            state[B3 + o] += v_grad[b, column + o]
                            state[B4 + o] += g_grad[b, column + o]
                            state[B5 + o] += f_grad[b, column + o]
                if i == 0:
                    break
                j = order[b, i - 1]
                j0 = base + np.uint64(j) * lanes
                dot = _take_back(
                    lanes,
                    state,
                    kept,
                    at,
                    j0,
                    kicks,
                    rows,
                    second,
                    third,
                    scalars,
                    d_rows,
                    d_second,
                    d_third,
                )
                if d_times is not None and times[b, j] >= zero:
                    d_times[b, j] -= dot - fixed
                bound -= bounds[k, j]
                then = now


@njit(nogil=True, cache=True, fastmath=FAST, inline="always")
def _step_back(
    lanes: Any, state: Any, kept: Any, at: Any, d: Any, bound: Any, scalars: Any
) -> None:
    """Take the adjoint back over an interval of length d; membranes at its start in kept[at:]."""
    half, twelfth = scalars[8], scalars[9]
    if d * bound <= TINY_STEP:
        for o in range(lanes):
            f, v, l = state[B1 + o], kept[at + o], state[B3 + o]
            x, dl = f * d, d * l
            phi = tiny_phi(x)
            state[B4 + o] += dl * phi
            state[B5 + o] += dl * (d * (state[o] - f * v) * tiny_dphi(x) - v * phi)
            state[B3 + o] = l - f * dl * phi
    elif d * bound <= SHORT_STEP:
        for o in range(lanes):
            f, v, l = state[B1 + o], kept[at + o], state[B3 + o]
            x, dl = f * d, d * l
            phi = short_phi(x)
            state[B4 + o] += dl * phi
            state[B5 + o] += dl * (d * (state[o] - f * v) * short_dphi(x) - v * phi)
            state[B3 + o] = l - f * dl * phi
    else:
        for o in range(lanes):
            f, v, l = state[B1 + o], kept[at + o], state[B3 + o]
            x, dl = f * d, d * l
            decay, phi, chi, _ = psi012(x)
            dphi = x * chi * twelfth - half * phi
            state[B4 + o] += dl * phi
            state[B5 + o] += dl * (d * state[o] * dphi - v * decay)
            state[B3 + o] = l * decay


@njit(nogil=True, cache=True, fastmath=FAST, inline="always")
def _take_back(
    lanes: Any,
    state: Any,
    kept: Any,
    at: Any,
    j0: Any,
    kicks: Any,
    rows: Any,
    second: Any,
    third: Any,
    scalars: Any,
    d_rows: Any,
    d_second: Any,
    d_third: Any,
) -> Any:
    """Take one spike's synapses out of g and f, add to its gradients; minus that by its time."""
    zero, bp, bm = scalars[0], scalars[3], scalars[4]
    kick, sp, sm = scalars[5], scalars[6], scalars[7]
    dot = zero
    if second is None:
        for o in range(lanes):
            w, l = rows[j0 + o], state[B3 + o]
            beta = bp if w >= zero else bm
            c = beta * w
            state[o] -= w
            state[B1 + o] -= c
            d_rows[j0 + o] += state[B4 + o] + beta * state[B5 + o]
            dot += l * (w - c * kept[at + o])
        if kicks:
            for o in range(lanes):
                w, l = rows[j0 + o], state[B3 + o]
                share = sp if w >= zero else sm
                d_rows[j0 + o] += share * l
                dot -= l * state[B1 + o] * (kick + share * w)
    else:
        for o in range(lanes):
            w, c, l = rows[j0 + o], second[j0 + o], state[B3 + o]
            state[o] -= w
            state[B1 + o] -= c
            d_rows[j0 + o] += state[B4 + o]
            d_second[j0 + o] += state[B5 + o]
            dot += l * (w - c * kept[at + o])
        if third is None:
            for o in range(lanes):
                dot -= state[B3 + o] * state[B1 + o] * kick
        else:
            for o in range(lanes):
                l = state[B3 + o]
                d_third[j0 + o] += l
                dot -= l * state[B1 + o] * third[j0 + o]
    return dot
