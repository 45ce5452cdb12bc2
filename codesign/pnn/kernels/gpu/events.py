"""The exact membrane in Triton: one program per sample and block of neurons walks the spikes.

Spikes are sorted, the first counts[b] of a sample arrive. Interval i lies after i spikes. The
matrices are transposed, (n_in, n_out), so that a spike's synapses are a row. `second` and `third`
(conductance and charge) are read if `general`; else they follow from the weight.

consts: leak, 1/E+, 1/E-, kick, kick per weight + and -, end of the window, unused.
"""

from __future__ import annotations

import triton
import triton.language as tl

from codesign.pnn.kernels.gpu.series import psi012

CHECK = 16
"""Intervals between looks at whether all neurons of a block have crossed."""


@triton.jit
def _row(
    j,
    columns,
    inside,
    rows,
    second,
    third,
    consts,
    n_out,
    general: tl.constexpr,
    kicks: tl.constexpr,
):
    """Current, conductance and charge of the synapses of input j."""
    at = j.to(tl.int64) * n_out + columns
    w = tl.load(rows + at, mask=inside, other=0.0)
    f = tl.zeros_like(w)
    charge = tl.zeros_like(w)
    if general:
        f = tl.load(second + at, mask=inside, other=0.0)
        if kicks:
            charge = tl.load(third + at, mask=inside, other=0.0)
    else:
        up = w >= 0.0
        f = w * tl.where(up, tl.load(consts + 1), tl.load(consts + 2))
        if kicks:
            share = tl.where(up, tl.load(consts + 4), tl.load(consts + 5))
            charge = tl.load(consts + 3) + share * w
    return w, f, charge


@triton.jit
def membrane(
    times,
    order,
    counts,
    rows,
    second,
    third,
    consts,
    start,
    v_out,
    n_in,
    n_out,
    general: tl.constexpr,
    kicks: tl.constexpr,
    double: tl.constexpr,
    block: tl.constexpr,
):
    """Membranes at the end of the window, v_out (batch, n_out)."""
    columns = tl.program_id(0) * block + tl.arange(0, block)
    b = tl.program_id(1).to(tl.int64)
    inside = columns < n_out
    count = tl.load(counts + b)
    times += b * n_in
    order += b * n_in
    v = tl.load(start + columns, mask=inside, other=0.0)
    g = tl.zeros_like(v)
    f = tl.zeros_like(v) + tl.load(consts)
    now = tl.load(consts + 7)
    last = n_in - 1
    # The next spike's row, and the index of the one after, are on their way during a step.
    then = tl.load(times)
    ahead = tl.load(order + tl.minimum(last, 1))
    w, more, charge = _row(
        tl.load(order), columns, inside, rows, second, third, consts, n_out, general, kicks
    )
    for i in range(count):
        next_then = tl.load(times + tl.minimum(last, i + 1))
        next_w, next_more, next_charge = _row(
            ahead, columns, inside, rows, second, third, consts, n_out, general, kicks
        )
        ahead = tl.load(order + tl.minimum(last, i + 2))
        d = then - now
        decay, p0, _, _ = psi012(f * d, double)
        v = v * decay + g * d * p0
        g += w
        f += more
        if kicks:
            v += charge
        now = then
        then, w, more, charge = next_then, next_w, next_more, next_charge
    d = tl.load(consts + 6) - now
    decay, p0, _, _ = psi012(f * d, double)
    tl.store(v_out + b * n_out + columns, v * decay + g * d * p0, mask=inside)


