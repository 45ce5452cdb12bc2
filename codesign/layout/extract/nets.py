"""Nets of conducting layers: rectangles that touch, by layer and between layers, in arrays.

Two rectangles conduct where they have area or a stretch of edge in common; a corner alone does not
join them (magic has it so, and on silicon it is luck).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from codesign.layout.extract.boxes import boxes_of_region
from codesign.layout.extract.rectangles import Boxes, BoxIndex, Index


@dataclass(frozen=True)
class Nets:
    """Disjoint rectangles (n, 4) of every layer and the net of each, 0 .. count - 1; the net of the
    substrate; how many trapezoids had slanted sides."""

    boxes: dict[str, Boxes]
    owners: dict[str, Index]
    count: int
    substrate: int
    slanted: int


def find_nets(
    layers: Mapping[str, Any], joints: Iterable[tuple[str, str]], grounded: str, dbu_um: float
) -> Nets:
    """Nets of klayout Regions by name. joints: pairs of layers that conduct where they touch;
    grounded: the layer that is on the substrate's net wherever it is."""
    boxes, slanted = {}, 0
    for name, region in layers.items():
        boxes[name], count = boxes_of_region(region, dbu_um)
        slanted += count
    # Rectangles of all layers in one row, the substrate at its end.
    ends = np.cumsum([len(part) for part in boxes.values()])
    start = dict(zip(boxes, (ends - [len(part) for part in boxes.values()]).tolist(), strict=True))
    total = int(ends[-1]) if len(ends) else 0
    indices = {name: BoxIndex(part) for name, part in boxes.items()}
    links: list[tuple[Index, Index]] = []
    for lower, upper in (*((name, name) for name in boxes), *joints):
        if len(boxes[lower]) > len(boxes[upper]):
            lower, upper = upper, lower
        for i, j in touching(boxes[lower], indices[upper]):
            links.append((_small(i + start[lower]), _small(j + start[upper])))
    mine = np.arange(len(boxes[grounded])) + start[grounded]
    links.append((_small(mine), np.full(len(mine), total, np.int32)))
    i, j = (np.concatenate(part) for part in zip(*links, strict=True))
    graph = coo_array((np.ones(len(i), np.int8), (i, j)), (total + 1, total + 1))
    count, net = connected_components(graph, directed=False)
    owners = {name: net[at : at + len(boxes[name])].astype(np.int64) for name, at in start.items()}
    return Nets(boxes, owners, int(count), int(net[total]), slanted)


def touching(boxes: Boxes, others: BoxIndex) -> Iterator[tuple[Index, Index]]:
    """Chunks of (index into boxes, index into others) of all pairs with common area or edge."""
    for i, j in others.pairs(boxes + np.array([-1, -1, 1, 1])):
        a, b = boxes[i], others.boxes[j]
        wide = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
        high = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
        keep = np.flatnonzero((wide >= 0) & (high >= 0) & (wide + high > 0))
        yield i[keep], j[keep]


def groups_of(boxes: Boxes) -> Index:
    """Number of the connected shape that each rectangle of one layer belongs to, (n,)."""
    links = list(touching(boxes, BoxIndex(boxes)))
    if not links:
        return np.arange(len(boxes))
    i, j = (np.concatenate(part) for part in zip(*links, strict=True))
    graph = coo_array((np.ones(len(i), np.int8), (i, j)), (len(boxes), len(boxes)))
    return np.asarray(connected_components(graph, directed=False)[1]).astype(np.int64)


def _small(index: Index) -> Index:
    return index.astype(np.int32)
