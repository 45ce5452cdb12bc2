"""Capacitances of nets from their shapes: area, fringe with shielding, sidewall coupling (2.5-D).

Seen from a wire, straight down, every point of the plane belongs to the highest conductor below it,
or to the substrate; straight up, to the lowest conductor above. These two views of each layer (the
rectangles of all other conductors minus what covers them) hold all shielding between layers:

- area: the wire's overlap with each rectangle of the view below, and with bare substrate;
- fringe: an edge's field spreads over the stretch beside it up to the nearest edge of its own layer
  (at most the halo); a rectangle of the view between the distances d1 and d2 takes the share
  (2 / pi) (atan(a d2) - atan(a d1)) of the edge's fringe to that layer. What the view below takes
  is shielded from the substrate;
- sidewall: two edges that face each other across an empty gap within the halo.

Couplings within a net drop out after they have shielded. Gates shield and are seen from above;
below them, and at their edges, is the transistor model's. The plates of MIM capacitors shield, and
are seen from above; towards their lower plate the device model holds all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codesign.layout.extract.gaps import find_gaps
from codesign.layout.extract.parasitics import SUBSTRATE, ParasiticTable
from codesign.layout.extract.rectangles import (
    Boxes,
    BoxIndex,
    Index,
    areas,
    split,
    subtract,
    transposed,
)
from codesign.layout.extract.shapes import LAYERS, NetCapacitances, NetShapes
from codesign.layout.extract.tally import Tally

__all__ = ["NetCapacitances", "NetShapes", "capacitances"]

# Wires: layers with a table entry of their own, from the lowest up, with the layers of their plane.
WIRES = ("poly", "li1", "met1", "met2", "met3", "met4", "met5")
_PLANE = {"poly": ("poly", "gate")}
# What a layer looks like to a wire above or below: the name of its coefficients.
_SEEN_AS = {"gate": "poly", "capm": "met3", "cap2m": "met4", "nwell": SUBSTRATE}
# Layers with a field of their own to wires below: the others are planes that only shield.
_HAS_UNDERSIDE = frozenset(WIRES)
_TILE_UM = 16.0


@dataclass(frozen=True)
class _View:
    """What a wire sees below or above itself: disjoint rectangles with layer and net."""

    boxes: Boxes
    layer: Index
    net: Index

    def covered_by(self, boxes: Boxes, layer: int, nets: Index) -> _View:
        """The view with the disjoint `boxes` of a layer in front of it."""
        left, owner = subtract(self.boxes, boxes)
        return _View(
            np.concatenate((left, boxes)),
            np.concatenate((self.layer[owner], np.full(len(boxes), layer))),
            np.concatenate((self.net[owner], nets)),
        )

    @staticmethod
    def empty() -> _View:
        nothing = np.empty(0, np.int64)
        return _View(np.empty((0, 4), np.int64), nothing, nothing)


def capacitances(shapes: NetShapes, table: ParasiticTable) -> NetCapacitances:
    """Capacitance of each net to the substrate and of each pair of nets that couple."""
    tally = Tally(shapes.n_nets)
    dbu_m = shapes.dbu_um * 1e-6
    wells, well_nets = shapes.layer("nwell")
    tally.ground(well_nets, table.well_F_per_m2 * dbu_m**2 * areas(wells))
    tile = max(round(_TILE_UM / shapes.dbu_um), 1)
    below, above = _views(shapes, tile)
    for wire in WIRES:
        extractor = _WireExtractor(wire, shapes, table, tally)
        extractor.area(below[wire])
        extractor.edges(below[wire], above[wire])
    return tally.result()


def _views(shapes: NetShapes, tile: int) -> tuple[dict[str, _View], dict[str, _View]]:
    """The views of all wires, downward and upward. Large rectangles are cut into tiles, so that
    subtraction and joins stay local."""
    tiles = {}
    for name in LAYERS:
        boxes, nets = shapes.layer(name)
        pieces, owner = split(boxes, tile)
        tiles[name] = (pieces, nets[owner])
    views: list[dict[str, _View]] = []
    for names in (LAYERS, LAYERS[::-1]):
        view = _View.empty()
        seen: dict[str, _View] = {}
        for name in names:
            if name in WIRES:
                seen[name] = view
            if name == "gate" and names is LAYERS[::-1]:
                continue
            view = view.covered_by(tiles[name][0], LAYERS.index(name), tiles[name][1])
        views.append(seen)
    return views[0], views[1]


class _WireExtractor:
    """All capacitances that the wires of one layer give rise to."""

    def __init__(self, wire: str, shapes: NetShapes, table: ParasiticTable, tally: Tally) -> None:
        self.wire, self.table, self.tally = wire, table, tally
        self.dbu_m = shapes.dbu_um * 1e-6
        self.boxes, self.nets = shapes.layer(wire)
        self.halo = round(table.halo_um / shapes.dbu_um)
        plane = [shapes.layer(name) for name in _PLANE.get(wire, (wire,))]
        self.plane = np.concatenate([boxes for boxes, _ in plane])
        self.plane_nets = np.concatenate([nets for _, nets in plane])
        # Edges of gates belong to the transistor model.
        self.has_edges = np.arange(len(self.plane)) < len(self.boxes)
        self._coefficients()

    def _coefficients(self) -> None:
        """Per layer of a view: area, fringe and spread of this wire's capacitance to it."""
        table, n = self.table, len(LAYERS)
        self.area_F_per_m2, self.fringe_F_per_m = np.zeros(n), np.zeros(n)
        self.spread_per_m = np.zeros(n)
        rank = LAYERS.index(self.wire)
        for k, name in enumerate(LAYERS):
            seen = _SEEN_AS.get(name, name)
            if k < rank and (self.wire, seen) in table.overlaps:
                overlap = table.overlaps[self.wire, seen]
                self.area_F_per_m2[k] = overlap.area_F_per_m2
                self.fringe_F_per_m[k] = overlap.fringe_F_per_m
            elif k > rank and name in _HAS_UNDERSIDE:
                overlap = table.overlaps[name, self.wire]
                self.fringe_F_per_m[k] = overlap.fringe_up_F_per_m
            else:
                continue
            self.spread_per_m[k] = overlap.spread_per_m(table.spread_m_per_F)
        self.bare = table.overlaps[self.wire, SUBSTRATE]
        self.bare_spread_per_m = self.bare.spread_per_m(table.spread_m_per_F)

    def area(self, below: _View) -> None:
        """Area capacitance to the view below; the rest of the area sees bare substrate."""
        bare = areas(self.boxes)
        for seen, mine in BoxIndex(self.boxes).pairs(below.boxes):
            a, b = below.boxes[seen], self.boxes[mine]
            common = (np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])).astype(float)
            common *= np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
            bare -= np.bincount(mine, common, minlength=len(bare))
            value = self.area_F_per_m2[below.layer[seen]] * common * self.dbu_m**2
            self.tally.couple(self.nets[mine], below.net[seen], value)
        self.tally.ground(self.nets, self.bare.area_F_per_m2 * bare * self.dbu_m**2)

    def edges(self, below: _View, above: _View) -> None:
        """Sidewall and fringe of the edges across x, then of those across y."""
        self._edges(self.plane, below.boxes, above.boxes, below, above)
        self._edges(
            transposed(self.plane), transposed(below.boxes), transposed(above.boxes), below, above
        )

    def _edges(
        self, plane: Boxes, below_boxes: Boxes, above_boxes: Boxes, below: _View, above: _View
    ) -> None:
        if not len(plane):
            return
        gaps = find_gaps(plane, self.halo)
        length_m = (gaps.boxes[:, 3] - gaps.boxes[:, 1]) * self.dbu_m
        space_m = (gaps.boxes[:, 2] - gaps.boxes[:, 0]) * self.dbu_m
        closed = (gaps.left >= 0) & (gaps.right >= 0)
        sides = [
            (ends >= 0) & self.has_edges[np.maximum(ends, 0)] for ends in (gaps.left, gaps.right)
        ]
        nets = [self.plane_nets[np.maximum(ends, 0)] for ends in (gaps.left, gaps.right)]
        facing = np.flatnonzero(closed & sides[0] & sides[1])
        sidewall = self.table.sidewalls[self.wire]
        self.tally.couple(
            nets[0][facing],
            nets[1][facing],
            sidewall.coupling_F_per_m(space_m[facing]) * length_m[facing],
        )
        # Share of the substrate's fringe still to be given away, per edge.
        bare = np.where(closed, _share(self.bare_spread_per_m * space_m), 1.0) * length_m
        left_over = [np.where(side, bare, 0.0) for side in sides]
        for boxes, view, is_below in ((below_boxes, below, True), (above_boxes, above, False)):
            for gap, seen in BoxIndex(boxes).pairs(gaps.boxes):
                self._fringe(gaps.boxes, boxes, view, gap, seen, is_below, sides, nets, left_over)
        for net, share in zip(nets, left_over, strict=True):
            self.tally.ground(net, self.bare.fringe_F_per_m * share)

    def _fringe(
        self,
        gaps: Boxes,
        boxes: Boxes,
        view: _View,
        gap: Index,
        seen: Index,
        is_below: bool,
        sides: list[NDArray[np.bool_]],
        nets: list[Index],
        left_over: list[NDArray[np.float64]],
    ) -> None:
        g, b = gaps[gap], boxes[seen]
        length_m = (np.minimum(g[:, 3], b[:, 3]) - np.maximum(g[:, 1], b[:, 1])) * self.dbu_m
        begin = np.maximum(g[:, 0], b[:, 0])
        end = np.minimum(g[:, 2], b[:, 2])
        layer = view.layer[seen]
        for k, (near, far) in enumerate(
            ((begin - g[:, 0], end - g[:, 0]), (g[:, 2] - end, g[:, 2] - begin))
        ):
            active = np.flatnonzero(sides[k][gap])
            near_m, far_m = near[active] * self.dbu_m, far[active] * self.dbu_m
            spread = self.spread_per_m[layer[active]]
            share = (_share(spread * far_m) - _share(spread * near_m)) * length_m[active]
            self.tally.couple(
                nets[k][gap[active]],
                view.net[seen[active]],
                self.fringe_F_per_m[layer[active]] * share,
            )
            if is_below:
                spread_0 = self.bare_spread_per_m
                taken = (_share(spread_0 * far_m) - _share(spread_0 * near_m)) * length_m[active]
                left_over[k] -= np.bincount(gap[active], taken, minlength=len(gaps))


def _share(x: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Share of an edge's fringe field that ends within x / a of the edge."""
    return (2 / np.pi) * np.arctan(x)