@triton.jit
def crossing(
    times,
    order,
    counts,
    rows,
    second,
    third,
    consts,
    start,
    v_out,
    g_out,
    f_out,
    cross_out,
    n_in,
    n_out,
    general: tl.constexpr,
    kicks: tl.constexpr,
    double: tl.constexpr,
    check: tl.constexpr,
    block: tl.constexpr,
):
    """Membrane, current and conductance of the interval in which each neuron first reaches 1.

    Its number too, n_in + 1 where there is none; v_out then is the membrane at the end.
    """
    columns = tl.program_id(0) * block + tl.arange(0, block)
    b = tl.program_id(1).to(tl.int64)
    inside = columns < n_out
    # Masks of a block need vectors: in the interpreter numbers do not combine with them.
    none = columns * 0
    count = tl.load(counts + b)
    times += b * n_in
    order += b * n_in
    end = tl.load(consts + 6)
    v = tl.load(start + columns, mask=inside, other=0.0)
    g = tl.zeros_like(v)
    f = tl.zeros_like(v) + tl.load(consts)
    now = tl.load(consts + 7)
    v_at, g_at, f_at = tl.zeros_like(v), tl.zeros_like(v), tl.zeros_like(v)
    cross = tl.zeros([block], tl.int32) + (n_in + 1)
    i = 0
    left = count + 1
    while left > 0:
        for k in range(check):
            arrives = i + k < count
            there = inside & (none + (i + k) < count)
            then = tl.load(times + i + k, mask=arrives, other=0.0)
            then = tl.where(arrives, then, end)
            j = tl.load(order + i + k, mask=arrives, other=0)
            w, more, charge = _row(
                j, columns, there, rows, second, third, consts, n_out, general, kicks
            )
            d = then - now
            decay, p0, _, _ = psi012(f * d, double)
            after = v * decay + g * d * p0
            hit = (cross > n_in) & ((after >= 1.0) | (v >= 1.0))
            hit = hit & (none + (i + k) <= count)
            v_at = tl.where(hit, v, v_at)
            g_at = tl.where(hit, g, g_at)
            f_at = tl.where(hit, f, f_at)
            cross = tl.where(hit, i + k, cross)
            v = after
            g += w
            f += more
            if kicks:
                v += tl.where(there, charge, 0.0)
            now = then
        i += check
        waiting = tl.max(tl.where(inside & (cross > n_in), 1, 0))
        left = waiting * (count + 1 - i)
    to = b * n_out + columns
    tl.store(v_out + to, tl.where(cross > n_in, v, v_at), mask=inside)
    tl.store(g_out + to, g_at, mask=inside)
    tl.store(f_out + to, f_at, mask=inside)
    tl.store(cross_out + to, cross, mask=inside)


