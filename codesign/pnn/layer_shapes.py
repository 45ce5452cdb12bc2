"""Layers of a network as text, such as "conv64-pool-512-10", and their shapes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

LayerKind = Literal["dense", "conv", "pool"]


@dataclass(frozen=True)
class LayerShape:
    """One layer: its kind, kernel or pool size, and what goes in and out, (channels, h, w)."""

    kind: LayerKind
    size: int
    before: tuple[int, int, int]
    after: tuple[int, int, int]

    @property
    def weight_shape(self) -> tuple[int, int] | None:
        """(n_out, n_in) of its weights, None without."""
        if self.kind == "dense":
            return math.prod(self.after), math.prod(self.before)
        if self.kind == "conv":
            return self.after[0], self.before[0] * self.size**2
        return None


def parse_layers(text: str, shape: tuple[int, int, int]) -> list[LayerShape]:
    """Layers over an input of (channels, h, w). Raises ValueError naming the word."""
    layers = []
    for word in text.split("-"):
        match = re.fullmatch(r"(?:(conv)(\d+)(?:k(\d+))?|(pool)(\d*)|(\d+))", word.strip())
        if match is None:
            raise ValueError(
                f"layer {word!r} of {text!r} is not understood; allowed: 100 (dense), conv64, "
                "conv64k5, pool, pool3"
            )
        conv, channels, kernel, pool, size, neurons = match.groups()
        if conv:
            width = int(kernel or 3)
            if width % 2 == 0 or int(channels) < 1:
                raise ValueError(f"layer {word!r}: channels must be positive, the kernel odd")
            layer = LayerShape("conv", width, shape, (int(channels), shape[1], shape[2]))
        elif pool:
            step = int(size or 2)
            if step < 2 or min(shape[1:]) < step:
                raise ValueError(f"layer {word!r} does not fit an image of {shape[1]}x{shape[2]}")
            after = (shape[0], shape[1] // step, shape[2] // step)
            layer = LayerShape("pool", step, shape, after)
        else:
            if int(neurons) < 1:
                raise ValueError(f"layer {word!r} has no neurons")
            layer = LayerShape("dense", 0, shape, (int(neurons), 1, 1))
        layers.append(layer)
        shape = layer.after
    return layers
