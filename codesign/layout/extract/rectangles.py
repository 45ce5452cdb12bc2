"""Axis-parallel rectangles by the hundred thousand: overlap join, subtraction, splitting.

A set of rectangles is an int64 array (n, 4) of x0, y0, x1, y1 in database units. All functions are
array operations whose cost grows linearly with the rectangles and the pairs that overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

Boxes = NDArray[np.signedinteger[Any]]
Index = NDArray[np.signedinteger[Any]]

_CHUNK = 1_500_000
_MAX_CELLS = 4_000_000


def areas(boxes: Boxes) -> NDArray[np.float64]:
    """Area of each rectangle in square database units."""
    return (boxes[:, 2] - boxes[:, 0]).astype(float) * (boxes[:, 3] - boxes[:, 1])


def transposed(boxes: Boxes) -> Boxes:
    """The rectangles with x and y exchanged."""
    return boxes[:, [1, 0, 3, 2]]


def ramps(counts: Index) -> tuple[Index, Index]:
    """For counts (2, 0, 3): owners (0, 0, 2, 2, 2) and positions (0, 1, 0, 1, 2)."""
    owner = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - starts[owner]


def distinct(values: Index) -> Index:
    """The values in ascending order, each once. numpy's own takes a slower path by hashing."""
    values = np.sort(values)
    new = np.ones(len(values), bool)
    new[1:] = values[1:] != values[:-1]
    return values[new]


def split(boxes: Boxes, size: int) -> tuple[Boxes, Index]:
    """Cut rectangles along the lines x, y = k * size; returns pieces and whose piece each is."""
    owner = np.arange(len(boxes))
    for low, high in ((0, 2), (1, 3)):
        first = np.floor_divide(boxes[:, low], size)
        last = np.floor_divide(boxes[:, high] - 1, size)
        source, step = ramps(last - first + 1)
        cell = first[source] + step
        pieces = boxes[source]
        pieces[:, low] = np.maximum(pieces[:, low], cell * size)
        pieces[:, high] = np.minimum(pieces[:, high], (cell + 1) * size)
        boxes, owner = pieces, owner[source]
    return boxes, owner


