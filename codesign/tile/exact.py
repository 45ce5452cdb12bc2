"""The exact ladder: a Norton sweep along the column for every interval between pulse ends.

At each row J <- J + a w V and Y <- Y + a c, then both are divided by 1 + r Y for the wire to the
next row; the last J is the current into the integrator.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codesign.tile.exact_sweep import Intervals, intervals, swept
from codesign.tile.opposite import OppositeSource, norton_opposite


def exact_gated(
    pulse: Tensor,
    w: Tensor,
    c: Tensor,
    r_ohm: float,
    r_last_ohm: float,
    opposite: OppositeSource | None = None,
    slots: int | None = None,
) -> Tensor:
    """Mean column current per read voltage (batch, cols) in S, differentiable in all tensors.

    pulse (batch, rows) in [-1, 1]; w, c (rows, cols). The currents between two successive pulse
    ends are constant, so sorting the ends gives all intervals. opposite: takes the place of the
    resistances where the source line is driven from the other end. slots: of rounded pulses.
    """
    if opposite is None:
        return swept(pulse, w, c, intervals(pulse, slots), r_ohm, r_last_ohm)
    sign = torch.sign(pulse.detach())
    # A pulse of length zero has the mean of its one-sided slopes: a positive one's without load.
    length = torch.where(sign == 0, pulse, pulse * sign)
    polarity = torch.where(sign == 0, torch.ones_like(sign), sign)
    ends, order = torch.sort(length, dim=1)
    starts = torch.cat([torch.zeros_like(ends[:, :1]), ends[:, :-1]], dim=1)
    rank = torch.argsort(order, dim=1)
    durations = ends - starts
    total = []
    for b in range(pulse.shape[0]):
        # Interval k lasts until the k-th end; the rows of rank k and later are on.
        on = rank[b] >= torch.arange(pulse.shape[1], device=pulse.device).unsqueeze(1)
        keep = durations[b] != 0 if not torch.is_grad_enabled() else slice(None)
        active = on[keep].to(w.dtype).unsqueeze(2)
        source, load = active * polarity[b].view(1, -1, 1), active * sign[b].abs().view(1, -1, 1)
        current = norton_opposite(source * w, load * c, opposite)
        total.append((durations[b][keep].unsqueeze(1) * current).sum(dim=0))
    return torch.stack(total)


def exact_planes(
    planes: Tensor,
    weights: Tensor,
    w: Tensor,
    c: Tensor,
    r_ohm: float,
    r_last_ohm: float,
    opposite: OppositeSource | None = None,
) -> Tensor:
    """Bit-sliced reads: planes (bits, batch, rows) in {-1, 0, 1}, summed with `weights`."""
    if opposite is None:
        signal = planes.transpose(0, 1)
        nothing = torch.zeros_like(signal[:, 0])
        given = Intervals(signal, weights.expand(len(signal), -1), nothing.long())
        return swept(nothing, w, c, given, r_ohm, r_last_ohm)
    total = []
    for rows in planes.unbind(dim=1):
        polarity = rows.unsqueeze(2)
        current = norton_opposite(polarity * w, polarity.abs() * c, opposite)
        total.append((weights.unsqueeze(1) * current).sum(dim=0))
    return torch.stack(total)
