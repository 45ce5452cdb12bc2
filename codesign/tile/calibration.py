"""Per-column gain and offset after the converters, fitted to what the columns should have given."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from codesign.tile.parameters import TileError


@dataclass(frozen=True)
class ColumnCalibration:
    """want = gain * found + offset, column by column; gain and offset (cols,)."""

    gain: Tensor
    offset: Tensor

    def __call__(self, found: Tensor) -> Tensor:
        return found * self.gain + self.offset


def calibrate_columns(found: Tensor, want: Tensor, *, offset: bool = True) -> ColumnCalibration:
    """Least-squares gain and offset of every column from (batch, cols) pairs.

    A column that never changes keeps gain 1. `offset=False` fits the gain alone. Raises TileError
    when the shapes differ or there is nothing to fit.
    """
    if found.shape != want.shape or found.dim() != 2 or found.shape[0] < 1:
        raise TileError(
            f"calibration needs equal (batch, cols), not {tuple(found.shape)}, {tuple(want.shape)}"
        )
    x, y = found.detach().double(), want.detach().double()
    x_mean = x.mean(dim=0) if offset else torch.zeros_like(x[0])
    y_mean = y.mean(dim=0) if offset else torch.zeros_like(y[0])
    x, y = x - x_mean, y - y_mean
    power = (x * x).sum(dim=0)
    flat = power <= 1e-12 * (found.detach().double() ** 2).sum(dim=0) + 1e-300
    gain = torch.where(flat, 1.0, (x * y).sum(dim=0) / torch.where(flat, 1.0, power))
    return ColumnCalibration(gain.to(found), (y_mean - gain * x_mean).to(found))
