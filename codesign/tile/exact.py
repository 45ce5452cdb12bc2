"""The exact ladder: a Norton sweep along the column for every interval between pulse ends.

At each row J <- J + a w V and Y <- Y + a c, then both are divided by 1 + r Y for the wire to the
next row; the last J is the current into the integrator.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codesign.tile.opposite import OppositeSource, norton_opposite


def norton(source: Tensor, load: Tensor, r_ohm: float, r_last_ohm: float) -> Tensor:
    """Current into the integrator, by read voltage.

    source, load (..., rows, cols) in S: a w and a c of the cells; r_last_ohm is the wire from the
    nearest cell on, integrator included. Returns (..., cols) in S.
    """
    rows = source.shape[-2]
    current = torch.zeros_like(source[..., 0, :])
    admittance = torch.zeros_like(load[..., 0, :])
    for j in range(rows):
        admittance = admittance + load[..., j, :]
        factor = 1.0 / (1.0 + (r_last_ohm if j == rows - 1 else r_ohm) * admittance)
        current = (current + source[..., j, :]) * factor
        admittance = admittance * factor
    return current


def exact_gated(
    pulse: Tensor,
    w: Tensor,
    c: Tensor,
    r_ohm: float,
    r_last_ohm: float,
    opposite: OppositeSource | None = None,
) -> Tensor:
    """Mean column current per read voltage (batch, cols) in S, differentiable in all tensors.

    pulse (batch, rows) in [-1, 1]; w, c (rows, cols). The currents between two successive pulse
    ends are constant, so sorting the ends gives all intervals. opposite: takes the place of the
    resistances where the source line is driven from the other end.
    """
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
        current = _current(source * w, load * c, r_ohm, r_last_ohm, opposite)
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
    total = []
    for rows in planes.unbind(dim=1):
        polarity = rows.unsqueeze(2)
        current = _current(polarity * w, polarity.abs() * c, r_ohm, r_last_ohm, opposite)
        total.append((weights.unsqueeze(1) * current).sum(dim=0))
    return torch.stack(total)


def _current(
    source: Tensor,
    load: Tensor,
    r_ohm: float,
    r_last_ohm: float,
    opposite: OppositeSource | None,
) -> Tensor:
    if opposite is not None:
        return norton_opposite(source, load, opposite)
    return norton(source, load, r_ohm, r_last_ohm)


def line_transfer(c: Tensor, r_ohm: float, r_last_ohm: float) -> Tensor:
    """Share (rows, cols) of a current injected at each row that reaches the integrator.

    With the whole load connected; by reciprocity the voltage profile of the line driven from the
    integrator's end.
    """
    rows = c.shape[0]
    admittance = torch.zeros_like(c[0])
    factors = []
    for j in range(rows):
        admittance = admittance + c[j]
        factor = 1.0 / (1.0 + (r_last_ohm if j == rows - 1 else r_ohm) * admittance)
        factors.append(factor)
        admittance = admittance * factor
    return torch.stack(factors).flip(0).cumprod(dim=0).flip(0)
