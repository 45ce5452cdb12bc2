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

import numpy as np
from scipy.sparse import coo_array, csr_array

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
    """Conductances (S) between nodes, both ways; all capacitance (F) of each node, whatever it is
    to."""

    total_F: list[float]
    conductance: Links = field(default_factory=dict)

    def resistor(self, a: int, b: int, ohm: float) -> None:
        """Add a resistor of more than zero ohm."""
        _add(self.conductance, a, b, 1 / ohm)

    def resistors(self) -> Iterator[tuple[int, int, float]]:
        """Every resistor once, in ohm."""
        for a, around in self.conductance.items():
            yield from ((a, b, 1 / value) for b, value in around.items() if a < b)


@dataclass(frozen=True)
class Reduction:
    """What `reduce_network` did: the shares in which each eliminated node's capacitances went to
    its neighbours, and where merged nodes went (node -> node)."""

    shares: dict[int, tuple[tuple[int, float], ...]]
    merged: dict[int, int]

    def weights(self, count: int) -> csr_array:
        """(count, count): how much of the capacitance of a node (row) is at each of the nodes that
        are left (column) in the end."""
        rows = [node for node, around in self.shares.items() for _ in around]
        columns = [other for around in self.shares.values() for other, _ in around]
        values = [share for around in self.shares.values() for _, share in around]
        kept = np.ones(count, bool)
        kept[list(self.shares)] = False
        still = np.flatnonzero(kept)
        row, column = np.concatenate((rows, still)), np.concatenate((columns, still))
        value = np.concatenate((values, np.ones(len(still))))
        where = (row.astype(np.int64), column.astype(np.int64))
        weight = coo_array((value, where), (count, count)).tocsr()
        # A neighbour may have been eliminated later, and passed its share on.
        while not kept[weight.indices].all():
            weight = weight @ weight
        into = np.arange(count)
        into[list(self.merged)] = list(self.merged.values())
        weight.indices = into[weight.indices].astype(weight.indices.dtype)
        weight.sum_duplicates()
        return weight


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
    shares = _eliminate(graph, set(terminals), fast_s)
    order = [*first, *sorted(set(graph.conductance) - set(first))]
    return Reduction(shares, _merge(graph, order, small_ohm))


def _eliminate(
    graph: RCGraph, terminals: set[int], fast_s: float
) -> dict[int, tuple[tuple[int, float], ...]]:
    inner = [node for node in graph.conductance if node not in terminals]
    queue = [(len(graph.conductance[node]), node) for node in inner]
    heapq.heapify(queue)
    shares: dict[int, tuple[tuple[int, float], ...]] = {}
    while queue:
        degree, node = heapq.heappop(queue)
        around = graph.conductance.get(node)
        if around is None or len(around) != degree or degree > _MAX_NEIGHBOURS:
            continue
        total = sum(around.values())
        if not around or graph.total_F[node] > fast_s * total:
            continue
        del graph.conductance[node]
        neighbours = sorted(around.items())
        for other, _ in neighbours:
            del graph.conductance[other][node]
        for position, (a, g_a) in enumerate(neighbours):
            for b, g_b in neighbours[position + 1 :]:
                _add(graph.conductance, a, b, g_a * g_b / total)
        shares[node] = tuple((other, g / total) for other, g in neighbours)
        for other, share in shares[node]:
            graph.total_F[other] += graph.total_F[node] * share
            graph.conductance.setdefault(other, {})
            if other not in terminals:
                heapq.heappush(queue, (len(graph.conductance[other]), other))
    return shares


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
