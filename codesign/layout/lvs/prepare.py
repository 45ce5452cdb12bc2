"""What both engines need of a circuit before they compare it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs.kinds import kind_of

# A piece of wire that a netlist calls a device, to keep its ends apart.
SHORT = "short"


def device_nets(circuit: FlatCircuit) -> tuple[str, ...]:
    """Ports and nets of devices: parasitics are none of a comparison's business."""
    seen = dict.fromkeys(circuit.ports)
    for device in circuit.devices:
        seen.update(dict.fromkeys(device.nodes))
    return tuple(seen)


def prepared(extracted: FlatCircuit, schematic: FlatCircuit) -> tuple[FlatCircuit, FlatCircuit]:
    """Both circuits as they are compared: the layout's nets called as the schematic calls its
    ports. Raises InputError for what no comparison can take."""
    layout = extracted.called(schematic.ports)
    check_comparable(layout, "layout")
    check_comparable(schematic, "schematic")
    return _with_shorts(layout, schematic), _with_shorts(schematic, schematic)


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


def _with_shorts(circuit: FlatCircuit, schematic: FlatCircuit) -> FlatCircuit:
    """The circuit as compared with a schematic that has shorts: these do not say which wire they
    are in, so every resistor of two nodes is one."""
    if not any(device.model == SHORT for device in schematic.devices):
        return circuit
    devices = (
        replace(device, model=SHORT, w_um=0.0, l_um=0.0)
        if device.kind == "res" and len(device.nodes) == 2
        else device
        for device in circuit.devices
    )
    return replace(circuit, devices=tuple(devices))
