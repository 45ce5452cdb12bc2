"""Layers of a network as text, such as "conv64-pool-512-10", and their shapes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from codesign.pnn.window import Window

LayerKind = Literal["dense", "conv", "pool", "avgpool"]
LAYER = r"\d+|conv\d+(?:k\d+)?(?:s\d+)?(?:p\d+)?(?:g\d+)?|(?:avg)?pool\d*"
"""What a layer may look like."""

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class LayerShape:
    """One layer: its kind, what goes in and out, (channels, h, w), and what a neuron sees of it.

    window: of a convolution, or of a pool; None for a dense layer.
    """

    kind: LayerKind
    before: Shape
    after: Shape
    window: Window | None = None

    @property
    def weight_shape(self) -> tuple[int, int] | None:
        """(n_out, n_in) of its weights, None without."""
        if self.kind == "dense":
            return math.prod(self.after), math.prod(self.before)
        if self.kind == "conv" and self.window is not None:
            each = self.before[0] // self.window.groups
            return self.after[0], each * self.window.kernel**2
        return None


def parse_layers(text: str, shape: Shape) -> list[LayerShape]:
    """Layers over an input of (channels, h, w). Raises ValueError naming the word."""
    layers = []
    for word in (x.strip() for x in text.split("-")):
        if re.fullmatch(LAYER, word) is None:
            raise ValueError(
                f"layer {word!r} of {text!r} is not understood; allowed: 100 (dense), conv64, "
                "conv64k5, conv64k3s2p1g4 (kernel, stride, padding, groups), pool, pool3, avgpool"
            )
        if word.startswith("conv"):
            layer = _convolution(word, shape)
        elif "pool" in word:
            layer = _pool(word, shape)
        elif int(word) < 1:
            raise ValueError(f"layer {word!r} has no neurons")
        else:
            layer = LayerShape("dense", shape, (int(word), 1, 1))
        layers.append(layer)
        shape = layer.after
    return layers


def convolution(channels: int, window: Window, shape: Shape) -> LayerShape:
    """A convolution over images of a shape. Raises ValueError when it does not fit."""
    if min(channels, window.kernel, window.stride, window.groups) < 1 or window.padding < 0:
        raise ValueError("channels, kernel, stride and groups of a convolution must be positive")
    if channels % window.groups or shape[0] % window.groups:
        raise ValueError(f"groups must divide {shape[0]} and {channels}, not {window.groups}")
    if window.padding >= window.kernel:
        raise ValueError("padding must be less than the kernel, or neurons see nothing at all")
    after = (channels, window.size_after(shape[1]), window.size_after(shape[2]))
    if min(after[1:]) < 1:
        raise ValueError(f"a kernel of {window.kernel} does not fit an image of {shape[1:]}")
    return LayerShape("conv", shape, after, window)


def _convolution(word: str, shape: Shape) -> LayerShape:
    given = {key: int(number) for key, number in re.findall(r"([a-z])(\d+)", word[4:])}
    channels = int(re.match(r"\d+", word[4:])[0])  # type: ignore[index]
    kernel = given.get("k", 3)
    if kernel % 2 == 0 and "p" not in given:
        raise ValueError(f"layer {word!r}: the kernel must be odd, or its padding given")
    window = Window(kernel, given.get("s", 1), given.get("p", kernel // 2), given.get("g", 1))
    try:
        return convolution(channels, window, shape)
    except ValueError as error:
        raise ValueError(f"layer {word!r}: {error}") from error


def _pool(word: str, shape: Shape) -> LayerShape:
    kind, _, size = word.partition("pool")
    step = int(size or 2)
    if step < 2 or min(shape[1:]) < step:
        raise ValueError(f"layer {word!r} does not fit an image of {shape[1]}x{shape[2]}")
    after = (shape[0], shape[1] // step, shape[2] // step)
    return LayerShape("avgpool" if kind else "pool", shape, after, Window(step, step))
