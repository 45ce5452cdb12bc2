"""What each layer of wires sees straight below and straight above itself."""

from __future__ import annotations

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


def views(shapes: NetShapes) -> tuple[dict[str, View], dict[str, View]]:
    """The views of all wire layers: downward and upward."""
    tile = max(round(_TILE_UM / shapes.dbu_um), 1)
    tiles = {}
    for name in LAYERS:
        boxes, nets = shapes.layer(name)
        pieces, owner = split(boxes, tile)
        tiles[name] = (pieces, nets[owner])
    down, up = View.empty(), View.empty()
    below: dict[str, View] = {}
    above: dict[str, View] = {}
    for k, name in enumerate(LAYERS):
        if name == "diff":
            # Poly does not see diffusion: what it has to it is the transistor model's.
            below["poly"] = down.small()
        elif name in WIRES[1:]:
            below[name] = down.small()
        down = down.behind(tiles[name][0], k, tiles[name][1])
    for k, name in reversed(list(enumerate(LAYERS))):
        if name in WIRES:
            above[name] = up.small()
        # Gates lie beside poly, not above it.
        if name != "gate":
            up = up.behind(tiles[name][0], k, tiles[name][1])
    return below, above
