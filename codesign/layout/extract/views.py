"""What each layer of wires sees straight below and straight above itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from codesign.layout.extract.law import WIRES
from codesign.layout.extract.rectangles import Boxes, Index, split, subtract
from codesign.layout.extract.shapes import LAYERS, NetShapes

# Rectangles are cut at multiples of this, so that subtraction and joins stay local.
_TILE_UM = 16.0


@dataclass(frozen=True)
class View:
    """Disjoint rectangles (n, 4) of the nearest conductors, with the index of their layer in LAYERS
    and their net."""

    boxes: Boxes
    layer: Index
    net: Index

    @staticmethod
    def empty() -> View:
        """Nothing but the substrate, or the sky."""
        nothing = np.empty(0, np.int64)
        return View(np.empty((0, 4), np.int64), nothing, nothing)

    def behind(self, boxes: Boxes, layer: int, nets: Index) -> View:
        """The view with the disjoint `boxes` of a layer in front of it."""
        left, owner = subtract(self.boxes, boxes)
        return View(
            np.concatenate((left, boxes)),
            np.concatenate((self.layer[owner], np.full(len(boxes), layer))),
            np.concatenate((self.net[owner], nets)),
        )

    def small(self) -> View:
        """The same in fewer bytes."""
        return View(
            self.boxes.astype(np.int32), self.layer.astype(np.int8), self.net.astype(np.int32)
        )


def views(shapes: NetShapes) -> Iterator[tuple[str, View, View]]:
    """Every wire layer from the lowest up, with its view downward and upward."""
    tile = max(round(_TILE_UM / shapes.dbu_um), 1)

    def tiles(name: str) -> tuple[Boxes, Index]:
        boxes, nets = shapes.layer(name)
        pieces, owner = split(boxes, tile)
        return pieces, nets[owner]

    above: dict[str, View] = {}
    up = View.empty()
    for k, name in reversed(list(enumerate(LAYERS))):
        if name in WIRES:
            above[name] = up.small()
        # Gates lie beside poly, not above it.
        if name != "gate":
            boxes, nets = tiles(name)
            up = up.behind(boxes, k, nets)
    del up
    down = View.empty()
    for k, name in enumerate(LAYERS):
        if name == "diff":
            # Poly does not see diffusion: what it has to it is the transistor model's.
            yield "poly", down.small(), above.pop("poly")
        elif name in WIRES[1:]:
            yield name, down.small(), above.pop(name)
        boxes, nets = tiles(name)
        down = down.behind(boxes, k, nets)