@triton.jit
def backward(
    times,
    order,
    counts,
    rows,
    second,
    third,
    consts,
    start,
    kept,
    states,
    v_grad,
    g_grad,
    f_grad,
    cross_in,
    d_rows,
    d_second,
    d_third,
    d_lengths,
    batch,
    n_in,
    n_out,
    general: tl.constexpr,
    kicks: tl.constexpr,
    crossed: tl.constexpr,
    double: tl.constexpr,
    segment: tl.constexpr,
    block: tl.constexpr,
):
    """Gradients by the matrices (added), and by the intervals' lengths, from those of the outputs.

    Walks forward and keeps v, g and f at every `segment`-th interval (kept: 3 of (segments, batch,
    n_out)); then, segment by segment from the last, again with all membranes (states (segment,
    batch, n_out)), and back. d_lengths (blocks, batch, n_in + 1).
    """
    columns = tl.program_id(0) * block + tl.arange(0, block)
    b = tl.program_id(1).to(tl.int64)
    inside = columns < n_out
    # Masks of a block need vectors: in the interpreter numbers do not combine with them.
    none = columns * 0
    count = tl.load(counts + b)
    times += b * n_in
    order += b * n_in
    end = tl.load(consts + 6)
    zero = tl.load(consts + 7)
    size = batch.to(tl.int64) * n_out
    own = b * n_out + columns
    d_lengths += (tl.program_id(0).to(tl.int64) * batch + b) * (n_in + 1)
    most = (n_in + segment) // segment
    v = tl.load(start + columns, mask=inside, other=0.0)
    g = tl.zeros_like(v)
    f = tl.zeros_like(v) + tl.load(consts)
    grad = tl.load(v_grad + own, mask=inside, other=0.0)
    lam, by_g, by_f = grad, tl.zeros_like(v), tl.zeros_like(v)
    g_at, f_at = tl.zeros_like(v), tl.zeros_like(v)
    cross = tl.zeros([block], tl.int32) - 1
    last = count
    if crossed:
        cross = tl.load(cross_in + own, mask=inside, other=0)
        last = tl.minimum(count, tl.max(cross))
        lam = tl.where(cross > n_in, grad, 0.0)
        g_at = tl.load(g_grad + own, mask=inside, other=0.0)
        f_at = tl.load(f_grad + own, mask=inside, other=0.0)
    segments = last // segment + 1
    now = zero
    for s in range(segments):
        to = kept + s * size + own
        tl.store(to, v, mask=inside)
        tl.store(to + most * size, g, mask=inside)
        tl.store(to + 2 * most * size, f, mask=inside)
        for k in range(segment):
            i = s * segment + k
            arrives = i < count
            there = inside & (none + i < count)
            then = tl.where(arrives, tl.load(times + i, mask=arrives, other=0.0), end)
            j = tl.load(order + i, mask=arrives, other=0)
            w, more, charge = _row(
                j, columns, there, rows, second, third, consts, n_out, general, kicks
            )
            d = then - now
            decay, p0, _, _ = psi012(f * d, double)
            v = v * decay + g * d * p0
            g += w
            f += more
            if kicks:
                v += tl.where(there, charge, 0.0)
            now = then
    for back in range(segments):
        s = segments - 1 - back
        of = kept + s * size + own
        tl.debug_barrier()
        v = tl.load(of, mask=inside, other=0.0)
        g = tl.load(of + most * size, mask=inside, other=0.0)
        f = tl.load(of + 2 * most * size, mask=inside, other=0.0)
        first = s * segment
        before = (first > 0) & (first <= count)
        now = tl.where(before, tl.load(times + first - 1, mask=before, other=0.0), zero)
        for k in range(segment):
            i = first + k
            tl.store(states + k * size + own, v, mask=inside)
            arrives = i < count
            there = inside & (none + i < count)
            then = tl.where(arrives, tl.load(times + i, mask=arrives, other=0.0), end)
            j = tl.load(order + i, mask=arrives, other=0)
            w, more, charge = _row(
                j, columns, there, rows, second, third, consts, n_out, general, kicks
            )
            d = then - now
            decay, p0, _, _ = psi012(f * d, double)
            v = v * decay + g * d * p0
            g += w
            f += more
            if kicks:
                v += tl.where(there, charge, 0.0)
            now = then
        tl.debug_barrier()
        for k in range(segment):
            i = first + segment - 1 - k
            arrives = i < count
            there = inside & (none + i < count)
            j = tl.load(order + i, mask=arrives, other=0)
            w, more, charge = _row(
                j, columns, there, rows, second, third, consts, n_out, general, kicks
            )
            to = j.to(tl.int64) * n_out + columns
            if general:
                tl.atomic_add(d_rows + to, by_g, mask=there, sem="relaxed")
                tl.atomic_add(d_second + to, by_f, mask=there, sem="relaxed")
                if kicks:
                    tl.atomic_add(d_third + to, lam, mask=there, sem="relaxed")
            else:
                up = w >= 0.0
                by_w = by_g + by_f * tl.where(up, tl.load(consts + 1), tl.load(consts + 2))
                if kicks:
                    by_w += lam * tl.where(up, tl.load(consts + 4), tl.load(consts + 5))
                tl.atomic_add(d_rows + to, by_w, mask=there, sem="relaxed")
            g -= w
            f -= more
            earlier = (i > 0) & (i <= count)
            begin = tl.where(earlier, tl.load(times + i - 1, mask=earlier, other=0.0), zero)
            then = tl.where(arrives, tl.load(times + i, mask=arrives, other=0.0), end)
            # Beyond the last interval there is no time.
            d = tl.where(i <= count, then - begin, zero)
            v = tl.load(states + (segment - 1 - k) * size + own, mask=inside, other=0.0)
            x = f * d
            decay, p0, p1, _ = psi012(x, double)
            rate = g - f * (v * decay + g * d * p0)
            by_length = tl.sum(tl.where(inside, lam * rate, 0.0))
            tl.store(d_lengths + i, by_length, mask=i <= count)
            by_g += lam * d * p0
            by_f += lam * d * (g * d * (x * p1 * (1.0 / 12.0) - 0.5 * p0) - v * decay)
            lam = lam * decay
            if crossed:
                here = (cross == i) & (none + i <= count)
                lam = tl.where(here, grad, lam)
                by_g = tl.where(here, g_at, by_g)
                by_f = tl.where(here, f_at, by_f)
