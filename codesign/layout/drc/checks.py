"""One generic function per kind of rule: layers and a rule in, places of violation out.

Distances are Euclidean unless a rule says `parallel`. A place is an edge pair, an edge or a
polygon, in database units of the top cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import klayout.db as kdb

from codesign.layout.drc.layers import LayerSet
from codesign.pdk.rules import Rule

Places = list[kdb.EdgePairs | kdb.Edges | kdb.Region]
Check = Callable[[LayerSet, Rule], Places]

_NEVER_ZERO = kdb.Region.NeverIncludeZeroDistance
_TOUCHING = kdb.Region.IncludeZeroDistanceWhenTouching
_PROJECTION = kdb.Region.Projection


def width(layers: LayerSet, rule: Rule) -> Places:
    return [layers[rule.layer].width_check(layers.dbu(rule.value))]


def space(layers: LayerSet, rule: Rule) -> Places:
    return [layers[rule.layer].space_check(layers.dbu(rule.value))]


def separation(layers: LayerSet, rule: Rule) -> Places:
    layer, other = layers[rule.layer], layers[rule.other]
    places: Places = [
        layer.separation_check(
            other,
            layers.dbu(rule.value),
            metrics=_metrics(rule),
            zero_distance_mode=_NEVER_ZERO if rule.abutting else _TOUCHING,
        )
    ]
    if rule.no_overlap:
        places.append(layer & other)
    return places


def _metrics(rule: Rule) -> Any:
    if rule.parallel or rule.abutting:
        return _PROJECTION
    return kdb.Region.Square if rule.square else kdb.Region.Euclidian


def enclosure(layers: LayerSet, rule: Rule) -> Places:
    inner, outer, distance = layers[rule.layer], layers[rule.other], layers.dbu(rule.value)
    if rule.butting:
        edges = inner.edges() - layers[rule.butting].edges()
        return [edges.enclosed_check(outer.edges(), distance)]
    if rule.coinciding:
        return [inner.enclosed_check(outer, distance, zero_distance_mode=_NEVER_ZERO)]
    if rule.opposite:
        return [_tight_both_ways(inner, outer, distance)]
    return [inner.enclosed_check(outer, distance), inner - outer]


def _tight_both_ways(cuts: kdb.Region, outer: kdb.Region, distance: int) -> kdb.Region:
    """Cuts with a corner that `outer` encloses by `distance` on neither of its two sides.

    Where both sides to the left and right, or above and below, have the distance, all corners do:
    the others are looked at corner by corner. klayout's rect_filter counts a side twice when a
    conductor's edge breaks it into two parts.
    """
    for dx, dy in ((distance, 0), (0, distance)):
        grown = cuts.sized(dx, dy, 2)
        # Neighbouring cuts may touch when grown; each is judged alone.
        grown.merged_semantics = False
        cuts = cuts.not_interacting(grown.inside(outer))
    tight = kdb.Region()
    for polygon in cuts.each():
        box = polygon.bbox()
        near = outer & kdb.Region(box.enlarged(distance, distance))
        if not all(_corner_is_enclosed(near, box, corner, distance) for corner in _CORNERS):
            tight.insert(polygon)
    return tight


# Directions out of a cut at its corners.
_CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def _corner_is_enclosed(
    outer: kdb.Region, box: kdb.Box, corner: tuple[int, int], distance: int
) -> bool:
    """Whether one of the two strips from a corner outwards, a database unit wide, is covered."""
    right, up = corner
    x, y = (box.right if right > 0 else box.left), (box.top if up > 0 else box.bottom)
    beside = kdb.Box(x, y, x + right * distance, y - up)
    above = kdb.Box(x, y, x - right, y + up * distance)
    return any((kdb.Region(strip) - outer).is_empty() for strip in (beside, above))


def extension(layers: LayerSet, rule: Rule) -> Places:
    layer, other = layers[rule.layer], layers[rule.other]
    return [layer.enclosing_check(other, layers.dbu(rule.value), metrics=_PROJECTION)]


def size(layers: LayerSet, rule: Rule) -> Places:
    layer, side = layers[rule.layer], layers.dbu(rule.value)
    squares = layer.squares().with_bbox_width(side, False)
    return [layer.not_interacting(squares)]


def bar(layers: LayerSet, rule: Rule) -> Places:
    layer = layers[rule.layer]
    right = kdb.Region()
    for w, l in ((rule.value, rule.length_um), (rule.length_um, rule.value)):
        wide = layer.rectangles().with_bbox_width(layers.dbu(w), False)
        right += wide.with_bbox_height(layers.dbu(l), False)
    return [layer.not_interacting(right)]


def straddle(layers: LayerSet, rule: Rule) -> Places:
    layer, other = layers[rule.layer], layers[rule.other]
    return [layer.interacting(layer & other).interacting(layer - other)]


def ring(layers: LayerSet, rule: Rule) -> Places:
    layer = layers[rule.layer]
    border = layer.sized(layers.dbu(rule.value)) - layer.sized(-layers.dbu(rule.inside_um))
    return [border - layers[rule.other]]


def area(layers: LayerSet, rule: Rule) -> Places:
    return [layers[rule.layer].with_area(None, _area(layers, rule), False)]


def hole_area(layers: LayerSet, rule: Rule) -> Places:
    return [layers[rule.layer].holes().with_area(None, _area(layers, rule), False)]


def inside(layers: LayerSet, rule: Rule) -> Places:
    return [layers[rule.layer] - layers[rule.other]]


def no_overlap(layers: LayerSet, rule: Rule) -> Places:
    return [layers[rule.layer] & layers[rule.other]]


def contains(layers: LayerSet, rule: Rule) -> Places:
    return [layers[rule.layer].not_interacting(layers[rule.other])]


def crossing(layers: LayerSet, rule: Rule) -> Places:
    layer = layers[rule.layer]
    return [layer - layer.interacting(layers[rule.other], 2)]


def edge_length(layers: LayerSet, rule: Rule) -> Places:
    edges, border = layers[rule.layer].edges(), layers[rule.other].edges()
    chosen = edges & border if rule.on else edges - border
    return [chosen.with_length(None, layers.dbu(rule.value), False)]


def wide_space(layers: LayerSet, rule: Rule) -> Places:
    layer, distance = layers[rule.layer], layers.dbu(rule.value)
    half = layers.dbu(rule.than_um / 2)
    # Exactly the limit is not wide: sizing in by one unit more than half of it.
    wide = layer.sized(-half - 1).sized(half + 1)
    if wide.is_empty():
        return []
    nearby = layer.interacting(wide.sized(2 * distance))
    zone = wide.sized(distance) & layer.interacting(wide)
    gaps = nearby.space_check(distance).polygons()
    return [gaps.interacting(zone)]


def plate_space(layers: LayerSet, rule: Rule) -> Places:
    metal = layers[rule.other]
    plates = layers[rule.layer].sized(layers.dbu(rule.plate_um)) & metal
    gaps = plates.space_check(layers.dbu(rule.value)).polygons()
    # Two top plates may share one bottom plate: no gap then.
    return [gaps.not_inside(metal)]


def reach(layers: LayerSet, rule: Rule) -> Places:
    return [layers[rule.layer] - layers[rule.other].sized(layers.dbu(rule.value))]


def rectangle(layers: LayerSet, rule: Rule) -> Places:
    others = layers[rule.layer].non_rectangles()
    if rule.value > 4:
        corners = int(rule.value)
        others = others.filtered(_MoreCorners(corners))
    return [others]


def aspect(layers: LayerSet, rule: Rule) -> Places:
    return [layers[rule.layer].with_bbox_aspect_ratio(rule.value, None, False, False, True)]


def grid(layers: LayerSet, rule: Rule) -> Places:
    step = layers.dbu(rule.value)
    return [layers[name].grid_check(step, step) for name in rule.layers]


def angles(layers: LayerSet, rule: Rule) -> Places:
    places: Places = []
    for name in rule.layers:
        edges = layers[name].edges()
        if rule.value == 90:
            places.append(edges.with_angle(kdb.Edges.OrthoEdges, True))
        else:
            places.append(edges.with_angle(kdb.Edges.OrthoDiagonalEdges, True))
    return places


class _MoreCorners(kdb.PolygonFilter):
    def __init__(self, corners: int) -> None:
        super().__init__()
        self._corners = corners
        self.is_isotropic_and_scale_invariant()

    def selected(self, polygon: kdb.Polygon) -> bool:
        return bool(polygon.num_points() > self._corners)


def _area(layers: LayerSet, rule: Rule) -> int:
    return round(rule.value / layers.dbu_um**2)


KINDS: dict[str, Check] = {
    check.__name__: check
    for check in (
        *(width, space, separation, enclosure, extension, size, area, hole_area, inside),
        *(bar, straddle, ring),
        *(no_overlap, contains, crossing, edge_length, wide_space, plate_space, reach),
        *(rectangle, aspect, grid, angles),
    )
}
