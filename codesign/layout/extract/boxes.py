"""Polygons as disjoint rectangles in arrays."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from codesign.layout.extract.rectangles import Boxes, BoxIndex, Index

# A trapezoid with slanted sides becomes slabs whose ends move by at most this much.
SLAB_UM = 0.05


def boxes_of_region(region: Any, dbu_um: float) -> tuple[Boxes, int]:
    """Rectangles (n, 4) as x0, y0, x1, y1 of a klayout Region of disjoint polygons, and how many
    trapezoids had slanted sides.

    Slanted trapezoids are approximated by slabs of their mean width: same area up to rounding,
    ends off by at most SLAB_UM / 2.
    """
    step = max(1, round(SLAB_UM / dbu_um))
    corners = array("q")
    slanted = 0
    for part in region.decompose_trapezoids_to_region().each():
        if part.is_box():
            box = part.bbox()
            corners.extend((box.left, box.bottom, box.right, box.top))
            continue
        slanted += 1
        for slab in _slabs(part, step):
            corners.extend(slab)
    return np.array(corners, dtype=np.int64).reshape(-1, 4), slanted


def near_pairs(a: Boxes, b: Boxes) -> tuple[Index, Index]:
    """Indices of all pairs of rectangles, one of each set, that overlap or touch."""
    grown = a + np.array([-1, -1, 1, 1])
    chunks = list(BoxIndex(b).pairs(grown))
    if not chunks:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate([c[0] for c in chunks]), np.concatenate([c[1] for c in chunks])


def boxes_at(
    points: np.ndarray, boxes: Boxes, owners: Index | None = None, nets: Index | None = None
) -> Index:
    """Index of the rectangle that each point (n, 2) lies on, the nearest where it lies on none; of
    those whose owner is the point's net, where these are given."""
    near = np.concatenate((np.floor(points), np.ceil(points)), axis=1).astype(np.int64)
    i, j = near_pairs(near, boxes)
    if owners is not None and nets is not None:
        mine = owners[j] == nets[i]
        i, j = i[mine], j[mine]
    found = np.full(len(points), -1)
    order = np.argsort(-j, kind="stable")
    inside = ((boxes[j, :2] <= points[i]) & (points[i] <= boxes[j, 2:])).all(axis=1)
    for chosen in (order[~inside[order]], order[inside[order]]):
        found[i[chosen]] = j[chosen]
    for k in np.flatnonzero(found < 0).tolist():
        some = np.arange(len(boxes))
        if owners is not None and nets is not None:
            some = np.flatnonzero(owners == nets[k])
        apart = np.maximum(boxes[some, :2] - points[k], points[k] - boxes[some, 2:])
        found[k] = some[(np.maximum(apart, 0) ** 2).sum(axis=1).argmin()]
    return found


def _slabs(part: Any, step: int) -> Iterator[tuple[int, int, int, int]]:
    box = part.bbox()
    points = [(p.x, p.y) for p in part.each_point_hull()]
    low = sorted(x for x, y in points if y == box.bottom)
    high = sorted(x for x, y in points if y == box.top)
    height = box.height()
    shift = max(abs(high[0] - low[0]), abs(high[-1] - low[-1]))
    count = min(height, max(1, math.ceil(shift / step)))
    edges = [box.bottom + round(height * k / count) for k in range(count + 1)]
    for y0, y1 in pairwise(edges):
        t = ((y0 + y1) / 2 - box.bottom) / height
        x0 = round(low[0] + (high[0] - low[0]) * t)
        x1 = round(low[-1] + (high[-1] - low[-1]) * t)
        if x1 > x0 and y1 > y0:
            yield x0, y0, x1, y1
