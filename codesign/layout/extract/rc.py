"""Mode rc: devices on the nodes of resistive nets, capacitances spread over these nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from codesign.layout.circuit import Parasitic
from codesign.layout.extract.capacitance import NetCapacitances, NetShapes, capacitances
from codesign.layout.extract.connect import PLANES, Connected, Transistor
from codesign.layout.extract.mim import MIMCapacitor
from codesign.layout.extract.names import Names
from codesign.layout.extract.nodes import Nodes, place_nodes
from codesign.layout.extract.part import Part
from codesign.layout.extract.rectangles import Boxes, Index, split
from codesign.layout.extract.reduce import RCGraph, RCLimits, reduce_network
from codesign.layout.extract.settle import settle
from codesign.layout.extract.wire_resistance import CONDUCTORS, WireNodes, extract_wires
from codesign.pdk.parasitics import ParasiticTable
from codesign.pdk.resistances import ResistanceTable

# Wires are cut into pieces of this size; the capacitance of each goes to the nearest node.
_PIECE_UM = 1.0


@dataclass(frozen=True)
class RCCircuit:
    """Devices with nodes in place of nets (indices into `names`), parasitics by name."""

    names: tuple[str, ...]
    transistors: tuple[Transistor, ...]
    mims: tuple[MIMCapacitor, ...]
    parts: tuple[Part, ...]
    capacitors: tuple[Parasitic, ...]
    resistors: tuple[Parasitic, ...]
    notes: tuple[str, ...]


def extract_rc(
    connected: Connected,
    mims: tuple[MIMCapacitor, ...],
    names: Names,
    floating: Collection[int],
    resistance: ResistanceTable,
    capacitance: ParasiticTable,
    limits: RCLimits | None = None,
    parts: tuple[Part, ...] = (),
) -> RCCircuit:
    """Resistances and capacitances of all nets, reduced; `parts` are the devices besides
    transistors and MIM capacitors. Nodes carry the name of their net: its
    label's own node exactly, the others with `__1`, `__2`, ... behind it."""
    limits = limits or RCLimits()
    nodes = place_nodes(connected, (mims, parts), names, resistance)
    wires = extract_wires(connected, nodes, resistance)
    for net in sorted(set(range(connected.n_nets)) - set(nodes.net)):
        nodes.add(net)
    root, lumped = _join(nodes)
    found = capacitances(_node_shapes(connected, nodes, wires, root), capacitance)
    graph = _graph(nodes, found, root)
    full = len(graph.conductance), sum(1 for _ in graph.resistors())
    ports = [root[node] for _, node in sorted(nodes.ports.items())]
    placed = (*nodes.transistors, *nodes.capacitors, *nodes.others)
    ends = [root[n] for device in placed for n in device]
    reduction = reduce_network(
        graph, {*ports, *ends}, ports, fast_s=limits.fast_s, small_ohm=limits.small_ohm
    )
    final = [reduction.merged.get(node, node) for node in root]
    node_names = _names(nodes, names, final, graph)
    loose = {final[node] for node, net in enumerate(nodes.net) if net in set(floating)}
    _gather(graph, limits.min_capacitance_F)
    settled = settle(
        _as_arrays(graph, len(final)),
        node_names,
        final[nodes.substrate],
        loose,
        limits.min_capacitance_F,
    )
    resistors = tuple(Parasitic(node_names[a], node_names[b], r) for a, b, r in graph.resistors())
    return RCCircuit(
        node_names,
        tuple(
            replace(t, nets=(final[d], final[g], final[s], final[b]))
            for t, (d, g, s, b) in zip(connected.transistors, nodes.transistors, strict=True)
        ),
        tuple(
            replace(c, nets=(final[top], final[bottom]))
            for c, (top, bottom) in zip(mims, nodes.capacitors, strict=True)
        ),
        tuple(
            part.on(tuple(final[node] for node in its))
            for part, its in zip(parts, nodes.others, strict=True)
        ),
        settled.capacitors,
        resistors,
        (
            *_notes(full, graph, limits, lumped, names),
            *settled.notes(limits.min_capacitance_F),
        ),
    )


def _graph(nodes: Nodes, found: NetCapacitances, root: Sequence[int]) -> RCGraph:
    graph = RCGraph(nodes.net)
    for a, b, ohm in nodes.resistors:
        if root[a] != root[b]:
            graph.resistor(root[a], root[b], ohm)
    substrate = root[nodes.substrate]
    for node, farad in enumerate(found.ground_F.tolist()):
        graph.capacitor(node, substrate, farad)
    for (a, b), farad in zip(found.pair.tolist(), found.pair_F.tolist(), strict=True):
        graph.capacitor(a, b, farad)
    return graph


