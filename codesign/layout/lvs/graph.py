"""The graph of two circuits, and the colours that its nodes see from far away."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# Rounds on whole arrays; what is farther from every port is left to single steps.
ROUNDS = 30


@dataclass
class Graph:
    """Nodes of both circuits: `side` is 0 or 1, `start` what tells nodes apart from the beginning,
    `near` the neighbours of each with the role of the connection."""

    side: list[int] = field(default_factory=list)
    start: list[Hashable] = field(default_factory=list)
    near: list[list[tuple[int, int]]] = field(default_factory=list)

    def add(self, side: int, start: Hashable) -> int:
        """A new node's number."""
        self.side.append(side)
        self.start.append(start)
        self.near.append([])
        return len(self.side) - 1

    def join(self, one: int, other: int, role: int) -> None:
        """Connect two nodes."""
        self.near[one].append((other, role))
        self.near[other].append((one, role))


def colours_by_round(
    graph: Graph, fixed: Sequence[int] = (), rounds: int = ROUNDS
) -> list[NDArray[np.int64]]:
    """Colours before and after each round in which every node looks at its neighbours, on arrays;
    those of `fixed` nodes do not change."""
    numbers: dict[Hashable, int] = {}
    colours = np.array([numbers.setdefault(start, len(numbers)) for start in graph.start], np.int64)
    ends = [(v, *end) for v, near in enumerate(graph.near) for end in near]
    source, target, role = np.array(ends, np.int64).reshape(-1, 3).T
    moving = np.ones(len(colours), np.uint64)
    moving[list(fixed)] = 0
    found, count = [colours], len(numbers)
    for _ in range(rounds):
        seen = np.zeros(len(colours), np.uint64)
        np.add.at(seen, source, _mixed(colours[target] * 16 + role + 1))
        _, colours = np.unique(_mixed(colours) ^ _mixed(seen) * moving, return_inverse=True)
        found.append(colours)
        if (told_apart := int(colours.max(initial=-1)) + 1) == count:
            break
        count = told_apart
    # Nothing changes any more.
    return found + [colours] * (rounds + 1 - len(found))


def _mixed(keys: NDArray[np.int64] | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers that look random, one for each key (splitmix64)."""
    x = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)
