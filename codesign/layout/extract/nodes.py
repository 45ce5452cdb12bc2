"""Nodes of a layout with resistances: what is one node by itself, and where wires meet it.

One node each: the substrate, every well, every piece of diffusion between gates (its resistance is
in the transistor model), every gate (at its centre), every MIM plate. Wires meet them at anchors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from codesign.layout.extract.boxes import boxes_at, near_pairs
from codesign.layout.extract.connect import DEEP, Connected
from codesign.layout.extract.mim import MIMCapacitor
from codesign.layout.extract.names import Label, Names
from codesign.layout.extract.node import Anchor, Nodes, nearest
from codesign.layout.extract.part import Part
from codesign.layout.extract.part_nodes import place_parts
from codesign.layout.extract.rectangles import Boxes, Index, areas
from codesign.pdk.resistances import ResistanceTable

# MIM plate, the cut on it, the conductor that the cut leads to.
_PLATES = (("capm", "via3_capm", "met4", "via3"), ("cap2m", "via4_cap2m", "met5", "via4"))
_DIFFUSIONS = ("nsd", "psd", "ntap", "ptap", "iptap")


def place_nodes(
    connected: Connected,
    devices: tuple[tuple[MIMCapacitor, ...], tuple[Part, ...]],
    names: Names,
    table: ResistanceTable,
) -> Nodes:
    """All nodes but those of the wires, with their anchors; `devices` are MIM capacitors and the
    others besides transistors."""
    nodes = Nodes()
    capacitors, parts = devices
    nodes.substrate = nodes.add(connected.substrate)
    for plane in ("nwell", "gate", "capm", "cap2m"):
        boxes, owners = connected.plane(plane)
        nodes.parts[plane] = _groups(boxes, owners, nodes)
    _deep_wells(connected, nodes)
    diffusion = {name: (connected.boxes[name], connected.owners[name]) for name in _DIFFUSIONS}
    groups = {name: _groups(*diffusion[name], nodes) for name in ("nsd", "psd")}
    groups["ntap"] = _touching_node(diffusion["ntap"], "nwell", connected, nodes)
    groups["iptap"] = _touching_node(diffusion["iptap"], "pwell", connected, nodes)
    groups["ptap"] = np.full(len(diffusion["ptap"][0]), nodes.substrate)
    nodes.parts["diff"] = np.concatenate([groups[name] for name in _DIFFUSIONS])
    _contacts(connected, groups, nodes, table)
    _plates(connected, nodes, table)
    _gates(connected, nodes)
    _transistors(connected, groups, nodes)
    _capacitors(connected, capacitors, nodes)
    place_parts(connected, parts, groups, nodes)
    _labels(connected, names, nodes, table)
    return nodes


def _deep_wells(connected: Connected, nodes: Nodes) -> None:
    """Isolated p-wells and deep n-wells, the latter joined with the n-wells on them."""
    for layer in DEEP:
        nodes.parts[layer] = _groups(connected.boxes[layer], connected.owners[layer], nodes)
    i, j = near_pairs(connected.boxes["dnwell"], connected.boxes["nwell"])
    pairs = zip(nodes.parts["dnwell"][i].tolist(), nodes.parts["nwell"][j].tolist(), strict=True)
    nodes.resistors += [(deep, well, 0.0) for deep, well in sorted(set(pairs))]


def _groups(boxes: Boxes, owners: Index, nodes: Nodes) -> Index:
    """A new node for every set of touching rectangles of one net; the node of each rectangle."""
    i, j = near_pairs(boxes, boxes)
    same = owners[i] == owners[j]
    links = coo_array((np.ones(same.sum()), (i[same], j[same])), (len(boxes), len(boxes)))
    count, group = connected_components(links, directed=False)
    first = len(nodes.net)
    representative = np.zeros(count, np.int64)
    representative[group] = np.arange(len(boxes))
    nodes.net += owners[representative].tolist()
    return group + first


def _touching_node(
    taps: tuple[Boxes, Index], layer: str, connected: Connected, nodes: Nodes
) -> Index:
    """The node of the well under each tap."""
    boxes, owners = taps
    wells, well_owners = connected.boxes[layer], connected.owners[layer]
    i, j = near_pairs(boxes, wells)
    same = owners[i] == well_owners[j]
    found = np.full(len(boxes), nodes.substrate)
    found[i[same]] = nodes.parts[layer][j[same]]
    return found


def _contacts(
    connected: Connected, groups: dict[str, Index], nodes: Nodes, table: ResistanceTable
) -> None:
    """Anchors on li1 for every contact to diffusion or tap."""
    cuts = connected.boxes["licon"]
    size = areas(cuts) * connected.dbu_um**2
    for name in _DIFFUSIONS:
        kind = "licon_n" if name in ("nsd", "ntap") else "licon_p"
        i, j = near_pairs(cuts, connected.boxes[name])
        same = connected.owners["licon"][i] == connected.owners[name][j]
        _, first = np.unique(i[same], return_index=True)
        for cut, part in zip(i[same][first].tolist(), j[same][first].tolist(), strict=True):
            ohm = table.cut_ohm[kind] * table.cut_um2[kind] / size[cut]
            anchor = Anchor("li1", _box(cuts[cut]), int(groups[name][part]), float(ohm))
            nodes.anchor(int(connected.owners["licon"][cut]), anchor)


def _plates(connected: Connected, nodes: Nodes, table: ResistanceTable) -> None:
    for plate, cut, conductor, kind in _PLATES:
        boxes, owners = connected.boxes[cut], connected.owners[cut]
        i, j = near_pairs(boxes, connected.boxes[plate])
        for via, part in zip(i.tolist(), j.tolist(), strict=True):
            size = areas(boxes[via : via + 1])[0] * connected.dbu_um**2
            ohm = table.cut_ohm[kind] * table.cut_um2[kind] / size
            node = int(nodes.parts[plate][part])
            nodes.anchor(int(owners[via]), Anchor(conductor, _box(boxes[via]), node, float(ohm)))


def _gates(connected: Connected, nodes: Nodes) -> None:
    """An anchor at the centre of every gate's largest rectangle."""
    boxes, owners = connected.plane("gate")
    order = np.argsort(areas(boxes), kind="stable")
    largest = dict(zip(nodes.parts["gate"][order].tolist(), order.tolist(), strict=True))
    for node, part in sorted(largest.items()):
        x, y = ((boxes[part, :2] + boxes[part, 2:]) // 2).tolist()
        nodes.anchor(int(owners[part]), Anchor("poly", (x, y, x, y), node))


def _transistors(connected: Connected, groups: dict[str, Index], nodes: Nodes) -> None:
    gates, gate_owners = connected.plane("gate")
    wells = {"n": "pwell", "p": "nwell"}
    substrate = (connected.substrate, nodes.substrate)
    sides: dict[int, list[tuple[int, int]]] = {}
    for kind in ("n", "p"):
        name = f"{kind}sd"
        i, j = near_pairs(gates, connected.boxes[name])
        for gate, part in zip(i.tolist(), j.tolist(), strict=True):
            side = (int(connected.owners[name][part]), int(groups[name][part]))
            sides.setdefault(int(nodes.parts["gate"][gate]), []).append(side)
    fets = connected.transistors
    at = np.array([(t.x_um, t.y_um) for t in fets]).reshape(-1, 2) / connected.dbu_um
    own = boxes_at(at, gates, gate_owners, np.array([t.nets[1] for t in fets], np.int64))
    of_gate = nodes.parts["gate"][own].tolist()
    bulks = {
        kind: nodes.parts[well][boxes_at(at, connected.boxes[well])].tolist()
        for kind, well in wells.items()
        if len(connected.boxes[well])
    }
    for number, t in enumerate(fets):
        gate = of_gate[number]
        found = {net: [n for owner, n in sides[gate] if owner == net] for net in t.nets[::2]}
        bulk = substrate[1] if t.nets[3] == substrate[0] else bulks[t.kind][number]
        # A source on the drain's net is another piece of diffusion where there is one.
        nodes.transistors.append((max(found[t.nets[0]]), gate, min(found[t.nets[2]]), bulk))


def _capacitors(
    connected: Connected, capacitors: tuple[MIMCapacitor, ...], nodes: Nodes
) -> None:
    for c in capacitors:
        x, y = round(c.x_um / connected.dbu_um), round(c.y_um / connected.dbu_um)
        plate, bottom = ("capm", "met3") if c.model.endswith("m3_1") else ("cap2m", "met4")
        boxes, _ = connected.plane(plate)
        top = int(nodes.parts[plate][nearest(boxes, x, y)])
        below = nodes.add(c.nets[1])
        nodes.anchor(c.nets[1], Anchor(bottom, (x, y, x, y), below))
        nodes.capacitors.append((top, below))


def _labels(connected: Connected, names: Names, nodes: Nodes, table: ResistanceTable) -> None:
    wires: dict[str, list[int]] = {}
    for net in sorted(names.ports):
        label = names.anchors[net]
        if net == connected.substrate and label.conductor == "substrate":
            nodes.ports[net] = nodes.substrate
        elif label.conductor in ("nwell", "substrate"):
            well = "nwell" if label.conductor == "nwell" else "pwell"
            index = nearest(connected.boxes[well], label.x, label.y)
            nodes.ports[net] = int(nodes.parts[well][index])
        else:
            nodes.ports[net] = nodes.add(net)
            wires.setdefault(label.conductor, []).append(net)
    for conductor, nets in wires.items():
        # A wire narrower than drawn in this corner must still reach its label.
        change = table.width_change_um[conductor] / connected.dbu_um
        inset = max(0, math.ceil(-change / 2))
        places = _inside(connected, conductor, [names.anchors[net] for net in nets], inset)
        for net, (x, y) in zip(nets, places.tolist(), strict=True):
            nodes.anchor(net, Anchor(conductor, (x, y, x, y), nodes.ports[net]))
    nodes.ports.setdefault(connected.substrate, nodes.substrate)
    for net, first in names.same.items():
        nodes.resistors.append((nodes.ports[first], nodes.ports[net], 0.0))


def _inside(
    connected: Connected, conductor: str, labels: Sequence[Label], inset: int
) -> np.ndarray:
    """Places (n, 2) of labels, at least `inset` inside the rectangles that they lie on."""
    planes = ("poly", "gate") if conductor == "poly" else (conductor,)
    boxes = np.concatenate([connected.plane(plane)[0] for plane in planes])
    at = np.array([(label.x, label.y) for label in labels], np.int64)
    box = boxes[boxes_at(at, boxes)]
    low, high = box[:, :2] + inset, box[:, 2:] - inset
    middle = (box[:, :2] + box[:, 2:]) // 2
    return np.clip(at, np.minimum(low, middle), np.maximum(high, middle))


def _box(row: Index) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = row.tolist()
    return x0, y0, x1, y1
