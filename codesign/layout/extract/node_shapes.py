"""The layout's rectangles by node instead of net: where the capacitance of each piece goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import KDTree

from codesign.layout.extract.capacitance import NetShapes
from codesign.layout.extract.connect import PLANES, Connected
from codesign.layout.extract.node import Nodes
from codesign.layout.extract.part import Part, without_held
from codesign.layout.extract.rectangles import Boxes, Index, split
from codesign.layout.extract.wire_resistance import CONDUCTORS, WireNodes

# Wires are cut into pieces of this size; the capacitance of each goes to the nearest node.
_PIECE_UM = 1.0


def node_shapes(
    connected: Connected,
    parts: tuple[Part, ...],
    nodes: Nodes,
    wires: WireNodes,
    root: Sequence[int],
) -> NetShapes:
    """The layout's rectangles with nodes as their nets, wires cut into pieces."""
    size = max(1, round(_PIECE_UM / connected.dbu_um))
    stands_for = np.array(root)
    boxes, owner = {}, {}
    for plane in PLANES:
        found, nets = connected.plane(plane)
        if plane in nodes.parts:
            boxes[plane], owner[plane] = found, stands_for[nodes.parts[plane]]
            continue
        found, nets = without_held(parts, found, nets)
        pieces, source = split(found, size)
        layer = CONDUCTORS.index(plane) + 1
        boxes[plane] = pieces
        owner[plane] = stands_for[_nearest(pieces, nets[source], layer, nodes, wires)]
    return NetShapes(connected.dbu_um, boxes, owner, len(root))


def _nearest(boxes: Boxes, nets: Index, layer: int, nodes: Nodes, wires: WireNodes) -> Index:
    """The node nearest to each rectangle: on its net and layer, else on its net."""
    any_of = np.zeros(len(nodes.net) + 1, np.int64)
    any_of[nodes.net[::-1]] = np.arange(len(nodes.net))[::-1]
    result = any_of[nets]
    if not len(boxes):
        return result
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    node_net = np.array(nodes.net)[wires.node]
    # Nets are planes of a third dimension, farther apart than any two points of the layout.
    apart = 4 * (np.ptp(np.concatenate((x, wires.x))) + np.ptp(np.concatenate((y, wires.y))) + 1)
    done = np.zeros(len(boxes), bool)
    for chosen in (wires.layer == layer, np.ones(len(wires.layer), bool)):
        if not chosen.any() or done.all():
            continue
        at = np.stack((wires.x, wires.y, node_net * apart), axis=1)[chosen]
        far, index = KDTree(at).query(np.stack((x, y, nets * apart), axis=1))
        hit = ~done & (far < apart)
        result[hit] = wires.node[chosen][index[hit]]
        done |= hit
    return result
