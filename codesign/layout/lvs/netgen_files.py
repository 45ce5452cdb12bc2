"""What netgen reads: two circuits under names that it cannot misread, and a set-up for them.

Nets are n0.., devices d0.., ports p_<name>, classes of devices k0k..; black boxes with as many pins
as the device has. Every port carries a marker device of its own class on both sides, so that netgen
has a name to start from in symmetric circuits, and exchanged pins are a difference of topology.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from codesign.layout.circuit import FlatCircuit, FlatDevice, wrapped
from codesign.layout.lvs.kinds import kind_of
from codesign.layout.lvs.pairing import common_ports, size_classes
from codesign.layout.lvs.prepare import device_nets
from codesign.layout.lvs.reductions import Level

CELL = "compared"
MARKER = "mark_p_"


@dataclass(frozen=True)
class NetgenFile:
    """One circuit for netgen; `nets` and `devices` lead back from its names, `pins` from the ports'
    markers."""

    text: str
    nets: dict[str, str]
    devices: dict[str, FlatDevice]
    pins: dict[str, str]


@dataclass(frozen=True)
class NetgenInput:
    """Both circuits, what each class of devices stands for, and lines for the set-up file."""

    layout: NetgenFile
    schematic: NetgenFile
    classes: dict[str, FlatDevice]
    setup: str


@dataclass
class _Classes:
    """Names for classes of devices, with a device of each."""

    names: dict[object, str] = field(default_factory=dict)
    examples: dict[str, FlatDevice] = field(default_factory=dict)

    def name(self, key: object, device: FlatDevice) -> str:
        name = self.names.setdefault(key, f"k{len(self.names)}k")
        self.examples.setdefault(name, device)
        return name


def netgen_input(level: Level, *, sized: bool, unmarked: Collection[str] = ()) -> NetgenInput:
    """The files for a comparison. `sized`: sizes are part of the classes, else parameters;
    `unmarked`: ports of the layout without markers."""
    layout, schematic = level.layout.circuit, level.schematic.circuit
    common = common_ports(layout, schematic)
    free = {port.lower() for port in unmarked}
    classes = _Classes()
    of_size = size_classes(level.layout, level.schematic)
    files = []
    for circuit, ports, found in zip(
        (layout, schematic), (common, common.values()), of_size, strict=True
    ):
        keys = [
            (device.model, len(device.nodes), size if sized else ())
            for device, size in zip(circuit.devices, found, strict=True)
        ]
        names = [classes.name(k, d) for k, d in zip(keys, circuit.devices, strict=True)]
        values = [() if sized else size for size in found]
        files.append(_file(circuit, list(ports), free, names, values))
    setup = "".join(_setup(classes.examples))
    return NetgenInput(files[0], files[1], classes.examples, setup)


def _file(
    circuit: FlatCircuit,
    ports: list[str],
    free: Collection[str],
    classes: list[str],
    values: list[tuple[int, ...]],
) -> NetgenFile:
    short = {port: f"p_{port.lower()}" for port in ports}
    inner = (net for net in device_nets(circuit) if net not in short)
    short |= {net: f"n{index}" for index, net in enumerate(inner)}
    lines = [f"* {CELL}", *wrapped(f".subckt {CELL}", (short[port] for port in ports))]
    devices = {}
    for index, (device, name, size) in enumerate(
        zip(circuit.devices, classes, values, strict=True)
    ):
        devices[f"d{index}"] = device
        nodes = (short[node] for node in device.nodes)
        # Numbers of sizes instead of sizes: sizes of one number are equal.
        pairs = (f"s{key}={number + 1}" for key, number in enumerate(size))
        lines += wrapped(f"Xd{index}", (*nodes, name, *pairs))
    for port in ports:
        if port.lower() not in free:
            lines.append(f"Xmark_{short[port]} {short[port]} {MARKER}{port.lower()}")
    text = "\n".join([*lines, f".ends {CELL}", ".end", ""])
    pins = {f"{MARKER}{port.lower()}": port for port in ports}
    return NetgenFile(text, {name: net for net, name in short.items()}, devices, pins)


def _setup(classes: dict[str, FlatDevice]) -> Iterator[str]:
    """Which pins of each class may be exchanged (netgen numbers them from 1)."""
    for name, device in classes.items():
        for circuit in ("-circuit1", "-circuit2"):
            # A circuit need not have the class: netgen would stop there.
            if (pins := kind_of(device).exchangeable) is not None:
                first, second = (pin + 1 for pin in pins)
                yield f'catch {{permute "{circuit} {name}" {first} {second}}}\n'
