"""Reduction of RC networks: nodes that react faster than anything of interest are eliminated.

A node with resistors g_i to its neighbours (G in total) and capacitance C follows them with the
time constant C / G. Eliminating it puts g_i g_j / G between each two neighbours and hands each of
its capacitances on in shares g_i / G (B. N. Sheehan, "TICER: Realizable Reduction of Extracted RC
Circuits", ICCAD 1999). Resistances between the nodes that stay are kept exactly, and so is the
first moment (the Elmore delay); what is dropped is of second order in frequency times C / G.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from codesign.layout.extract.settle import MIN_CAPACITANCE_F

# Gates take ten picoseconds and more, spike times are compared to tenths of nanoseconds.
FAST_S = 0.5e-12
# Currents are below a milliampere: a volt drop of a millivolt at most.
SMALL_OHM = 1.0
# More neighbours than this and the elimination would add resistors.
_MAX_NEIGHBOURS = 3

Links = dict[int, dict[int, float]]


@dataclass(frozen=True)
class RCLimits:
    """What may be reduced: nodes faster than `fast_s`, resistances below `small_ohm`, couplings
    below `min_capacitance_F`. Zero, zero, zero keeps everything."""

    fast_s: float = FAST_S
    small_ohm: float = SMALL_OHM
    min_capacitance_F: float = MIN_CAPACITANCE_F


@dataclass
class RCGraph:
    """Conductances (S) and capacitances (F) between nodes, both ways; `net` of each node."""

    net: Sequence[int]
    conductance: Links = field(default_factory=dict)
    capacitance: Links = field(default_factory=dict)

    def resistor(self, a: int, b: int, ohm: float) -> None:
        """Add a resistor of more than zero ohm."""
        _add(self.conductance, a, b, 1 / ohm)

    def capacitor(self, a: int, b: int, farad: float) -> None:
        """Add a capacitor; between nodes of one net it is left out."""
        if self.net[a] != self.net[b]:
            _add(self.capacitance, a, b, farad)

    def total_F(self, node: int) -> float:
        """All capacitance of a node."""
        return sum(self.capacitance.get(node, {}).values())

    def resistors(self) -> Iterator[tuple[int, int, float]]:
        """Every resistor once, in ohm."""
        for a, around in self.conductance.items():
            yield from ((a, b, 1 / value) for b, value in around.items() if a < b)


@dataclass(frozen=True)
class Reduction:
    """What `reduce_network` did: eliminated nodes, and where merged ones went (node -> node)."""

    eliminated: int
    merged: dict[int, int]


def reduce_network(
    graph: RCGraph,
    terminals: Collection[int],
    first: Collection[int] = (),
    *,
    fast_s: float = FAST_S,
    small_ohm: float = SMALL_OHM,
) -> Reduction:
    """Eliminate fast nodes other than terminals, then merge nodes less than `small_ohm` apart.

    `first`: terminals that others are merged into rather than the other way round (the ports).
    Every node is merged along a path below `small_ohm` in total, so that errors do not add up.
    """
    eliminated = _eliminate(graph, set(terminals), fast_s)
    order = [*first, *sorted(set(graph.conductance) - set(first))]
    return Reduction(eliminated, _merge(graph, order, small_ohm))


def _eliminate(graph: RCGraph, terminals: set[int], fast_s: float) -> int:
    inner = [node for node in graph.conductance if node not in terminals]
    queue = [(len(graph.conductance[node]), node) for node in inner]
    heapq.heapify(queue)
    count = 0
    while queue:
        degree, node = heapq.heappop(queue)
        around = graph.conductance.get(node)
        if around is None or len(around) != degree or degree > _MAX_NEIGHBOURS:
            continue
        total = sum(around.values())
        if not around or graph.total_F(node) > fast_s * total:
            continue
        count += 1
        del graph.conductance[node]
        neighbours = sorted(around.items())
        for other, _ in neighbours:
            del graph.conductance[other][node]
        for position, (a, g_a) in enumerate(neighbours):
            for b, g_b in neighbours[position + 1 :]:
                _add(graph.conductance, a, b, g_a * g_b / total)
        for partner, farad in graph.capacitance.pop(node, {}).items():
            del graph.capacitance[partner][node]
            for other, g in neighbours:
                graph.capacitor(other, partner, farad * g / total)
        for other, _ in neighbours:
            graph.conductance.setdefault(other, {})
            if other not in terminals:
                heapq.heappush(queue, (len(graph.conductance[other]), other))
    return count


def _merge(graph: RCGraph, order: Sequence[int], small_ohm: float) -> dict[int, int]:
    into: dict[int, int] = {}
    done: set[int] = set()
    for root in order:
        if root in done or root not in graph.conductance:
            continue
        done.add(root)
        queue, near = [(0.0, root)], {root: 0.0}
        while queue:
            ohm, node = heapq.heappop(queue)
            if ohm > near[node]:
                continue
            for other, g in graph.conductance[node].items():
                far = ohm + 1 / g
                if other not in done and far < small_ohm and far < near.get(other, small_ohm):
                    near[other] = far
                    heapq.heappush(queue, (far, other))
        for node in near:
            if node != root:
                into[node] = root
                done.add(node)
    for node, root in into.items():
        _move(graph.conductance, node, root)
        _move(graph.capacitance, node, root)
    return into


def _move(links: Links, node: int, root: int) -> None:
    for other, value in links.pop(node, {}).items():
        del links[other][node]
        _add(links, root, other, value)


def _add(links: Links, a: int, b: int, value: float) -> None:
    if a != b:
        for one, other in ((a, b), (b, a)):
            around = links.setdefault(one, {})
            around[other] = around.get(other, 0.0) + value
