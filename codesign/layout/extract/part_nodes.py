"""Nodes of the devices besides transistors and MIM capacitors."""

from __future__ import annotations

import numpy as np

from codesign.layout.extract.connect import PLANES, Connected
from codesign.layout.extract.node import Anchor, Nodes, nearest
from codesign.layout.extract.part import End, Part
from codesign.layout.extract.rectangles import Index


def place_parts(
    connected: Connected, parts: tuple[Part, ...], groups: dict[str, Index], nodes: Nodes
) -> None:
    """The nodes of each other device: wires get an anchor where it meets them."""
    for part in parts:
        nodes.others.append(tuple(_end(connected, end, groups, nodes) for end in part.ends))


def _end(connected: Connected, end: End, groups: dict[str, Index], nodes: Nodes) -> int:
    if end.layer == "substrate":
        return nodes.substrate
    boxes = connected.boxes[end.layer]
    mine = np.flatnonzero(connected.owners[end.layer] == end.net)
    closest = int(mine[nearest(boxes[mine], end.x, end.y)])
    if end.layer in groups:
        return int(groups[end.layer][closest])
    if end.layer in nodes.parts:
        return int(nodes.parts[end.layer][closest])
    if end.layer in PLANES["gate"]:
        # The plane of gates has the parts of each kind one after the other.
        kinds = PLANES["gate"]
        before = sum(len(connected.boxes[kind]) for kind in kinds[: kinds.index(end.layer)])
        return int(nodes.parts["gate"][before + closest])
    node = nodes.add(end.net)
    nodes.anchor(end.net, Anchor(end.layer, (end.x, end.y, end.x, end.y), node))
    return node
