"""Channels of transistors: gates between pieces of diffusion, with the sizes that models take.

W is half the length of gate edge along the diffusion, L the gate's area over W. A piece of
diffusion between several gates belongs to them in equal parts, its area and perimeter (gate edges
included). A gate that meets one piece only, at an end of the diffusion or as a tip of poly in it,
has source and drain on it; its W is the length along the diffusion, on one side or the mean of two
opposite ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import klayout.db as kdb
import numpy as np

from codesign.layout.extract.nets import groups_of, touching
from codesign.layout.extract.rectangles import Boxes, BoxIndex, Index, areas


@dataclass(frozen=True)
class Channels:
    """n gates of one kind, lengths in database units.

    box: (n, 4) around each gate; gate, source, drain: (n,) nets; w, l; area and perimeter: (n, 2)
    of the gate's part of source and drain.
    """

    box: Boxes
    gate: Index
    source: Index
    drain: Index
    w: np.ndarray
    l: np.ndarray
    area: np.ndarray
    perimeter: np.ndarray


@dataclass(frozen=True)
class _Shapes:
    """Connected shapes of a layer: group of each rectangle; area, perimeter, box and net by
    group."""

    boxes: Boxes
    group: Index
    area: np.ndarray
    perimeter: np.ndarray
    box: Boxes
    net: Index

    @staticmethod
    def of(boxes: Boxes, owners: Index) -> _Shapes:
        group = groups_of(boxes)
        count = int(group.max()) + 1 if len(group) else 0
        low, high = np.full((count, 2), 2**62), np.full((count, 2), -(2**62))
        np.minimum.at(low, group, boxes[:, :2])
        np.maximum.at(high, group, boxes[:, 2:])
        net = np.zeros(count, np.int64)
        net[group] = owners
        size = (boxes[:, 2:] - boxes[:, :2]).sum(axis=1)
        perimeter = 2.0 * np.bincount(group, size, minlength=count)
        for i, j in touching(boxes, BoxIndex(boxes)):
            apart = i != j
            inner = _common(boxes[i[apart]], boxes[j[apart]])
            perimeter -= np.bincount(group[i[apart]], inner, minlength=count)
        area = np.bincount(group, areas(boxes), minlength=count)
        return _Shapes(boxes, group, area, perimeter, np.concatenate((low, high), axis=1), net)


def _common(a: Boxes, b: Boxes) -> np.ndarray:
    """Length of edge that rectangles side by side have in common."""
    wide = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    high = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    return np.maximum(wide, high).astype(float)


def channels(
    gates: tuple[Boxes, Index], diffusion: tuple[Boxes, Index], regions: tuple[Any, Any]
) -> tuple[Channels, list[tuple[Boxes, int]]]:
    """Channels of gates and pieces of diffusion, rectangles and nets each; `regions` are the two
    as klayout Regions, for exact lengths of slanted edges. Also the box of every gate that meets no
    piece or more than two, with their number."""
    gate, piece = _Shapes.of(*gates), _Shapes.of(*diffusion)
    count = len(gate.area)
    key, length = _contacts(gate, piece)
    owner, of_piece = np.divmod(key, max(len(piece.area), 1))
    ends = np.bincount(owner, minlength=count)
    shared = np.maximum(np.bincount(of_piece, minlength=len(piece.area)), 1)
    # Source before drain: the piece whose box begins lower, then farther left.
    order = np.lexsort((of_piece, piece.box[of_piece, 0], piece.box[of_piece, 1], owner))
    owner, of_piece, length = owner[order], of_piece[order], length[order]
    good = np.flatnonzero((ends == 1) | (ends == 2))
    first = np.searchsorted(owner, good)
    pair = np.stack((of_piece[first], of_piece[first + ends[good] - 1]), axis=1)
    along = np.bincount(owner, length, minlength=count)
    _put_slanted(gate, piece, regions, along)
    w = along[good] / 2
    lone = np.flatnonzero(ends[good] == 1)
    w[lone] = _lone_widths(gate, piece, good[lone])
    # One piece on both sides is one junction: each terminal has half of the gate's part.
    part = shared[pair] * np.where(pair[:, :1] == pair[:, 1:], 2, 1)
    found = Channels(
        gate.box[good],
        gate.net[good],
        piece.net[pair[:, 0]],
        piece.net[pair[:, 1]],
        w,
        gate.area[good] / w,
        piece.area[pair] / part,
        piece.perimeter[pair] / part,
    )
    odd = np.flatnonzero((ends < 1) | (ends > 2))
    return found, [(gate.box[k], int(ends[k])) for k in odd.tolist()]


def _contacts(gate: _Shapes, piece: _Shapes) -> tuple[Index, np.ndarray]:
    """Pairs of gate and piece that meet, as gate * pieces + piece, ascending; edge in common."""
    keys, lengths = [np.empty(0, np.int64)], [np.empty(0)]
    for i, j in touching(gate.boxes, BoxIndex(piece.boxes)):
        keys.append(gate.group[i] * len(piece.area) + piece.group[j])
        lengths.append(_common(gate.boxes[i], piece.boxes[j]))
    key, back = np.unique(np.concatenate(keys), return_inverse=True)
    return key, np.bincount(back.reshape(-1), np.concatenate(lengths), minlength=len(key))


def _lone_widths(gate: _Shapes, piece: _Shapes, which: Index) -> np.ndarray:
    """Width of the channels of gates that meet one piece of diffusion only, (n,)."""
    mine = np.flatnonzero(np.isin(gate.group, which))
    # Length of edge by side of the gate: left, right, bottom, top.
    sides = np.zeros((len(gate.area), 4))
    for i, j in touching(gate.boxes[mine], BoxIndex(piece.boxes)):
        a, b = gate.boxes[mine[i]], piece.boxes[j]
        meets = (b[:, 2] == a[:, 0], b[:, 0] == a[:, 2], b[:, 3] == a[:, 1], b[:, 1] == a[:, 3])
        for side, at in enumerate(meets):
            np.add.at(sides[:, side], gate.group[mine[i]][at], _common(a, b)[at])
    sides = sides[which]
    along_y, along_x = sides[:, 0:2], sides[:, 2:4]
    both = np.stack([np.where(s.min(axis=1) > 0, s.mean(axis=1), 0) for s in (along_y, along_x)])
    return np.where(both.max(axis=0) > 0, both.max(axis=0), sides.sum(axis=1))


def _put_slanted(
    gate: _Shapes, piece: _Shapes, regions: tuple[Any, Any], along: np.ndarray
) -> None:
    """Put the exact lengths and areas in place of those of slabs, where edges are slanted."""
    gates, pieces = regions
    odd_pieces = pieces.non_rectilinear()
    for shapes, region in ((gate, gates.non_rectilinear()), (piece, odd_pieces)):
        for polygon in region.each():
            k = _group_at(shapes, polygon)
            shapes.area[k], shapes.perimeter[k] = polygon.area(), polygon.perimeter()
    odd = gates.non_rectilinear() + gates.interacting(odd_pieces)
    for polygon in odd.merged().each():
        near = pieces.interacting(kdb.Region(polygon)).merged()
        common = kdb.Region(polygon).edges() & near.edges()
        along[_group_at(gate, polygon)] = common.length()


def _group_at(shapes: _Shapes, polygon: Any) -> int:
    """The group that a polygon became."""
    box = max(polygon.decompose_trapezoids(), key=lambda part: part.area()).bbox().center()
    inside = (shapes.boxes[:, :2] <= (box.x, box.y)) & (shapes.boxes[:, 2:] >= (box.x, box.y))
    return int(shapes.group[inside.all(axis=1).argmax()])
