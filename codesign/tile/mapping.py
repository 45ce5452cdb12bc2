"""How matrices come onto tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from codesign.scalars import set_floats, set_ints
from codesign.tile.parameters import TileError


@dataclass(frozen=True)
class TileMapping:
    """How matrices come onto tiles.

    tile_rows, tile_columns: size of a tile; larger matrices take several, their partial sums are
    added digitally. g_max_S: conductance of each column's largest weight. weight_noise,
    output_noise: standard deviations of the Gaussian noise of hardware-aware training, as shares
    of a column's largest weight and of its largest output in the batch; only while training.
    """

    tile_rows: int = 512
    tile_columns: int = 512
    g_max_S: float = 25e-6
    weight_noise: float = 0.0
    output_noise: float = 0.0

    def __post_init__(self) -> None:
        set_ints(self, "tile_rows", "tile_columns")
        set_floats(self, "g_max_S", "weight_noise", "output_noise")
        for name in ("tile_rows", "tile_columns"):
            if not (isinstance(getattr(self, name), int) and getattr(self, name) >= 1):
                raise TileError(f"{name} must be a positive integer, not {getattr(self, name)!r}")
        if not (self.g_max_S > 0 and math.isfinite(self.g_max_S)):
            raise TileError(f"g_max_S must be positive, not {self.g_max_S}")
        for name in ("weight_noise", "output_noise"):
            if not (getattr(self, name) >= 0 and math.isfinite(getattr(self, name))):
                raise TileError(f"{name} must be at least 0, not {getattr(self, name)}")


def blocks(size: int, most: int) -> tuple[slice, ...]:
    """`size` lines in parts of at most `most`, as equal as can be."""
    count = math.ceil(size / most)
    edges = [round(size * k / count) for k in range(count + 1)]
    return tuple(slice(a, b) for a, b in pairwise(edges))
