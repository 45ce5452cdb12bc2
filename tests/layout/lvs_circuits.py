"""Circuits for tests of layout against schematic: disguised copies, and copies with one fault."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from codesign.layout.circuit import FlatCircuit, FlatDevice


def disguised(circuit: FlatCircuit, seed: int = 1) -> tuple[FlatCircuit, dict[str, str]]:
    """The circuit as an extraction might give it: inner nets under other names, devices in another
    order and under other names, some with source and drain exchanged; and the true pairing."""
    rng = random.Random(seed)
    inner = [net for net in circuit.nets if net not in circuit.ports]
    names = [f"n{index}" for index in range(len(inner))]
    rng.shuffle(names)
    new_name = dict(zip(inner, names, strict=True))
    devices = list(circuit.renamed(new_name).devices)
    rng.shuffle(devices)
    found = [
        replace(turned(device) if rng.random() < 0.5 else device, name=f"m{index}")
        for index, device in enumerate(devices)
    ]
    pairing = {port: port for port in circuit.ports} | {v: k for k, v in new_name.items()}
    return replace(circuit, devices=tuple(found)), pairing


def turned(device: FlatDevice) -> FlatDevice:
    """Source and drain of a transistor exchanged."""
    if device.kind == "cap":
        return device
    drain, gate, source, bulk = device.nodes
    return replace(device, nodes=(source, gate, drain, bulk))


def changed(
    circuit: FlatCircuit, name: str, change: Callable[[FlatDevice], FlatDevice | None]
) -> FlatCircuit:
    """One device changed, or left out where `change` gives None."""
    devices = [change(device) if device.name == name else device for device in circuit.devices]
    return replace(circuit, devices=tuple(device for device in devices if device is not None))


def pins_swapped(circuit: FlatCircuit, first: str, second: str) -> FlatCircuit:
    """The labels of two pins exchanged."""
    return replace(circuit.renamed({first: second, second: first}), ports=circuit.ports)


def fet(name: str, nodes: str, model: str = "nfet_01v8", w: float = 1.0, l: float = 0.15):
    """A transistor; `nodes`: drain gate source bulk."""
    drain, gate, source, bulk = nodes.split()
    return FlatDevice(name, model[0], model, (drain, gate, source, bulk), w, l)


def chains(count: int, length: int) -> FlatCircuit:
    """Equal chains of transistors between `a` and `vss`: nothing tells their inner nets apart."""
    devices = []
    for chain in range(count):
        nodes = ["a", *(f"x{chain}_{i}" for i in range(1, length)), "vss"]
        for i in range(length):
            devices.append(fet(f"d{chain}_{i}", f"{nodes[i]} g {nodes[i + 1]} vss"))
    return FlatCircuit("chains", ("a", "g", "vss"), tuple(devices))
