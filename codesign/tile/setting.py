"""How many elements and slices `fast` needs for an accuracy.

The drops scale with the load number k = R G N^2, R the wire's resistance per cell and G the mean
conductance that loads the line per row: u'' = k a(t) u over the line's length. Linear elements,
with the current taken as the consistent flux, and slices that keep the zeroth moment of the
activity both have errors of second order, on the part of the current that the drops take:

    (rms error / rms output)^2 = (A k / S^2)^2 + (B k / (1 + k / K) / P^2)^2.

Time saturates at large k, where what the window's late, lightly loaded part loses is small against
the whole; space does not, since the drop then happens over few rows at the integrator. A, B, K
bound what `python -m benchmarks.tile_accuracy` measures for k = 0.05 .. 100.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

_SPACE, _TIME, _SATURATION = 0.065, 0.27, 2.5
_MOST = 128
# Powers of two and their halves' sums: no step is larger than a factor of 1.5.
_STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


@dataclass(frozen=True)
class Setting:
    """Elements along the line and slices of the window."""

    elements: int
    slices: int


def load_number(load: Tensor, r_cell_ohm: float, r_integrator_ohm: float) -> float:
    """k of the most loaded column; load (rows, cols) in S. The integrator counts as wire."""
    rows = load.shape[0]
    mean_S = float(load.detach().mean(dim=0).max()) if load.numel() else 0.0
    return mean_S * rows * (r_cell_ohm * rows + r_integrator_ohm)


def pick_setting(number: float, accuracy: float, rows: int, slots: int | None = None) -> Setting:
    """The cheapest setting whose errors in space and time are `accuracy` / sqrt(2) each.

    With one element per row, or one slice per slot, that part is exact, so there are never more.
    """
    each = accuracy / math.sqrt(2)
    in_time = number / (1 + number / _SATURATION)
    return Setting(
        min(rows, _step(math.sqrt(_SPACE * number / each))),
        min(slots or _MOST, _step(math.sqrt(_TIME * in_time / each))),
    )


def _step(need: float) -> int:
    return next((step for step in _STEPS if step >= need), _MOST)
