"""Facing edges of one layer: which edge sees which across an empty gap, along one direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codesign.layout.extract.rectangles import Boxes, Index, distinct, ramps

_STRIP_HALOS = 4


@dataclass(frozen=True)
class Gaps:
    """Empty stretches beside edges, along x: `boxes` (n, 4) reach from edge to edge.

    left, right: label of the rectangle whose edge bounds the gap there, -1 where there is none
    within the halo (the gap then ends at the halo). left_width, right_width: width in x of the
    conductor behind that edge, abutting rectangles taken together; 0 where there is none.
    """

    boxes: Boxes
    left: Index
    right: Index
    left_width: Index
    right_width: Index

    def part(self, which: slice) -> Gaps:
        """Some of them."""
        return Gaps(
            self.boxes[which],
            self.left[which],
            self.right[which],
            self.left_width[which],
            self.right_width[which],
        )


def find_gaps(boxes: Boxes, labels: Index, halo: int) -> Gaps:
    """Gaps between disjoint rectangles along x up to `halo` wide; labels (n,) >= 0.

    Gaps that continue one another between the same labels are one, however the rectangles are cut.

    The layer is cut into strips of x with a halo around them; within a strip each slab between
    neighbouring y coordinates is one dimensional.
    """
    width = halo * _STRIP_HALOS
    first = np.floor_divide(boxes[:, 0] - halo, width)
    last = np.floor_divide(boxes[:, 2] + halo, width)
    box, step = ramps(last - first + 1)
    strip = first[box] + step
    box, strip, slab_y, slab = _slabs(boxes, box, strip)
    order = np.lexsort((boxes[box, 0], slab))
    box, strip, slab = box[order], strip[order], slab[order]
    x0, x1 = boxes[box, 0], boxes[box, 2]

    same = slab[1:] == slab[:-1]
    touching = np.zeros(len(box), bool)
    touching[1:] = same & (x0[1:] == x1[:-1])
    run = np.cumsum(~touching) - 1
    run_start, run_end = x0[~touching], np.empty(run[-1] + 1, np.int64)
    run_end[run] = x1
    run_width = run_end - run_start
    # Edges: ends of runs. Each run has a gap on its left; the last of a slab also on its right.
    heads = np.flatnonzero(~touching)
    tails = np.concatenate((heads[1:], [len(box)])) - 1
    run_slab = slab[heads]
    follows = np.zeros(len(heads), bool)
    follows[1:] = run_slab[1:] == run_slab[:-1]
    gap = np.full(len(heads), halo + 1)
    gap[1:][follows[1:]] = (run_start[1:] - run_end[:-1])[follows[1:]]
    near = follows & (gap <= halo)

    both = np.flatnonzero(near)
    left_open = np.flatnonzero(~near)
    ends_open = np.ones(len(heads), bool)
    ends_open[:-1] = ~near[1:]
    right_open = np.flatnonzero(ends_open)

    label = labels[box]
    left, left_width = (
        np.concatenate((value[both - 1], np.full(len(left_open), nothing), value[right_open]))
        for value, nothing in ((label[tails], -1), (run_width, 0))
    )
    right, right_width = (
        np.concatenate((value[both], value[left_open], np.full(len(right_open), nothing)))
        for value, nothing in ((label[heads], -1), (run_width, 0))
    )
    begin = np.concatenate((run_end[both - 1], run_start[left_open] - halo, run_end[right_open]))
    end = np.concatenate((run_start[both], run_start[left_open], run_end[right_open] + halo))
    edge = np.concatenate((run_end[both - 1], run_start[left_open], run_end[right_open]))
    runs = np.concatenate((both, left_open, right_open))
    at = run_slab[runs]
    pieces = np.stack((begin, slab_y[at], end, slab_y[at + 1]), axis=1)
    # A gap belongs to the strip of its edge; its neighbours hold copies of it in their halos.
    own = np.floor_divide(edge, width) == strip[heads[runs]]
    return _merge(pieces[own], left[own], right[own], left_width[own], right_width[own])


def _slabs(boxes: Boxes, box: Index, strip: Index) -> tuple[Index, Index, Index, Index]:
    """Expand (box, strip) to the y slabs of its strip: box, strip, y of the slabs, slab."""
    y_low = int(boxes[:, 1].min())
    scale = int(boxes[:, 3].max()) - y_low + 1
    base = (strip - strip.min()) * scale - y_low
    breaks = distinct(np.concatenate((base + boxes[box, 1], base + boxes[box, 3])))
    low = np.searchsorted(breaks, base + boxes[box, 1])
    high = np.searchsorted(breaks, base + boxes[box, 3])
    source, step = ramps(high - low)
    return box[source], strip[source], breaks % scale + y_low, low[source] + step


def _merge(pieces: Boxes, left: Index, right: Index, left_width: Index, right_width: Index) -> Gaps:
    """Join gaps on top of one another between the same edges."""
    keys = np.stack((pieces[:, 0], pieces[:, 2], left, right, left_width, right_width), axis=1)
    order = np.lexsort((pieces[:, 1], *keys.T))
    pieces, keys = pieces[order], keys[order]
    start = np.ones(len(pieces), bool)
    start[1:] = (keys[1:] != keys[:-1]).any(axis=1) | (pieces[1:, 1] != pieces[:-1, 3])
    where = np.flatnonzero(start)
    merged = pieces[where]
    merged[:, 3] = pieces[np.concatenate((where[1:], [len(pieces)])) - 1, 3]
    return Gaps(merged, *keys[where, 2:].T)
