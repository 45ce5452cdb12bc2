"""Nodes of a layout with resistances, and where wires meet them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from codesign.layout.extract.rectangles import Boxes, Index


@dataclass(frozen=True)
class Anchor:
    """A place on a conductor that leads to `node` through `ohm`: a point, or a contact's box."""

    conductor: str
    box: tuple[int, int, int, int]
    node: int
    ohm: float = 0.0


@dataclass
class Nodes:
    """Nodes under construction: the net of each, anchors by net, resistors so far.

    parts: per plane, the node of each rectangle of `Connected.plane`; -1 for wires, which come
    later. ports: the node that a labelled net's name goes to. transistors: (n, 4) nodes drain,
    gate, source, bulk; capacitors: (n, 2) top, bottom; others: those of each other device.
    """

    net: list[int] = field(default_factory=list)
    anchors: dict[int, list[Anchor]] = field(default_factory=dict)
    resistors: list[tuple[int, int, float]] = field(default_factory=list)
    parts: dict[str, Index] = field(default_factory=dict)
    ports: dict[int, int] = field(default_factory=dict)
    transistors: list[tuple[int, int, int, int]] = field(default_factory=list)
    capacitors: list[tuple[int, int]] = field(default_factory=list)
    others: list[tuple[int, ...]] = field(default_factory=list)
    substrate: int = 0

    def add(self, net: int) -> int:
        """A new node of a net."""
        self.net.append(net)
        return len(self.net) - 1

    def terminals(self) -> list[int]:
        """The nodes of all devices, transistors first."""
        placed = (*self.transistors, *self.capacitors, *self.others)
        return [node for device in placed for node in device]

    def anchor(self, net: int, anchor: Anchor) -> None:
        """A new anchor on a net's wires."""
        self.anchors.setdefault(net, []).append(anchor)


def nearest(boxes: Boxes, x: float, y: float) -> int:
    """Index of the rectangle nearest to a point."""
    dx = np.maximum(np.maximum(boxes[:, 0] - x, x - boxes[:, 2]), 0)
    dy = np.maximum(np.maximum(boxes[:, 1] - y, y - boxes[:, 3]), 0)
    return int(np.argmin(dx**2 + dy**2))
