"""Which pins could have been exchanged: what both engines search through when circuits differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs.prepare import terminals
from codesign.layout.lvs.report import Problem

# The search compares again for every group of pins: not in circuits beyond this size.
_MAX_DEVICES = 5000
# Model, kind of terminal (source counts as drain), width and length in um.
Terminal = tuple[str, str, float, float]


def swapped_pin(port: str, meant: str) -> Problem:
    """The problem of a pin that sits on another pin's net."""
    text = f"pin {port} of the layout is on the net of pin {meant} of the schematic"
    return Problem("swapped pins", text, (port,), (meant,))


def exchangeable_pins(layout: FlatCircuit, schematic: FlatCircuit) -> Iterator[set[str]]:
    """Groups of the layout's ports that may have been exchanged, the most telling first: those that
    carry other terminals than in the schematic, then those that carry the same as each other."""
    different_size = len(layout.devices) != len(schematic.devices)
    if different_size or len(layout.devices) > _MAX_DEVICES:
        return
    drawn, meant = _terminals_by_net(layout), _terminals_by_net(schematic)
    on_schematic = {port.lower(): meant.get(port, Counter()) for port in schematic.ports}
    terminals_of = {port: drawn.get(port, Counter()) for port in layout.ports}
    different = {p for p in layout.ports if terminals_of[p] != on_schematic.get(p.lower())}
    if different:
        yield different
    groups: dict[frozenset[tuple[Terminal, int]], set[str]] = {}
    for port in layout.ports:
        groups.setdefault(frozenset(terminals_of[port].items()), set()).add(port)
    for group in groups.values():
        if len(group) > 1:
            yield group | different


def _terminals_by_net(circuit: FlatCircuit) -> dict[str, Counter[Terminal]]:
    found: dict[str, Counter[Terminal]] = {}
    for device in circuit.devices:
        sizes = (round(device.w_um, 2), round(device.l_um, 2))
        for terminal, node in zip(terminals(device), device.nodes, strict=True):
            kind = "drain" if terminal == "source" else terminal
            found.setdefault(node, Counter())[device.model, kind, *sizes] += 1
    return found