class BoxIndex:
    """Uniform grid over a set of rectangles, for joining others with it."""

    def __init__(self, boxes: Boxes) -> None:
        self.boxes = boxes
        if not len(boxes):
            return
        low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        span = np.maximum(high - low, 1).astype(float)
        # About one rectangle in a cell; a cell no smaller than the typical rectangle.
        typical = float(np.sqrt(np.median(areas(boxes))))
        cell = max(np.sqrt(span[0] * span[1] / len(boxes)), typical, 1.0)
        cell = max(cell, float(np.sqrt(span[0] * span[1] / _MAX_CELLS)))
        self.cell = int(np.ceil(cell))
        self.low = low
        self.shape = ((high - low - 1) // self.cell + 1).astype(np.int64)
        keys, owner = self._cells(boxes)
        # A sparse matrix sorts by counting.
        table = coo_array(
            (np.ones(len(keys), np.int8), (keys, np.arange(len(keys)))),
            (int(self.shape.prod()), len(keys)),
        ).tocsr()
        self._owner = owner[table.indices]
        # Copies in the order of the cells: a join reads them in long runs.
        self._columns = [np.ascontiguousarray(boxes[self._owner, k]) for k in range(4)]
        self._start = table.indptr.astype(np.int64)

    def _range(self, boxes: Boxes) -> tuple[Index, Index]:
        first = np.clip((boxes[:, :2] - self.low) // self.cell, 0, self.shape - 1)
        last = np.clip((boxes[:, 2:] - 1 - self.low) // self.cell, 0, self.shape - 1)
        return first, last

    def _cells(self, boxes: Boxes) -> tuple[Index, Index]:
        first, last = self._range(boxes)
        size = last - first + 1
        owner, step = ramps(size[:, 0] * size[:, 1])
        x = first[owner, 0] + step % size[owner, 0]
        y = first[owner, 1] + step // size[owner, 0]
        return x * self.shape[1] + y, owner

    def pairs(self, others: Boxes) -> Iterator[tuple[Index, Index]]:
        """Chunks of (index into others, index here) of all pairs with common area, once each."""
        if not len(self.boxes) or not len(others):
            return
        low, high = self.low, self.low + self.shape * self.cell
        inside = np.flatnonzero(
            (others[:, 0] < high[0])
            & (others[:, 1] < high[1])
            & (others[:, 2] > low[0])
            & (others[:, 3] > low[1])
        )
        keys, owner = self._cells(others[inside])
        owner = inside[owner]
        counts = self._start[keys + 1] - self._start[keys]
        filled = np.flatnonzero(counts)
        keys, owner, counts = keys[filled], owner[filled], counts[filled]
        starts = self._start[keys]
        theirs = [column[owner] for column in others.T]
        low_x, low_y = (int(value) for value in self.low)
        cell_x, cell_y = np.divmod(keys, self.shape[1])
        # A pair meets in several cells: it counts in that of its overlap's first corner.
        cell_x = cell_x * self.cell + low_x
        cell_y = cell_y * self.cell + low_y
        ends = np.cumsum(counts)
        begin = 0
        while begin < len(counts):
            done = ends[begin - 1] if begin else 0
            end = max(int(np.searchsorted(ends, done + _CHUNK)), begin + 1)
            source, step = ramps(counts[begin:end])
            source += begin
            entry = starts[source] + step
            keep = np.flatnonzero(
                (self._columns[0][entry] < theirs[2][source])
                & (theirs[0][source] < self._columns[2][entry])
            )
            source, entry = source[keep], entry[keep]
            keep = np.flatnonzero(
                (self._columns[1][entry] < theirs[3][source])
                & (theirs[1][source] < self._columns[3][entry])
            )
            source, entry = source[keep], entry[keep]
            x = np.maximum(self._columns[0][entry], theirs[0][source])
            y = np.maximum(self._columns[1][entry], theirs[1][source])
            keep = np.flatnonzero(
                (x >= cell_x[source])
                & (y >= cell_y[source])
                & (x < cell_x[source] + self.cell)
                & (y < cell_y[source] + self.cell)
            )
            yield owner[source[keep]], self._owner[entry[keep]]
            begin = end


def subtract(boxes: Boxes, cutters: Boxes) -> tuple[Boxes, Index]:
    """What `cutters` (disjoint) leave of each rectangle; returns pieces and whose piece each is."""
    chunks = list(BoxIndex(cutters).pairs(boxes))
    if not chunks:
        return boxes, np.arange(len(boxes))
    i = np.concatenate([c[0] for c in chunks])
    j = np.concatenate([c[1] for c in chunks])
    if not len(i):
        return boxes, np.arange(len(boxes))
    is_touched = np.zeros(len(boxes), bool)
    is_touched[i] = True
    touched, free = np.flatnonzero(is_touched), np.flatnonzero(~is_touched)
    place = np.cumsum(is_touched) - 1
    pieces, owner = _subtract(boxes[touched], place[i], cutters[j])
    return np.concatenate((boxes[free], pieces)), np.concatenate((free, touched[owner]))


def _subtract(boxes: Boxes, i: Index, cut: Boxes) -> tuple[Boxes, Index]:
    own = boxes[i]
    cut = np.concatenate(
        (np.maximum(cut[:, :2], own[:, :2]), np.minimum(cut[:, 2:], own[:, 2:])), 1
    )
    # Horizontal slabs of each rectangle, between all y where a cutter begins or ends.
    y_low = int(boxes[:, 1].min())
    scale = int(boxes[:, 3].max()) - y_low + 1
    all_i = np.arange(len(boxes))
    breaks = distinct(
        np.concatenate(
            (
                all_i * scale + boxes[:, 1] - y_low,
                all_i * scale + boxes[:, 3] - y_low,
                i * scale + cut[:, 1] - y_low,
                i * scale + cut[:, 3] - y_low,
            )
        )
    )
    first = np.searchsorted(breaks, i * scale + cut[:, 1] - y_low)
    last = np.searchsorted(breaks, i * scale + cut[:, 3] - y_low)
    source, step = ramps(last - first)
    slab = first[source] + step
    order = np.lexsort((cut[source, 0], slab))
    slab, source = slab[order], source[order]
    # One entry more at the end of each slab, whose gap reaches to the rectangle's end.
    is_slab = np.flatnonzero(breaks[:-1] // scale == breaks[1:] // scale)
    slabs = np.concatenate((slab, is_slab))
    owner = breaks[slabs] // scale
    begin = np.concatenate((cut[source, 0], boxes[owner[len(slab) :], 2]))
    end = np.concatenate((cut[source, 2], boxes[owner[len(slab) :], 2]))
    order = np.lexsort((begin, slabs))
    slabs, begin, end, owner = slabs[order], begin[order], end[order], owner[order]
    previous = np.empty_like(end)
    previous[1:] = end[:-1]
    new = np.ones(len(slabs), bool)
    new[1:] = slabs[1:] != slabs[:-1]
    previous[new] = boxes[owner[new], 0]
    gap = np.flatnonzero(begin > previous)
    if not len(gap):
        return np.empty((0, 4), np.int64), gap
    slabs, owner, x0, x1 = slabs[gap], owner[gap], previous[gap], begin[gap]
    y0, y1 = breaks[slabs] % scale + y_low, breaks[slabs + 1] % scale + y_low
    # Join what lies on top of one another with the same x.
    order = np.lexsort((y0, x1, x0, owner))
    pieces = np.stack((x0, y0, x1, y1), axis=1)[order]
    owner = owner[order]
    start = np.ones(len(owner), bool)
    start[1:] = (
        (owner[1:] != owner[:-1])
        | (pieces[1:, 0] != pieces[:-1, 0])
        | (pieces[1:, 2] != pieces[:-1, 2])
        | (pieces[1:, 1] != pieces[:-1, 3])
    )
    where = np.flatnonzero(start)
    merged = pieces[where]
    merged[:, 3] = pieces[np.concatenate((where[1:], [len(owner)])) - 1, 3]
    return merged, owner[where]
