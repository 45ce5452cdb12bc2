"""Which net each label is on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codesign.errors import InputError
from codesign.layout.extract.boxes import near_pairs
from codesign.layout.extract.connect import Connected
from codesign.layout.extract.labels import CONDUCTORS, SUBSTRATE, Label, at
from codesign.layout.extract.reader import Drawing


def nets_at(
    drawing: Drawing, connected: Connected, found: Sequence[Label]
) -> list[int | None]:
    """The net under each label: the one whose shape it lies inside, else the one it touches; None
    where it is on no conductor of its layer. Raises InputError for a label where nets meet."""
    inside: list[set[int]] = [set() for _ in found]
    touching: list[set[int]] = [set() for _ in found]
    for plane in ("gate", *CONDUCTORS):
        conductor = "poly" if plane == "gate" else plane
        mine = [k for k, label in enumerate(found) if label.conductor == conductor]
        points = np.array([(found[k].x, found[k].y) * 2 for k in mine], np.int64).reshape(-1, 4)
        boxes, owners = connected.plane(plane)
        i, j = near_pairs(points, boxes)
        within = (boxes[j, :2] < points[i, :2]) & (points[i, :2] < boxes[j, 2:])
        hits = np.stack((i, owners[j], within.all(axis=1)), axis=1)
        for k, net, is_inside in hits.tolist():
            (inside if is_inside else touching)[mine[k]].add(net)
    result: list[int | None] = []
    for k, label in enumerate(found):
        nets = inside[k] or touching[k]
        if label.conductor == SUBSTRATE:
            nets = {connected.below(label.x, label.y)}
        if len(nets) > 1:
            raise InputError(
                f"{drawing.source}: {at(label, drawing)} lies where {len(nets)} nets meet",
                remedy="move it inside the shape it names",
            )
        result.append(min(nets) if nets else None)
    return result
