"""Capacitances that the wires of one layer give rise to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codesign.layout.extract.gaps import Gaps, find_gaps
from codesign.layout.extract.law import BARE, CLOSED, OPEN, Floats, WireLaw
from codesign.layout.extract.rectangles import Boxes, BoxIndex, Index, areas, transposed
from codesign.layout.extract.tally import Tally
from codesign.layout.extract.views import View

# Edges at a time: what they see takes some hundred bytes each.
_GAPS_AT_ONCE = 30_000


@dataclass(frozen=True)
class Wires:
    """Boxes (n, 4) of one layer's plane with their nets (< n_nets); the first `n_wires` have
    capacitance of their own, the others (gates) only stand in the way."""

    boxes: Boxes
    nets: Index
    n_wires: int
    n_nets: int


@dataclass(frozen=True)
class _Seen:
    """Pieces of a view beside edges: index of the gap and of the view's rectangle, distances from
    the gap's left end in database units, and length along the edge."""

    gap: NDArray[np.int32]
    seen: NDArray[np.int32]
    begin: NDArray[np.int32]
    end: NDArray[np.int32]
    length: NDArray[np.int32]


class WireExtractor:
    """Adds the capacitances of one layer's wires to a tally."""

    def __init__(self, wires: Wires, law: WireLaw, dbu_m: float, halo: int, tally: Tally) -> None:
        self.wires, self.law, self.tally = wires, law, tally
        self.dbu_m, self.halo = dbu_m, halo

    def area(self, below: View) -> None:
        """Area capacitance to the view below; the rest of the area sees bare substrate."""
        boxes, nets = self.wires.boxes[: self.wires.n_wires], self.wires.nets
        bare = areas(boxes)
        for seen, mine in BoxIndex(boxes).pairs(below.boxes):
            a, b = below.boxes[seen], boxes[mine]
            common = (np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])).astype(float)
            common *= np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
            bare -= np.bincount(mine, common, minlength=len(bare))
            value_F = self.law.area_F_per_m2[below.layer[seen]] * common * self.dbu_m**2
            self.tally.couple(nets[mine], below.net[seen], value_F)
        self.tally.ground(nets[: len(boxes)], self.law.area_F_per_m2[BARE] * bare * self.dbu_m**2)

    def edges(self, below: View, above: View) -> None:
        """Sidewall coupling and fringe of the edges across x, then of those across y."""
        if not len(self.wires.boxes):
            return
        wires = self.wires
        # Label: the net, moved up by the number of nets for what only stands in the way.
        only_in_the_way = np.arange(len(wires.boxes)) >= wires.n_wires
        labels = wires.nets + np.where(only_in_the_way, wires.n_nets, 0)
        sights = tuple(_Sight(view, BoxIndex(view.boxes)) for view in (below, above))
        for turned in (False, True):
            plane = transposed(wires.boxes) if turned else wires.boxes
            gaps = find_gaps(plane, labels, self.halo)
            for start in range(0, len(gaps.left), _GAPS_AT_ONCE):
                part = gaps.part(slice(start, start + _GAPS_AT_ONCE))
                _EdgeExtractor(self, part, sights, turned).run()


@dataclass(frozen=True)
class _Sight:
    """A view with the index of its rectangles."""

    view: View
    index: BoxIndex


