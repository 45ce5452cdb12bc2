"""DSTD in Triton: what is elementwise between and around the products.

Spikes lie in one flat array; shares and products in arrays (intervals, ...) of such. A product is
(intervals, rows, parts, inner): per row the current of `inner` neurons, their conductance and,
where spikes move charge, what has arrived; neuron e of rows * inner is at (e // inner, e % inner).
With charge the intervals are followed by one more entry: what has arrived by the end.

consts: leak, 1/E+, 1/E-, kick, kick per weight + and -, two unused; lengths; edges. They come as an
array because Triton takes numbers in float32 alone.
"""

from __future__ import annotations

import triton
import triton.language as tl

from codesign.pnn.kernels.gpu.series import psi012

HEAD = 8
"""Entries of consts before the lengths."""


@triton.jit
def shares(
    times,
    consts,
    share,
    moment,
    count,
    intervals,
    moments: tl.constexpr,
    block: tl.constexpr,
):
    """Shares (intervals or one more, count) and their moments x (1 - x)/2 of all spikes."""
    m = tl.program_id(1)
    at = tl.program_id(0) * block + tl.arange(0, block)
    inside = at < count
    t = tl.load(times + at, mask=inside, other=0.0)
    t = tl.maximum(t, 0.0)
    edges = consts + 8 + intervals
    to = m.to(tl.int64) * count + at
    begin = tl.load(edges + m)
    if m == intervals:
        tl.store(share + to, tl.where(t < begin, 1.0, 0.0), mask=inside)
        if moments:
            tl.store(moment + to, tl.zeros_like(t), mask=inside)
    else:
        end, length = tl.load(edges + m + 1), tl.load(consts + 8 + m)
        x = tl.where(t < begin, 1.0, 0.0)
        x = tl.where((t >= begin) & (t < end), (end - t) / length, x)
        tl.store(share + to, x, mask=inside)
        if moments:
            tl.store(moment + to, 0.5 * x * (1.0 - x), mask=inside)


@triton.jit
def shares_backward(
    times,
    consts,
    d_share,
    d_moment,
    d_times,
    count,
    intervals,
    moments: tl.constexpr,
    block: tl.constexpr,
):
    """Gradients by times from those by shares and moments."""
    at = tl.program_id(0) * block + tl.arange(0, block)
    inside = at < count
    t = tl.load(times + at, mask=inside, other=-1.0)
    sum = tl.zeros_like(t)
    edges = consts + 8 + intervals
    for m in range(intervals):
        begin, end = tl.load(edges + m), tl.load(edges + m + 1)
        length = tl.load(consts + 8 + m)
        # A spike before 0 counts as one at 0, whatever its time.
        here = inside & (t >= 0.0) & (t >= begin) & (t < end)
        of = tl.cast(m, tl.int64) * count + at
        grad = tl.load(d_share + of, mask=here, other=0.0).to(t.dtype)
        if moments:
            x = (end - tl.where(here, t, begin)) / length
            grad += (0.5 - x) * tl.load(d_moment + of, mask=here, other=0.0).to(t.dtype)
        sum -= tl.where(here, grad / length, 0.0)
    tl.store(d_times + at, sum, mask=inside)


