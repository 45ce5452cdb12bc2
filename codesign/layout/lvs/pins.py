"""Pins that one side lacks, and which could have been exchanged: what both engines look into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs.kinds import kind_of, sizes
from codesign.layout.lvs.report import Problem

# The search compares again for every group of pins: not in circuits beyond this size.
_MAX_DEVICES = 5000
# Model, terminal (source counts as drain), and sizes.
Terminal = tuple[object, ...]


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
        rounded = tuple(round(size, 2) for size in sizes(device).values())
        for role, node in zip(kind_of(device).roles, device.nodes, strict=False):
            found.setdefault(node, Counter())[device.model, role, *rounded] += 1
    return found


def pin_problems(extracted: FlatCircuit, schematic: FlatCircuit) -> tuple[Problem, ...]:
    """Ports that one side lacks, in any case of letters, and those that share a net in the
    layout."""
    drawn = {port.lower() for port in extracted.ports}
    meant = {port.lower() for port in schematic.ports}
    on = {label.lower(): net for label, net in extracted.labels}
    missing = []
    for port in schematic.ports:
        if port.lower() in drawn:
            continue
        if (other := on.get(port.lower())) is not None:
            text = f"the layout has pin {port} on the net of pin {other}"
            missing.append(Problem("short", text, (other,), (port,)))
        else:
            text = f"the layout has no pin {port}"
            missing.append(Problem("missing pin", text, (), (port,)))
    extra = [
        Problem("extra pin", f"the schematic has no pin {port}", (port,), ())
        for port in extracted.ports
        if port.lower() not in meant
    ]
    return (*missing, *extra)
