"""Polygons as disjoint rectangles in arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from codesign.layout.extract.rectangles import Boxes, BoxIndex, Index

# A trapezoid with slanted sides becomes slabs whose ends move by at most this much.
SLAB_UM = 0.05


def boxes_of(
    pieces: Iterable[tuple[int, Any]], dbu_um: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Rectangles (n, 4) as x0, y0, x1, y1, the owner of each (n,), and how many trapezoids had
    slanted sides. `pieces`: owner and klayout Region of disjoint polygons.

    Slanted trapezoids are approximated by slabs of their mean width: same area up to rounding,
    ends off by at most SLAB_UM / 2.
    """
    step = max(1, round(SLAB_UM / dbu_um))
    rows: list[tuple[int, int, int, int]] = []
    owners: list[int] = []
    slanted = 0
    for owner, region in pieces:
        for polygon in region.each():
            if polygon.is_box():
                box = polygon.bbox()
                rows.append((box.left, box.bottom, box.right, box.top))
                owners.append(owner)
                continue
            for part in polygon.decompose_trapezoids():
                found = list(_slabs(part, step))
                slanted += not part.is_box()
                rows += found
                owners += [owner] * len(found)
    boxes = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return boxes, np.array(owners, dtype=np.int64), slanted


def near_pairs(a: Boxes, b: Boxes) -> tuple[Index, Index]:
    """Indices of all pairs of rectangles, one of each set, that overlap or touch."""
    grown = a + np.array([-1, -1, 1, 1])
    chunks = list(BoxIndex(b).pairs(grown))
    if not chunks:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate([c[0] for c in chunks]), np.concatenate([c[1] for c in chunks])


def _slabs(part: Any, step: int) -> Iterator[tuple[int, int, int, int]]:
    box = part.bbox()
    if part.is_box():
        yield box.left, box.bottom, box.right, box.top
        return
    points = [(p.x, p.y) for p in part.each_point()]
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