@triton.jit
def stack(
    weight,
    consts,
    out,
    count,
    group,
    kicks: tl.constexpr,
    block: tl.constexpr,
):
    """Current, conductance and charge of synapses with one 1/E per sign: (groups, parts, group)."""
    at = tl.program_id(0) * block + tl.arange(0, block)
    inside = at < count
    w = tl.load(weight + at, mask=inside, other=0.0)
    parts: tl.constexpr = 3 if kicks else 2
    to = out + (at // group) * (parts * group) + at % group
    up = w >= 0.0
    tl.store(to, w, mask=inside)
    tl.store(to + group, w * tl.where(up, tl.load(consts + 1), tl.load(consts + 2)), mask=inside)
    if kicks:
        share = tl.where(up, tl.load(consts + 4), tl.load(consts + 5))
        tl.store(to + 2 * group, tl.load(consts + 3) + share * w, mask=inside)


@triton.jit
def stack_backward(
    weight,
    consts,
    d_out,
    d_weight,
    count,
    group,
    kicks: tl.constexpr,
    block: tl.constexpr,
):
    """Gradient by weights from that by `stack`."""
    at = tl.program_id(0) * block + tl.arange(0, block)
    inside = at < count
    w = tl.load(weight + at, mask=inside, other=0.0)
    parts: tl.constexpr = 3 if kicks else 2
    of = d_out + (at // group) * (parts * group) + at % group
    up = w >= 0.0
    grad = tl.load(of, mask=inside, other=0.0).to(w.dtype)
    conductance = tl.load(of + group, mask=inside, other=0.0).to(w.dtype)
    grad += conductance * tl.where(up, tl.load(consts + 1), tl.load(consts + 2))
    if kicks:
        charge = tl.load(of + 2 * group, mask=inside, other=0.0).to(w.dtype)
        grad += charge * tl.where(up, tl.load(consts + 4), tl.load(consts + 5))
    tl.store(d_weight + at, grad, mask=inside)


@triton.jit
def _interval(
    at,
    of_moment,
    inside,
    m,
    intervals,
    consts,
    stride,
    inner,
    v,
    arrived,
    moments: tl.constexpr,
    kicks: tl.constexpr,
    crossing: tl.constexpr,
):
    """Integrals g, f, their moments, what has arrived by the end, and the charge moved there.

    at, of_moment: where the interval's products are. arrived: charge arrived before.
    """
    length = tl.load(consts + 8 + m)
    g = tl.load(at, mask=inside, other=0.0).to(v.dtype) * length
    f = tl.load(at + inner, mask=inside, other=0.0).to(v.dtype) * length
    f += tl.load(consts) * length
    g1 = tl.zeros_like(v)
    f1 = tl.zeros_like(v)
    charge = tl.zeros_like(v)
    by_now = arrived
    if moments:
        g1 = tl.load(of_moment, mask=inside, other=0.0).to(v.dtype) * length
        f1 = tl.load(of_moment + inner, mask=inside, other=0.0).to(v.dtype) * length
    if kicks:
        by_now = tl.load(at + 2 * inner, mask=inside, other=0.0).to(v.dtype)
        later = tl.load(at + stride + 2 * inner, mask=inside, other=0.0).to(v.dtype)
        charge = later - by_now
        if crossing:
            # Half to either side, so that times stay smooth when a spike crosses a grid point.
            g += tl.where(m == 0, 1.0, 0.5) * (by_now - arrived)
            g += tl.where(m == intervals - 1, 1.0, 0.5) * charge
    return g, f, g1, f1, by_now, charge


@triton.jit
def scan(
    product,
    moment,
    consts,
    start,
    v_out,
    g_out,
    f_out,
    cross_out,
    count,
    inner,
    parts,
    stride,
    period,
    intervals,
    moments: tl.constexpr,
    kicks: tl.constexpr,
    crossing: tl.constexpr,
    double: tl.constexpr,
    block: tl.constexpr,
):
    """Membranes of `count` neurons at the end, from `start` (period).

    With `crossing`: membrane and integrals of the interval in which the membrane first reaches 1,
    and its number; where it never does, the membrane at the end and the number of intervals.
    """
    e = tl.program_id(0) * block + tl.arange(0, block)
    inside = e < count
    v = tl.load(start + e % period, mask=inside, other=0.0)
    at = product + (e // inner).to(tl.int64) * (parts * inner) + e % inner
    of_moment = moment + (e // inner).to(tl.int64) * (parts * inner) + e % inner
    arrived = tl.zeros_like(v)
    if kicks and not crossing:
        v += tl.load(at + 2 * inner, mask=inside, other=0.0).to(v.dtype)
    v_at, g_at, f_at = tl.zeros_like(v), tl.zeros_like(v), tl.zeros_like(v)
    cross = tl.full([block], 0, tl.int32) + intervals
    for m in range(intervals):
        g, f, g1, f1, arrived, charge = _interval(
            at,
            of_moment,
            inside,
            m,
            intervals,
            consts,
            stride,
            inner,
            v,
            arrived,
            moments,
            kicks,
            crossing,
        )
        decay, p0, p1, _ = psi012(f, double)
        after = v * decay + g * p0
        if moments:
            after += p1 * (f * g1 - g * f1)
        if crossing:
            hit = (cross == intervals) & ((after >= 1.0) | (v >= 1.0))
            v_at, g_at, f_at = (
                tl.where(hit, v, v_at),
                tl.where(hit, g, g_at),
                tl.where(hit, f, f_at),
            )
            cross = tl.where(hit, m, cross)
        elif kicks:
            after += charge
        v = after
        at += stride
        of_moment += stride
    if crossing:
        tl.store(v_out + e, tl.where(cross == intervals, v, v_at), mask=inside)
        tl.store(g_out + e, g_at, mask=inside)
        tl.store(f_out + e, f_at, mask=inside)
        tl.store(cross_out + e, cross, mask=inside)
    else:
        tl.store(v_out + e, v, mask=inside)


@triton.jit
def scan_backward(
    product,
    moment,
    consts,
    start,
    states,
    v_grad,
    g_grad,
    f_grad,
    cross_in,
    count,
    inner,
    parts,
    stride,
    period,
    intervals,
    moments: tl.constexpr,
    kicks: tl.constexpr,
    crossing: tl.constexpr,
    double: tl.constexpr,
    block: tl.constexpr,
):
    """Gradients by the products, in their place; states (intervals, count) is scratch."""
    e = tl.program_id(0) * block + tl.arange(0, block)
    inside = e < count
    v = tl.load(start + e % period, mask=inside, other=0.0)
    at = product + (e // inner).to(tl.int64) * (parts * inner) + e % inner
    of_moment = moment + (e // inner).to(tl.int64) * (parts * inner) + e % inner
    arrived = tl.zeros_like(v)
    if kicks and not crossing:
        v += tl.load(at + 2 * inner, mask=inside, other=0.0).to(v.dtype)
    kept = states + e
    for m in range(intervals):
        tl.store(kept, v, mask=inside)
        g, f, g1, f1, arrived, charge = _interval(
            at,
            of_moment,
            inside,
            m,
            intervals,
            consts,
            stride,
            inner,
            v,
            arrived,
            moments,
            kicks,
            crossing,
        )
        decay, p0, p1, _ = psi012(f, double)
        v = v * decay + g * p0
        if moments:
            v += p1 * (f * g1 - g * f1)
        if kicks and not crossing:
            v += charge
        at += stride
        of_moment += stride
        kept += count
    tl.debug_barrier()
    grad = tl.load(v_grad + e, mask=inside, other=0.0)
    cross = tl.full([block], 0, tl.int32) + intervals
    lam = grad
    if crossing:
        cross = tl.load(cross_in + e, mask=inside, other=0)
        lam = tl.where(cross == intervals, grad, 0.0)
        g_at = tl.load(g_grad + e, mask=inside, other=0.0)
        f_at = tl.load(f_grad + e, mask=inside, other=0.0)
    # Of the interval after: gradient by g; of the grid point after: by the charge moved there.
    next_g, next_charge = tl.zeros_like(v), tl.zeros_like(v)
    if kicks:
        # What has arrived by the end has no current or conductance.
        tl.store(at, next_g, mask=inside)
        tl.store(at + inner, next_g, mask=inside)
        if moments:
            tl.store(of_moment, next_g, mask=inside)
            tl.store(of_moment + inner, next_g, mask=inside)
            tl.store(of_moment + 2 * inner, next_g, mask=inside)
    for back in range(intervals):
        m = intervals - 1 - back
        at -= stride
        of_moment -= stride
        kept -= count
        before = tl.zeros_like(v)
        if kicks and crossing:
            earlier = inside & (e * 0 + m > 0)
            before = tl.load(at - stride + 2 * inner, mask=earlier, other=0.0).to(v.dtype)
        g, f, g1, f1, _, _ = _interval(
            at,
            of_moment,
            inside,
            m,
            intervals,
            consts,
            stride,
            inner,
            v,
            before,
            moments,
            kicks,
            crossing,
        )
        now = tl.load(kept, mask=inside, other=0.0)
        length = tl.load(consts + 8 + m)
        decay, p0, p1, p2 = psi012(f, double)
        d_phi = f * p1 * (1.0 / 12.0) - 0.5 * p0
        dg = lam * p0
        df = lam * (g * d_phi - now * decay)
        if moments:
            d_chi = f * p2 * (1.0 / 20.0) - 0.5 * p1
            dg -= lam * p1 * f1
            df += lam * (d_chi * (f * g1 - g * f1) + p1 * g1)
            tl.store(of_moment, length * (lam * p1 * f), mask=inside)
            tl.store(of_moment + inner, -length * (lam * p1 * g), mask=inside)
        earlier_lam = lam * decay
        if crossing:
            here = cross == m
            dg = tl.where(here, g_at, dg)
            df = tl.where(here, f_at, df)
            earlier_lam = tl.where(here, grad, earlier_lam)
        tl.store(at, length * dg, mask=inside)
        tl.store(at + inner, length * df, mask=inside)
        if kicks:
            # Charge at a grid point is what has arrived by then less what had before.
            if crossing:
                last = m == intervals - 1
                d_charge = tl.where(last, 1.0, 0.5) * dg + tl.where(last, 0.0, 0.5) * next_g
            else:
                d_charge = lam
            tl.store(at + stride + 2 * inner, d_charge - next_charge, mask=inside)
            next_charge, next_g = d_charge, dg
            if moments:
                tl.store(of_moment + 2 * inner, tl.zeros_like(v), mask=inside)
        lam = earlier_lam
    if kicks:
        d_charge = lam
        if crossing:
            d_charge = next_g
        tl.store(at + 2 * inner, d_charge - next_charge, mask=inside)
