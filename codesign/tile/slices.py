"""The window cut into slices, vector by vector.

Every vector has slices of its own, half of them by time and half by its pulse ends: the activations
of a network end early, a few of them late.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Slices begin at multiples of this share of the window where pulses are not rounded to slots.
_GRID = 1024


@dataclass(frozen=True)
class Slices:
    """Pulses cut at the edges of P slices: where each ends, and the share of it that is on.

    sign, part (batch, rows), begin, length (batch, P) in windows: of the pulses' dtype; index
    (batch, rows) int64. Slices that do not fit between the pulse ends have length 0.
    other (batch, rows) int64: of a pulse that ends on an edge, where the charge has two slopes, the
    second slice to take half of it from; P for what is after the window's last edge, -1 for none.
    """

    sign: Tensor
    index: Tensor
    part: Tensor
    begin: Tensor
    length: Tensor
    other: Tensor

    @property
    def count(self) -> int:
        return self.length.shape[1]


def cut(pulse: Tensor, count: int, slots: int | None = None) -> Slices:
    """A pulse that ends exactly on an edge belongs to the later slice, and its slope to both.

    Edges are whole slots, so that small changes of a pulse leave them where they are.
    """
    with torch.no_grad():
        sign, length = torch.sign(pulse), pulse.abs()
        edges = _edges(length, count, slots or _GRID)
        ends, lengths = edges[:, 1:].contiguous(), edges.diff(dim=1)
        # Whole slots are fractions that rounding may put on either side of an edge.
        near = 1e-3 / max(slots or _GRID, count)
        earlier = torch.searchsorted(ends, length - near, right=True)
        later = torch.searchsorted(ends, length + near, right=True)
        on_edge = later > earlier
        index = later.clamp_max(count - 1)
        # The last pulse of a vector ends at the last edge, with its slice wholly on.
        index = torch.where(later == count, earlier.clamp_max(count - 1), index)
        part = (length - edges.gather(1, index)) / lengths.gather(1, index)
        part = torch.where(on_edge, (later == count).to(part), part.clamp(0, 1))
        other = torch.where(on_edge, torch.where(later == count, later, earlier), -1)
        return Slices(sign, index, part, edges[:, :-1].contiguous(), lengths, other)


def _edges(length: Tensor, count: int, grid: int) -> Tensor:
    """Edges (batch, count + 1) of each vector's slices in windows, of pulse lengths (batch, rows).

    Equal steps of the mean of time and of the share of pulses that have ended, on the grid.
    """
    batch = length.shape[0]
    if count >= grid:
        every = torch.arange(count + 1, device=length.device).to(length) / count
        return every.expand(batch, -1).contiguous()
    end = (length * grid - 1e-3).ceil().clamp(0, grid).long()
    ends = length.new_zeros(batch, grid + 1).scatter_add(1, end, torch.ones_like(length))
    ends[:, 0] = 0
    ended = ends.cumsum(1)
    last = end.amax(dim=1, keepdim=True)
    last = torch.where(last == 0, grid, last)
    at = torch.arange(grid + 1, device=length.device).to(length)
    rise = 0.5 * (at / last + ended / ended[:, -1:].clamp_min(1))
    steps = torch.arange(1, count, device=length.device).to(length) / count
    inner = torch.searchsorted(rise, steps.expand(batch, -1).contiguous())
    inner = torch.minimum(inner.clamp_min(1), last)
    return torch.cat([torch.zeros_like(last), inner, last], dim=1).to(length) / grid
