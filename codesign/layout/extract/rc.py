"""Mode rc: devices on the nodes of resistive nets, capacitances spread over these nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from codesign.layout.circuit import Parasitic
from codesign.layout.extract.capacitance import NetCapacitances, capacitances
from codesign.layout.extract.connect import Connected, Transistor
from codesign.layout.extract.gather import gathered
from codesign.layout.extract.law import Floats
from codesign.layout.extract.mim import MIMCapacitor
from codesign.layout.extract.names import Names
from codesign.layout.extract.node import Nodes
from codesign.layout.extract.node_shapes import node_shapes
from codesign.layout.extract.nodes import place_nodes
from codesign.layout.extract.part import Part
from codesign.layout.extract.rectangles import Index
from codesign.layout.extract.reduce import RCGraph, RCLimits, reduce_network
from codesign.layout.extract.settle import settle
from codesign.layout.extract.wire_resistance import extract_wires
from codesign.pdk.parasitics import ParasiticTable
from codesign.pdk.resistances import ResistanceTable


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
    transistors and MIM capacitors. Nodes carry the name of their net: its label's own node exactly,
    the others with `__1`, `__2`, ... behind it."""
    limits = limits or RCLimits()
    nodes = place_nodes(connected, (mims, parts), names, resistance)
    wires = extract_wires(connected, nodes, resistance)
    for net in sorted(set(range(connected.n_nets)) - set(nodes.net)):
        nodes.add(net)
    root, lumped = _join(nodes)
    found = capacitances(node_shapes(connected, parts, nodes, wires, root), capacitance)
    pair, pair_F = _links(nodes, found, root[nodes.substrate])
    graph = _graph(nodes, pair, pair_F, root)
    full = len(graph.conductance), sum(1 for _ in graph.resistors())
    ports = [root[node] for _, node in sorted(nodes.ports.items())]
    ends = [root[node] for node in nodes.terminals()]
    reduction = reduce_network(
        graph, {*ports, *ends}, ports, fast_s=limits.fast_s, small_ohm=limits.small_ohm
    )
    final = [reduction.merged.get(node, node) for node in root]
    node_names = _names(nodes, names, final)
    loose = {final[node] for node, net in enumerate(nodes.net) if net in floating}
    weights = reduction.weights(len(final))
    settled = settle(
        gathered(pair, pair_F, weights, np.array(nodes.net), limits.min_capacitance_F),
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


def _links(nodes: Nodes, found: NetCapacitances, substrate: int) -> tuple[Index, Floats]:
    """Pairs of nodes of different nets that couple, the substrate included; capacitances."""
    node = np.arange(len(found.ground_F))
    to_ground = np.stack((node, np.full(len(node), substrate)), axis=1)
    pair = np.concatenate((to_ground, found.pair))
    value_F = np.concatenate((found.ground_F, found.pair_F))
    net = np.array(nodes.net)[pair]
    use = (net[:, 0] != net[:, 1]) & (value_F > 0)
    return pair[use], value_F[use]


def _graph(nodes: Nodes, pair: Index, pair_F: Floats, root: Sequence[int]) -> RCGraph:
    total_F = np.zeros(len(nodes.net))
    for end in (0, 1):
        np.add.at(total_F, pair[:, end], pair_F)
    graph = RCGraph(total_F.tolist())
    for a, b, ohm in nodes.resistors:
        if root[a] != root[b]:
            graph.resistor(root[a], root[b], ohm)
    return graph


def _join(nodes: Nodes) -> tuple[list[int], list[int]]:
    """The node that each stands for after joining those without resistance between them, and the
    nets whose wires the extractor left in pieces: these become one node."""
    count = len(nodes.net)
    zero = np.array([(a, b) for a, b, ohm in nodes.resistors if ohm <= 0], np.int64).reshape(-1, 2)
    every = np.array([(a, b) for a, b, _ in nodes.resistors], np.int64).reshape(-1, 2)
    net = np.array(nodes.net)
    # A port's label may join two nets.
    pieces = _components(every[net[every[:, 0]] == net[every[:, 1]]], count)
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


def _names(nodes: Nodes, names: Names, final: Sequence[int]) -> tuple[str, ...]:
    result: dict[int, str] = {}
    taken = set(names.names)
    counts: dict[str, int] = {}
    ports = (node for _, node in sorted(nodes.ports.items()))
    for node in (*ports, *nodes.terminals(), *range(len(final))):
        stands = final[node]
        if stands in result:
            continue
        base = names.names[nodes.net[node]]
        number = counts.get(base, 0)
        counts[base] = number + 1
        name = base if number == 0 else f"{base}__{number}"
        while number and name in taken:
            name += "_"
        result[stands] = name
        taken.add(name)
    return tuple(result[stands] for stands in final)


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