def _join(nodes: Nodes) -> tuple[list[int], list[int]]:
    """The node that each stands for after joining those without resistance between them, and the
    nets whose wires the extractor left in pieces: these become one node."""
    count = len(nodes.net)
    zero = np.array([(a, b) for a, b, ohm in nodes.resistors if ohm <= 0], np.int64).reshape(-1, 2)
    every = np.array([(a, b) for a, b, _ in nodes.resistors], np.int64).reshape(-1, 2)
    net = np.array(nodes.net)
    pieces = _components(every, count)
    _, first = np.unique(pieces, return_index=True)
    parts = np.bincount(net[first], minlength=net.max() + 1)
    lumped = np.flatnonzero(parts > 1)
    one_of = {int(n): int(np.flatnonzero(net == n)[0]) for n in lumped}
    extra = [(one_of[n], node) for node, n in enumerate(nodes.net) if n in one_of]
    links = np.concatenate((zero, np.array(extra, np.int64).reshape(-1, 2)))
    group = _components(links, count)
    lowest = np.full(group.max() + 1, count)
    np.minimum.at(lowest, group, np.arange(count))
    return lowest[group].tolist(), lumped.tolist()


def _components(links: Index, count: int) -> Index:
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), (count, count))
    return np.asarray(connected_components(graph, directed=False)[1])


def _node_shapes(
    connected: Connected, nodes: Nodes, wires: WireNodes, root: Sequence[int]
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


def _names(
    nodes: Nodes, names: Names, final: Sequence[int], graph: RCGraph
) -> tuple[str, ...]:
    result: dict[int, str] = {}
    taken = set(names.names)
    counts: dict[int, int] = {}
    devices = [n for device in (*nodes.transistors, *nodes.capacitors) for n in device]
    for node in (*(n for _, n in sorted(nodes.ports.items())), *devices, *range(len(final))):
        stands = final[node]
        if stands in result:
            continue
        net = nodes.net[node]
        number = counts.get(net, 0)
        counts[net] = number + 1
        name = names.names[net] if number == 0 else f"{names.names[net]}__{number}"
        while number and name in taken:
            name += "_"
        result[stands] = name
        taken.add(name)
    return tuple(result[stands] for stands in final)


def _gather(graph: RCGraph, threshold_F: float) -> None:
    """Move couplings below the threshold to the strongest one between the same two nets: spread
    over many nodes, a coupling of two nets would otherwise fall below it piece by piece."""
    strongest: dict[tuple[int, int], tuple[float, int, int]] = {}
    small = []
    for a, around in graph.capacitance.items():
        for b, farad in around.items():
            if a > b:
                continue
            one, other = (a, b) if graph.net[a] < graph.net[b] else (b, a)
            nets = (graph.net[one], graph.net[other])
            strongest[nets] = max(strongest.get(nets, (0.0, 0, 0)), (farad, one, other))
            if farad < threshold_F:
                small.append((nets, a, b, farad))
    for nets, a, b, farad in small:
        _, one, other = strongest[nets]
        if {a, b} != {one, other}:
            del graph.capacitance[a][b], graph.capacitance[b][a]
            graph.capacitor(one, other, farad)


def _as_arrays(graph: RCGraph, count: int) -> NetCapacitances:
    rows = [
        (a, b, farad)
        for a, around in sorted(graph.capacitance.items())
        for b, farad in sorted(around.items())
        if a < b
    ]
    pair = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    return NetCapacitances(np.zeros(count), pair, np.array([row[2] for row in rows]))


def _notes(
    full: tuple[int, int],
    graph: RCGraph,
    limits: RCLimits,
    lumped: Sequence[int],
    names: Names,
) -> Iterator[str]:
    nodes, resistors = full
    yield (
        f"resistances: {resistors} between {nodes} nodes; nodes with a time constant below "
        f"{limits.fast_s * 1e12:g} ps were eliminated (resistances and first moments kept), nodes "
        f"closer than {limits.small_ohm:g} ohm merged: {sum(1 for _ in graph.resistors())} "
        f"resistors between {sum(bool(v) for v in graph.conductance.values())} nodes are left"
    )
    if lumped:
        shown = ", ".join(names.names[net] for net in lumped[:10])
        yield f"{len(lumped)} nets came out in pieces and have no resistance here: {shown}"
