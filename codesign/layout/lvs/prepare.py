"""What both engines need of a circuit before they compare it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit, FlatDevice

# Widths and lengths in a layout lie on the 5 nm grid; a size between is drawn rounded.
SIZE_TOLERANCE_UM = 0.003
TERMINALS = {"cap": ("top plate", "bottom plate")}
TRANSISTOR_TERMINALS = ("drain", "gate", "source", "bulk")


def terminals(device: FlatDevice) -> tuple[str, ...]:
    """Names of a device's terminals in the order of its nodes."""
    return TERMINALS.get(device.kind, TRANSISTOR_TERMINALS)


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
        if len(device.nodes) != len(terminals(device)):
            raise InputError(
                f"{which} of {circuit.name}: device {device.name} ({device.model}) has "
                f"{len(device.nodes)} nodes instead of {len(terminals(device))}"
            )


def merge_parallel(circuit: FlatCircuit) -> FlatCircuit:
    """Transistors with the same nodes, model and length as one of their total width."""
    merged: dict[tuple[object, ...], FlatDevice] = {}
    for device in circuit.devices:
        if device.kind == "cap":
            merged[device.name,] = device
            continue
        drain, gate, source, bulk = device.nodes
        ends = tuple(sorted((drain, source)))
        key = (device.model, round(device.l_um / SIZE_TOLERANCE_UM), ends, gate, bulk)
        first = merged.get(key)
        width = device.w_um + (first.w_um if first else 0.0)
        merged[key] = replace(first or device, w_um=width)
    return replace(circuit, devices=tuple(merged.values()))
