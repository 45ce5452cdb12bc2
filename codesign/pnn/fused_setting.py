"""What one call of the fused kernels does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from codesign.pnn.precision import Products
from codesign.pnn.window import Window


@dataclass(frozen=True)
class Setting:
    """What a call does; constants as `codesign.pnn.kernels.gpu.dstd` has them."""

    edges: tuple[float, ...]
    head: tuple[float, ...]
    start: Tensor
    moments: bool
    kicks: bool
    crossing: bool
    window: Window | None
    products: Products

    @property
    def parts(self) -> int:
        """Quantities per neuron: current, conductance and, where spikes move it, charge."""
        return 3 if self.kicks else 2

    @property
    def groups(self) -> int:
        return 1 if self.window is None else self.window.groups

    @property
    def intervals(self) -> int:
        return len(self.edges) - 1

    @property
    def entries(self) -> int:
        """Intervals, and what has arrived by the end."""
        return self.intervals + self.kicks

    def constants(self, like: Tensor) -> Tensor:
        """Head, lengths and edges in one array on the device."""
        lengths = [b - a for a, b in pairwise(self.edges)]
        return like.new_tensor([*self.head, *lengths, *self.edges])
