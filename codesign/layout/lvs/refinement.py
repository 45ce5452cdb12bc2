"""Colours of two graphs' nodes, refined until neighbours tell no more nodes apart.

Colour refinement (Weisfeiler and Lehman 1968) on both graphs at once: two nodes keep one colour as
long as their neighbours have the same colours in the same roles. Where that leaves several nodes of
a colour, one of each graph is taken for a pair and refinement goes on; a choice that fails is
undone and the next one tried (individualisation, as in McKay, Congressus Numerantium 30, 1981).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from codesign.layout.lvs.graph import Graph, colours_by_round

_MASK = (1 << 64) - 1
# Choices that may fail before the search gives up.
MAX_FAILURES = 2000


class Colouring:
    """The colours of a graph's nodes, with a history to go back in."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.colour = [int(colour) for colour in colours_by_round(graph)[-1]]
        count = max(self.colour, default=-1) + 1
        # Nodes of each colour by side, in the order they came (the values mean nothing).
        self.members: list[tuple[dict[int, None], dict[int, None]]] = [
            ({}, {}) for _ in range(count)
        ]
        for node, colour in enumerate(self.colour):
            self.members[colour][graph.side[node]][node] = None
        self._numbers: dict[int, int] = {}
        # What a node sees is the sum of a random number for each neighbour's colour and role.
        self._seen = [sum(self._number(c, role) for c, role in self._around(v)) for v in self._all]
        self._class_seen: list[int | None] = [None] * count
        self._dirty: dict[int, dict[int, None]] = {}
        for node in self._all:
            self._dirty.setdefault(self.colour[node], {})[node] = None
        self._moves: list[tuple[int, int]] = []
        self._seen_before: list[tuple[int, int | None]] = []

    @property
    def _all(self) -> range:
        return range(len(self.colour))

    def _around(self, node: int) -> Iterator[tuple[int, int]]:
        return ((self.colour[other], role) for other, role in self.graph.near[node])

    def _number(self, colour: int, role: int) -> int:
        """A number that looks random (splitmix64)."""
        key = colour * 16 + role + 1
        found = self._numbers.get(key)
        if found is None:
            x = key * 0x9E3779B97F4A7C15 & _MASK
            x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & _MASK
            x = (x ^ x >> 27) * 0x94D049BB133111EB & _MASK
            found = self._numbers[key] = x ^ x >> 31
        return found

    def balanced(self) -> bool:
        """Whether each colour has as many nodes on both sides."""
        return all(len(ours) == len(theirs) for ours, theirs in self.members)

    def is_settled(self, node: int) -> bool:
        """Whether no other node of its side has its colour."""
        return len(self.members[self.colour[node]][self.graph.side[node]]) == 1

    def refine(self) -> bool:
        """Split colours until none can be split; False as soon as a colour's nodes on the two sides
        differ in number."""
        while self._dirty:
            colour, touched = self._dirty.popitem()
            if not self._split(colour, touched):
                self._dirty.clear()
                return False
        return True

    def _split(self, colour: int, touched: dict[int, None]) -> bool:
        groups: dict[int | None, list[int]] = {}
        for node in touched:
            groups.setdefault(self._seen[node], []).append(node)
        ours, theirs = self.members[colour]
        rest = len(ours) + len(theirs) - len(touched)
        seen = self._class_seen[colour]
        if rest:
            # Those not touched see what they saw before; so may some that were touched twice.
            groups.setdefault(seen, [])
        sizes = {key: len(nodes) + (rest if key == seen else 0) for key, nodes in groups.items()}
        side = self.graph.side
        right = {key: sum(side[node] for node in nodes) for key, nodes in groups.items()}
        if rest and seen in groups:
            right[seen] = len(theirs) - sum(n for key, n in right.items() if key != seen)
        if any(sizes[key] != 2 * right[key] for key in groups):
            return False
        # The biggest group keeps the colour, unless it would be the untouched ones that move.
        keep = seen if rest else max(groups, key=lambda key: sizes[key])
        if keep != seen:
            self._seen_before.append((colour, seen))
            self._class_seen[colour] = keep
        for key, nodes in groups.items():
            if key != keep:
                new = self._new_colour(key)
                for node in nodes:
                    self._paint(node, new)
        return True

    def _new_colour(self, seen: int | None) -> int:
        self.members.append(({}, {}))
        self._class_seen.append(seen)
        return len(self.members) - 1

    def _paint(self, node: int, new: int) -> None:
        self._moves.append((node, self.colour[node]))
        self._set(node, new)
        for other, _ in self.graph.near[node]:
            self._dirty.setdefault(self.colour[other], {})[other] = None

    def _set(self, node: int, new: int) -> None:
        old, side = self.colour[node], self.graph.side[node]
        del self.members[old][side][node]
        self.members[new][side][node] = None
        self.colour[node] = new
        change: dict[int, int] = {}
        for other, role in self.graph.near[node]:
            if role not in change:
                change[role] = self._number(new, role) - self._number(old, role)
            self._seen[other] += change[role]

    def pair(self, one: int, other: int) -> bool:
        """Take two nodes of one colour for a pair, and refine; False when that cannot be."""
        new = self._new_colour(self._class_seen[self.colour[one]])
        self._paint(one, new)
        self._paint(other, new)
        return self.refine()

    def mark(self) -> tuple[int, int]:
        """The present, to come back to."""
        return len(self._moves), len(self._seen_before)

    def back_to(self, mark: tuple[int, int]) -> None:
        """Undo everything since `mark`."""
        self._dirty.clear()
        moves, changes = mark
        while len(self._moves) > moves:
            self._set(*self._moves.pop())
        while len(self._seen_before) > changes:
            colour, seen = self._seen_before.pop()
            self._class_seen[colour] = seen
        self._dirty.clear()


@dataclass
class _Choice:
    """A node of the first graph, and the partners it was tried with."""

    mark: tuple[int, int]
    node: int
    tried: set[int] = field(default_factory=set)

    def next_partner(self, colouring: Colouring) -> int | None:
        """One not tried yet."""
        colouring.back_to(self.mark)
        _, theirs = colouring.members[colouring.colour[self.node]]
        partner = next((node for node in theirs if node not in self.tried), None)
        if partner is not None:
            self.tried.add(partner)
        return partner


def settle(colouring: Colouring, nodes: Sequence[int]) -> bool:
    """Refine and pair until every one of `nodes`, of the first graph, has one partner; False when
    that cannot be, or MAX_FAILURES choices failed."""
    if not colouring.balanced() or not colouring.refine():
        return False
    choices: list[_Choice] = []
    failures = 0
    waiting = iter(nodes)
    while True:
        node = next(
            (n for n in waiting if len(colouring.members[colouring.colour[n]][0]) > 1), None
        )
        if node is None:
            return True
        choices.append(_Choice(colouring.mark(), node))
        while True:
            partner = choices[-1].next_partner(colouring)
            if partner is None:
                choices.pop()
            elif colouring.pair(choices[-1].node, partner):
                break
            else:
                failures += 1
            if not choices or failures > MAX_FAILURES:
                return False
            if partner is None:
                waiting = iter(nodes)
