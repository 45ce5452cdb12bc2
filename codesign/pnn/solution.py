"""How membranes are solved: the method and its grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from codesign.pnn.precision import Products
from codesign.scalars import as_int, set_floats

Method = Literal["exact", "dstd", "dstd2"]


@dataclass(frozen=True)
class Solution:
    """How membranes are solved. steps: intervals per phase, or per layer with weights.

    offset: where the first interval begins before the phase, in [0, 1/steps). warp > 1 makes
    intervals shorter towards the end. For TTFS the intervals divide the window [0, t_max] instead,
    evenly, and `dstd2` is `dstd`. `exact` has no grid. products: precision of the products with
    weights in float32 networks on a GPU, see `codesign.pnn.precision`; elsewhere float32.
    """

    method: Method = "dstd2"
    steps: int | tuple[int, ...] = 10
    offset: float = 0.0
    warp: float = 1.0
    products: Products = "float32"

    def __post_init__(self) -> None:
        set_floats(self, "offset", "warp")
        steps = self.steps
        each = tuple(map(as_int, steps)) if isinstance(steps, (tuple, list)) else as_int(steps)
        object.__setattr__(self, "steps", each)

    def steps_of(self, layer: int) -> int:
        """Intervals of a layer, counted among the layers with weights."""
        return self.steps if isinstance(self.steps, int) else self.steps[layer]

    def offset_of(self, layer: int) -> float:
        """`offset` is that of the coarsest layer; finer grids take the same share of a step."""
        if isinstance(self.steps, int):
            return self.offset
        return self.offset * min(self.steps) / self.steps[layer]

    def of_layer(self, layer: int) -> Solution:
        """The solution of one layer, counted among the layers with weights."""
        steps, offset = self.steps_of(layer), self.offset_of(layer)
        return Solution(self.method, steps, offset, self.warp, self.products)

    def check(self) -> int:
        """Intervals of one layer. Raises ValueError on a method or a grid that does not exist."""
        if self.method not in get_args(Method):
            raise ValueError(
                f"method must be one of {', '.join(get_args(Method))}, not {self.method!r}"
            )
        if not isinstance(self.steps, int):
            raise ValueError(f"one layer has one number of steps, not {self.steps}")
        if self.method == "exact":
            return self.steps
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps}")
        if not 0.0 <= self.offset < 1.0 / self.steps:
            raise ValueError(
                f"offset must be in [0, 1/steps) = [0, {1 / self.steps:g}), not {self.offset}"
            )
        if not 1.0 <= self.warp <= 4.0:
            raise ValueError(f"warp must be from 1 (uniform) to 4, not {self.warp}")
        if self.products not in get_args(Products):
            names = ", ".join(get_args(Products))
            raise ValueError(f"products must be one of {names}, not {self.products!r}")
        return self.steps


def solution_of(
    method: Method | Solution, steps: int, offset: float, warp: float, usual_steps: int
) -> Solution:
    """A method and its grid as one record; a `Solution` in place of the method is that record.

    Raises ValueError when a `Solution` comes with a grid beside it.
    """
    if not isinstance(method, Solution):
        return Solution(method, steps, offset, warp)
    if (steps, offset, warp) != (usual_steps, 0.0, 1.0):
        raise ValueError("steps, offset and warp are in the Solution; leave them out beside it")
    return method
