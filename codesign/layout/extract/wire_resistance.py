"""Resistances of the wires of each net, by counting squares (klayout's network extractor)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import klayout.db as kdb
import numpy as np

from codesign.layout.extract.boxes import near_pairs
from codesign.layout.extract.connect import Connected
from codesign.layout.extract.node import Anchor, Nodes
from codesign.layout.extract.rectangles import Boxes, Index
from codesign.pdk.resistances import ResistanceTable

# The wheel's type hints of klayout.pex lack its classes.
pex: Any = importlib.import_module("klayout.pex")

CONDUCTORS = ("poly", "li1", "met1", "met2", "met3", "met4", "met5")
_LAYER = {name: number for number, name in enumerate(CONDUCTORS, start=1)}
_CUTS = (
    ("licon", "poly", "li1"),
    ("mcon", "li1", "met1"),
    ("via", "met1", "met2"),
    ("via2", "met2", "met3"),
    ("via3", "met3", "met4"),
    ("via4", "met4", "met5"),
)
_CUT_LAYER = {name: number for number, (name, _, _) in enumerate(_CUTS, start=20)}
# A wire longer than this gets nodes in between, so that its capacitance is spread along it.
_SECTION_SQUARES = 20


@dataclass(frozen=True)
class WireNodes:
    """Where the nodes of wires are: conductor's number, x, y in database units, node. (n,) each."""

    layer: Index
    x: np.ndarray
    y: np.ndarray
    node: Index


def extract_wires(connected: Connected, nodes: Nodes, table: ResistanceTable) -> WireNodes:
    """Add the nodes and resistors of all wires to `nodes`; says where the nodes are."""
    technology = _technology(table)
    extractor = pex.RNetExtractor(connected.dbu_um)
    planes = {name: _Sliced(*_conductor(connected, name)) for name in CONDUCTORS}
    cuts = {name: _Sliced(connected.boxes[name], connected.owners[name]) for name, _, _ in _CUTS}
    cuts["licon"] = _poly_contacts(connected)
    places: list[tuple[int, float, float, int]] = []
    on_wires = _anchors_on_wires(connected, nodes)
    for net in range(connected.n_nets):
        shapes = {name: boxes for name in CONDUCTORS if len(boxes := planes[name].of(net))}
        anchors = list(on_wires.get(net, ()))
        if not shapes or not anchors:
            continue
        anchors += _sections(shapes, nodes, net)
        geometry = {
            _LAYER[name]: _region(boxes, table.width_change_um[name] / connected.dbu_um)
            for name, boxes in shapes.items()
        }
        geometry |= {_CUT_LAYER[n]: _region(b.of(net)) for n, b in cuts.items() if len(b.of(net))}
        places += _run(extractor, technology, geometry, anchors, nodes, net, connected.dbu_um)
    table_of = np.array(places, dtype=float).reshape(-1, 4)
    return WireNodes(
        table_of[:, 0].astype(np.int64),
        table_of[:, 1],
        table_of[:, 2],
        table_of[:, 3].astype(np.int64),
    )


class _Sliced:
    """Rectangles by net."""

    def __init__(self, boxes: Boxes, owners: Index) -> None:
        order = np.argsort(owners, kind="stable")
        self._boxes, self._owners = boxes[order], owners[order]

    def of(self, net: int) -> Boxes:
        low, high = np.searchsorted(self._owners, (net, net + 1))
        return self._boxes[low:high]


def _conductor(connected: Connected, name: str) -> tuple[Boxes, Index]:
    if name != "poly":
        return connected.plane(name)
    planes = [connected.plane(part) for part in ("poly", "gate")]
    return np.concatenate([p[0] for p in planes]), np.concatenate([p[1] for p in planes])


def _poly_contacts(connected: Connected) -> _Sliced:
    boxes, owners = connected.boxes["licon"], connected.owners["licon"]
    on_poly, _ = near_pairs(boxes, connected.boxes["poly"])
    chosen = np.unique(on_poly)
    return _Sliced(boxes[chosen], owners[chosen])