class _EdgeExtractor:
    """Some edges of one layer: those across x, or, with x and y exchanged, those across y."""

    def __init__(
        self, parent: WireExtractor, gaps: Gaps, sights: tuple[_Sight, ...], turned: bool
    ) -> None:
        self.law, self.tally = parent.law, parent.tally
        self.dbu_m, self.halo = parent.dbu_m, parent.halo
        self.sights, self.turned, wires = sights, turned, parent.wires
        self.gaps, boxes = gaps, gaps.boxes
        self.space = boxes[:, 2] - boxes[:, 0]
        self.length_m = (boxes[:, 3] - boxes[:, 1]) * self.dbu_m
        ends = (self.gaps.left, self.gaps.right)
        self.closed = (ends[0] >= 0) & (ends[1] >= 0)
        self.is_wire = [(end >= 0) & (end < wires.n_nets) for end in ends]
        self.nets = [
            np.where(is_wire, end, 0) for is_wire, end in zip(self.is_wire, ends, strict=True)
        ]
        self.wideness = [
            self.law.wideness(width * self.dbu_m)
            for width in (self.gaps.left_width, self.gaps.right_width)
        ]

    def run(self) -> None:
        """Add everything to the tally."""
        seen = [self._look(sight) for sight in self.sights]
        covers = [
            self._cover(chunks, sight.view) for chunks, sight in zip(seen, self.sights, strict=True)
        ]
        self._sidewall(covers)
        for side in (0, 1):
            self._fringe(side, seen, self._crowding(side, covers))

    def _look(self, sight: _Sight) -> list[_Seen]:
        chunks = []
        gaps = self.gaps.boxes
        for gap, seen in sight.index.pairs(transposed(gaps) if self.turned else gaps):
            g, b = gaps[gap], sight.view.boxes[seen]
            if self.turned:
                b = transposed(b)
            begin = np.maximum(b[:, 0] - g[:, 0], 0)
            end = np.minimum(b[:, 2], g[:, 2]) - g[:, 0]
            length = np.minimum(g[:, 3], b[:, 3]) - np.maximum(g[:, 1], b[:, 1])
            chunks.append(
                _Seen(*(part.astype(np.int32) for part in (gap, seen, begin, end, length)))
            )
        return chunks

    def _cover(self, chunks: list[_Seen], view: View) -> Floats:
        """(gaps, BARE + 1) fraction of each gap that each layer covers; BARE is the rest."""
        if not self.law.needs_cover:
            return np.zeros((len(self.space), 0))
        n = BARE + 1
        area = np.zeros(len(self.space) * n)
        for chunk in chunks:
            weight = (chunk.end - chunk.begin).astype(float) * chunk.length
            area += np.bincount(
                chunk.gap.astype(np.int64) * n + view.layer[chunk.seen], weight, minlength=len(area)
            )
        cover = area.reshape(-1, n) / areas(self.gaps.boxes)[:, None]
        cover[:, BARE] = np.maximum(1.0 - cover.sum(axis=1), 0.0)
        return cover

    def _sidewall(self, covers: list[Floats]) -> None:
        net_a, net_b = self.nets
        facing = np.flatnonzero(self.closed & self.is_wire[0] & self.is_wire[1] & (net_a != net_b))
        mean = (self.wideness[0] + self.wideness[1])[facing] / 2
        coupling = self.law.coupling_F_per_m(
            self.space[facing] * self.dbu_m, mean, covers[0][facing], covers[1][facing]
        )
        self.tally.couple(net_a[facing], net_b[facing], coupling * self.length_m[facing])

    def _crowding(self, side: int, covers: list[Floats]) -> Floats:
        factor = np.ones(len(self.space))
        if not self.law.needs_cover:
            return factor
        for closed in (True, False):
            where = np.flatnonzero(self.is_wire[side] & (self.closed == closed))
            factor[where] = self.law.crowding(
                self.space[where] if closed else None,
                self.wideness[side][where],
                covers[0][where],
                covers[1][where],
            )
        return factor

    def _fringe(self, side: int, seen: list[list[_Seen]], crowding: Floats) -> None:
        table = self.law.fringe_F_per_m
        kind = np.where(self.closed, CLOSED, OPEN)
        bare = self._mix(
            [
                np.where(self.closed, row[CLOSED, BARE, np.minimum(self.space, self.halo)], far)
                for row, far in zip(table.swapaxes(0, 1), self.law.open_F_per_m, strict=True)
            ],
            self.wideness[side],
        )
        left_over = bare * self.length_m
        for sight, chunks, is_below in zip(self.sights, seen, (True, False), strict=True):
            view = sight.view
            for chunk in chunks:
                use = np.flatnonzero(self.is_wire[side][chunk.gap])
                gap, piece = chunk.gap[use], chunk.seen[use]
                near, far = chunk.begin[use], chunk.end[use]
                if side == 1:
                    space = self.space[gap]
                    near, far = space - far, space - near
                length_m = chunk.length[use] * self.dbu_m
                wideness, k = self.wideness[side][gap], kind[gap]
                layer = view.layer[piece]
                share = self._between(k, layer, near, far, wideness) * length_m
                self.tally.couple(self.nets[side][gap], view.net[piece], share * crowding[gap])
                if is_below:
                    shaded = self._between(k, BARE, near, far, wideness) * length_m
                    left_over -= np.bincount(gap, shaded, minlength=len(left_over))
        wire = self.is_wire[side]
        self.tally.ground(self.nets[side][wire], (left_over * crowding)[wire])

    def _between(
        self, kind: Index, layer: Index | int, near: Index, far: Index, wideness: Floats
    ) -> Floats:
        """Fringe per length of edges to what covers the view between two distances."""
        table = self.law.fringe_F_per_m
        return self._mix(
            [
                table[kind, k, layer, far] - table[kind, k, layer, near]
                for k in range(table.shape[1])
            ],
            wideness,
        )

    @staticmethod
    def _mix(values: list[Floats], wideness: Floats) -> Floats:
        if len(values) == 1:
            return values[0]
        narrow, wide = values
        return narrow + wideness * (wide - narrow)
