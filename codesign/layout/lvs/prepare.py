"""What both engines need of a circuit before they compare it."""

from __future__ import annotations

from collections import Counter

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs.kinds import kind_of


def device_nets(circuit: FlatCircuit) -> tuple[str, ...]:
    """Ports and nets of devices: parasitics are none of a comparison's business."""
    seen = dict.fromkeys(circuit.ports)
    for device in circuit.devices:
        seen.update(dict.fromkeys(device.nodes))
    return tuple(seen)


def check_comparable(circuit: FlatCircuit, which: str) -> None:
    """Raise InputError for a circuit that no comparison can take."""
    if circuit.resistors:
        raise InputError(
            f"the {which} of {circuit.name} has resistors ({len(circuit.resistors)})",
            remedy="compare the extraction without resistances; an ideal resistor has no layout",
        )
    ports = [port.lower() for port in circuit.ports]
    names = [device.name for device in circuit.devices]
    for what, listed in (("ports", ports), ("devices", names)):
        if len(set(listed)) != len(listed):
            twice = sorted(name for name, count in Counter(listed).items() if count > 1)
            raise InputError(f"the {which} of {circuit.name} has {what} twice: {twice[:5]}")
    for device in circuit.devices:
        kind, count = kind_of(device), len(device.nodes)
        most = len(kind.terminals)
        if not most - kind.optional <= count <= most:
            raise InputError(
                f"{which} of {circuit.name}: device {device.name} ({device.model}) has {count} "
                f"nodes instead of {most}"
            )
