"""The port audit: after an extraction, is every port there, connected, and in its place?"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from codesign.errors import CheckFailed, InputError
from codesign.layout.circuit import FlatCircuit


def audit_ports(
    circuit: FlatCircuit, ports: Sequence[str], unconnected: Collection[str] = ()
) -> None:
    """Compare a circuit's ports with those wanted. Raises CheckFailed that lists every fault.

    Each port must be a port of the circuit, in this order, and reach a terminal of a device,
    through resistors where there are any; those in `unconnected` need not, as in the schematic.
    """
    faults = port_faults(circuit, ports, unconnected)
    if faults:
        raise CheckFailed(
            f"port audit of {circuit.name}: {len(faults)} faults\n  " + "\n  ".join(faults),
            remedy="label the nets in the top cell as the schematic names its ports",
        )


def port_faults(
    circuit: FlatCircuit, ports: Sequence[str], unconnected: Collection[str] = ()
) -> list[str]:
    """A line for every port that is missing, surplus, out of order or reaches no device."""
    faults = []
    have, reached = set(circuit.ports), _reached(circuit)
    on = {label.lower(): net for label, net in circuit.labels}
    for port in ports:
        if port not in have and port.lower() in on:
            faults.append(f"{port}: on the net of {on[port.lower()]} (a short)")
        elif port not in have:
            faults.append(f"{port}: no net of the layout has this label")
        elif port not in reached and port not in unconnected:
            faults.append(f"{port}: reaches no terminal of a device")
    wanted = set(ports)
    surplus = [port for port in circuit.ports if port not in wanted]
    faults += [f"{port}: a port of the layout that the schematic does not have" for port in surplus]
    if not faults and tuple(circuit.ports) != tuple(ports):
        faults.append(f"order: {' '.join(circuit.ports)} instead of {' '.join(ports)}")
    return faults


def read_ports(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ports in order, and those the schematic leaves unconnected, of a `.ports.json` file as
    `codesign generate` writes it (a port with "unconnected": true). Raises InputError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        records = data["ports"]
        names = tuple(str(record["name"]) for record in records)
        loose = tuple(str(r["name"]) for r in records if r.get("unconnected", False))
    except OSError as error:
        raise InputError(
            f"cannot read the port list {path}: {error.strerror}", remedy="check the path"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is no port list: it needs an object with `ports`, a list of objects with "
            "`name`",
            remedy="use a .ports.json file as `codesign generate` writes it",
        ) from error
    if not names or len(set(names)) != len(names):
        raise InputError(f"{path} lists no ports, or one twice", remedy="list each port once")
    return names, loose


def _reached(circuit: FlatCircuit) -> set[str]:
    """Nets with a device terminal, or joined to one through resistors."""
    reached = {node for device in circuit.devices for node in device.nodes}
    neighbours: dict[str, set[str]] = {}
    for part in circuit.resistors:
        neighbours.setdefault(part.node_a, set()).add(part.node_b)
        neighbours.setdefault(part.node_b, set()).add(part.node_a)
    frontier = list(reached)
    while frontier:
        for node in neighbours.get(frontier.pop(), ()):
            if node not in reached:
                reached.add(node)
                frontier.append(node)
    return reached
