"""One exact ladder per vector, interval and column: swept for all at once, with its gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

# Numbers that a sweep works on at a time, and that the way back keeps.
_AT_ONCE, _KEPT = 1 << 22, 1 << 25


class Intervals(NamedTuple):
    """Between pulse ends nothing changes: signals (batch, intervals, rows) in {-1, 0, 1}, durations
    (batch, intervals) in windows, and in how many of them each pulse is on, (batch, rows)."""

    signal: Tensor
    duration: Tensor
    lasts: Tensor


def intervals(pulse: Tensor, slots: int | None) -> Intervals:
    """Those of pulses (batch, rows): of all slots, or of all pulse ends where these are fewer."""
    with torch.no_grad():
        sign, length = torch.sign(pulse), pulse.abs()
        if slots is not None and slots < pulse.shape[1]:
            lasts = torch.round(length * slots).long()
            count = slots
            duration = length.new_full((len(pulse), slots), 1.0 / slots)
        else:
            ends = torch.sort(length, dim=1).values
            # Pulses that end together are on in all the intervals, empty but one, of their ends.
            lasts = torch.searchsorted(ends, length.contiguous(), right=True)
            count = pulse.shape[1]
            duration = ends.diff(dim=1, prepend=torch.zeros_like(ends[:, :1]))
        on = lasts.unsqueeze(1) > torch.arange(count, device=pulse.device).unsqueeze(1)
        return Intervals(on * sign.unsqueeze(1), duration, lasts)


def swept(
    pulse: Tensor, w: Tensor, c: Tensor, given: Intervals, r_ohm: float, r_last_ohm: float
) -> Tensor:
    """Mean column current per read voltage (batch, cols) in S, differentiable once in pulse, w, c.

    The slope of a pulse is the current that its end takes away: the line's transfer without the
    cell times the cell's current while it was on, which is exact. Of pulses that end together it is
    the mean with the roles exchanged; their slopes add up to the current that all of them take.
    """
    found = _Sweep.apply(pulse, w, c, *given, r_ohm, r_last_ohm)
    assert isinstance(found, Tensor)
    return found


def _wires(rows: int, r_ohm: float, r_last_ohm: float) -> list[float]:
    return [r_ohm] * (rows - 1) + [r_last_ohm]


class _Sweep(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, pulse: Tensor, w: Tensor, c: Tensor, signal: Tensor, duration: Tensor,
        lasts: Tensor, r_ohm: float, r_last_ohm: float,
    ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(pulse, w, c, signal, duration, lasts)
        ctx.wires = _wires(len(w), r_ohm, r_last_ohm)
        most = max(1, _AT_ONCE // (signal.shape[1] * w.shape[1]))
        parts = []
        for own, length in zip(signal.split(most), duration.split(most), strict=True):
            current, _ = _there(own, w, c, ctx.wires, False)
            parts.append((length.unsqueeze(1) @ current).squeeze(1))
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        pulse, w, c, signal, duration, lasts = ctx.saved_tensors
        if torch.is_grad_enabled():
            raise RuntimeError("`exact` has first derivatives only; use the method fast")
        grad_w, grad_c, grad_pulse = (torch.zeros_like(t) for t in (w, c, pulse))
        most = max(1, _KEPT // (2 * signal.shape[1] * w.numel()))
        for first in range(0, len(signal), most):
            part = slice(first, first + most)
            given = Intervals(signal[part], duration[part], lasts[part])
            gradients = (grad_w, grad_c, grad_pulse[part])
            _back(w, c, ctx.wires, torch.sign(pulse[part]), given, grads[0][part], gradients)
        return grad_pulse, grad_w, grad_c, None, None, None, None, None


def _there(
    signal: Tensor, w: Tensor, c: Tensor, wires: list[float], keep: bool
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Currents (batch, intervals, cols) into the integrator; with `keep`, row by row the current
    that has come together there and the share of it that the wire passes on."""
    shape = (*signal.shape[:2], w.shape[1])
    current, admittance = w.new_zeros(shape), w.new_zeros(shape)
    load = signal.abs()
    states = []
    for j, r in enumerate(wires):
        current = current.addcmul(signal[..., j, None], w[j])
        admittance.addcmul_(load[..., j, None], c[j])
        passed = (r * admittance).add_(1.0).reciprocal_()
        admittance.mul_(passed)
        if keep:
            states.append((current, passed))
        current = current * passed
    return current, states


def _back(
    w: Tensor,
    c: Tensor,
    wires: list[float],
    sign: Tensor,
    given: Intervals,
    grad: Tensor,
    gradients: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Adds those by w, c and pulse of a part of the batch: transfers v and drops u, from the
    integrator on."""
    signal, duration, lasts = given
    grad_w, grad_c, grad_pulse = gradients
    _, states = _there(signal, w, c, wires, True)
    count, batch = signal.shape[1], torch.arange(len(signal), device=w.device)
    weighted = duration.unsqueeze(2) * grad.unsqueeze(1)
    v, u = torch.ones_like(states[0][0]), torch.zeros_like(states[0][0])
    for j in range(len(wires) - 1, -1, -1):
        current, passed = states.pop()
        v = v * passed
        u = (u + wires[j] * current) * passed
        own = signal[..., j, None]
        through = weighted * v
        grad_w[j] += (own * through).sum(dim=(0, 1))
        grad_c[j] -= (own.abs() * through * u).sum(dim=(0, 1))
        # Before the end with the pulse, after it without; free lines after the last end.
        before, after = (lasts[:, j] - 1).clamp_min(0), lasts[:, j].clamp_max(count - 1)
        ended = (lasts[:, j] < count).unsqueeze(1)
        v_after, u_after = torch.where(ended, v[batch, after], 1.0), u[batch, after] * ended
        none = (sign[:, j, None] == 0).to(v)
        v_before = v[batch, before] + none * (v_after - v[batch, before])
        own = c[j] * sign[:, j, None]
        i_before, i_after = w[j] - own * u[batch, before], w[j] - own * u_after
        slope = 0.5 * (v_after * i_before + v_before * i_after)
        grad_pulse[:, j] += (grad * slope).sum(dim=1)