def _technology(table: ResistanceTable) -> Any:
    technology = pex.RExtractorTech()
    technology.skip_simplify = True
    for name in CONDUCTORS:
        conductor = pex.RExtractorTechConductor()
        conductor.layer, conductor.resistance = _LAYER[name], table.sheet_ohm[name]
        technology.add_conductor(conductor)
    for cut, lower, upper in _CUTS:
        kind = "licon_poly" if cut == "licon" else cut
        via = pex.RExtractorTechVia()
        via.cut_layer = _CUT_LAYER[cut]
        via.bottom_conductor, via.top_conductor = _LAYER[lower], _LAYER[upper]
        via.resistance = table.cut_ohm[kind] * table.cut_um2[kind]
        technology.add_via(via)
    return technology


def _region(boxes: Boxes, wider: float = 0.0) -> Any:
    region = kdb.Region()
    for row in boxes.tolist():
        region.insert(kdb.Box(*row))
    region = region.merged()
    return region.sized(round(wider / 2)) if round(wider / 2) else region


def _anchors_on_wires(connected: Connected, nodes: Nodes) -> dict[int, list[Anchor]]:
    """The anchors by net whose middle lies on a wire of the net."""
    listed = [(net, anchor) for net, some in nodes.anchors.items() for anchor in some]
    is_on = np.zeros(len(listed), bool)
    for name in CONDUCTORS:
        mine = [k for k, (_, anchor) in enumerate(listed) if anchor.conductor == name]
        boxes, owners = _conductor(connected, name)
        at = np.array([listed[k][1].box for k in mine], float).reshape(-1, 4)
        at = (at[:, :2] + at[:, 2:]) / 2
        around = np.concatenate((np.floor(at), np.ceil(at)), axis=1).astype(np.int64)
        i, j = near_pairs(around, boxes)
        same = owners[j] == np.array([listed[k][0] for k in mine], np.int64)[i]
        inside = ((boxes[j, :2] <= at[i]) & (at[i] <= boxes[j, 2:])).all(axis=1)
        is_on[np.array(mine, np.int64)[i[same & inside]]] = True
    found: dict[int, list[Anchor]] = {}
    for (net, anchor), is_good in zip(listed, is_on.tolist(), strict=True):
        if is_good:
            found.setdefault(net, []).append(anchor)
    return found


def _sections(shapes: dict[str, Boxes], nodes: Nodes, net: int) -> Iterator[Anchor]:
    for name, boxes in shapes.items():
        size = boxes[:, 2:] - boxes[:, :2]
        for row in np.flatnonzero(size.max(axis=1) > 2 * _SECTION_SQUARES * size.min(axis=1)):
            along = int(size[row, 1] > size[row, 0])
            count = int(size[row, along] // (_SECTION_SQUARES * size[row, 1 - along]))
            for step in range(1, count):
                at = boxes[row, :2] + size[row] // 2
                at[along] = boxes[row, along] + size[row, along] * step // count
                x, y = at.tolist()
                yield Anchor(name, (x, y, x, y), nodes.add(net))


def _run(
    extractor: Any,
    technology: Any,
    geometry: dict[int, Any],
    anchors: list[Anchor],
    nodes: Nodes,
    net: int,
    dbu_um: float,
) -> Iterator[tuple[int, float, float, int]]:
    points: dict[int, list[Any]] = {}
    polygons: dict[int, list[Any]] = {}
    lookup: dict[tuple[int, bool, int], Anchor] = {}
    for anchor in anchors:
        layer, box = _LAYER[anchor.conductor], kdb.Box(*anchor.box)
        is_point = box.is_point()
        ports = (points if is_point else polygons).setdefault(layer, [])
        lookup[layer, is_point, len(ports)] = anchor
        ports.append(box.p1 if is_point else kdb.Polygon(box))
    network = extractor.extract(technology, geometry, points, polygons)
    by_id: dict[int, int] = {}
    for found in network.each_node():
        centre = found.location().center()
        if found.type() == pex.RNodeType.Internal:
            node = nodes.add(net)
        else:
            is_point = found.type() == pex.RNodeType.VertexPort
            anchor = lookup[found.layer(), is_point, found.port_index()]
            node = anchor.node
            if anchor.ohm:
                node = nodes.add(net)
                nodes.resistors.append((node, anchor.node, anchor.ohm))
        by_id[found.object_id()] = node
        yield found.layer(), centre.x / dbu_um, centre.y / dbu_um, node
    for element in network.each_element():
        a, b = by_id[element.a().object_id()], by_id[element.b().object_id()]
        nodes.resistors.append((a, b, element.resistance()))
