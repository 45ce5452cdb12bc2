"""One run of klayout's netlist comparer on two flat circuits, with everything it said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import klayout.db as kdb

from codesign.layout.circuit import FlatCircuit, FlatDevice
from codesign.layout.lvs.prepare import SIZE_TOLERANCE_UM, device_nets

_PIN_NAMES = {"cap": ("A", "B")}
_TRANSISTOR_PINS = ("D", "G", "S", "B")
# Depth and branches of klayout's search where symmetric nets have to be guessed: enough for 500
# exchangeable nets.
_DEEP, _SHALLOW = (8, 500), (4, 20)
Pair = tuple[str | None, str | None]


@dataclass
class Outcome:
    """What the comparer reported; pairs are (layout, schematic), None where there is no partner."""

    match: bool = False
    nets: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    net_mismatches: list[Pair] = field(default_factory=list)
    device_mismatches: list[Pair] = field(default_factory=list)
    wrong_sizes: list[Pair] = field(default_factory=list)
    wrong_models: list[Pair] = field(default_factory=list)


def run_comparer(
    layout: FlatCircuit,
    schematic: FlatCircuit,
    free_ports: Collection[str] = (),
) -> Outcome:
    """Compare by topology, model, width and length; ports of the same name (in any case of letters)
    must be the same net, except `free_ports`."""
    outcome = Outcome()
    by_name = {port.lower(): port for port in schematic.ports}
    named = [p for p in layout.ports if p.lower() in by_name and p not in free_ports]
    # klayout keeps no reference of its own to the logger.
    logger = _Logger(outcome)
    comparer = kdb.NetlistComparer(logger)
    comparer.dont_consider_net_names = True
    # Without names to start from, guessing explodes; no guess will save such a comparison.
    few = 2 * len(named) < len(schematic.ports)
    comparer.max_depth, comparer.max_branch_complexity = _SHALLOW if few else _DEEP
    netlist_a, nets_a = _netlist(layout)
    netlist_b, nets_b = _netlist(schematic)
    for port in named:
        comparer.same_nets(nets_a[port], nets_b[by_name[port.lower()]], True)
    outcome.match = bool(comparer.compare(netlist_a, netlist_b))
    return outcome


def is_isomorphism(layout: FlatCircuit, schematic: FlatCircuit, nets: dict[str, str]) -> bool:
    """Whether renaming the layout's nets gives exactly the schematic's devices (sizes apart)."""
    names_a, names_b = device_nets(layout), device_nets(schematic)
    if len(set(nets.values())) != len(nets) or set(nets) != set(names_a):
        return False
    if set(nets.values()) != set(names_b):
        return False
    renamed = Counter(_connections(device, nets) for device in layout.devices)
    same = {name: name for name in names_b}
    return renamed == Counter(_connections(device, same) for device in schematic.devices)


def _connections(device: FlatDevice, nets: dict[str, str]) -> tuple[str, ...]:
    nodes = [nets[node] for node in device.nodes]
    if device.kind != "cap" and nodes[2] < nodes[0]:
        nodes[0], nodes[2] = nodes[2], nodes[0]
    return (device.model, *nodes)


def _netlist(circuit: FlatCircuit) -> tuple[kdb.Netlist, dict[str, kdb.Net]]:
    netlist, top = kdb.Netlist(), kdb.Circuit()
    top.name = "TOP"
    netlist.add(top)
    nets = {name: top.create_net(name) for name in device_nets(circuit)}
    for port in circuit.ports:
        top.connect_pin(top.create_pin(port), nets[port])
    classes: dict[str, kdb.DeviceClass] = {}
    for device in circuit.devices:
        if device.model not in classes:
            classes[device.model] = _device_class(device)
            netlist.add(classes[device.model])
        placed = top.create_device(classes[device.model], device.name)
        w_um, l_um = device.w_um, device.l_um
        if device.kind == "cap":
            w_um, l_um = sorted((w_um, l_um))
        placed.set_parameter("W", w_um)
        placed.set_parameter("L", l_um)
        pins = _PIN_NAMES.get(device.kind, _TRANSISTOR_PINS)
        for pin, node in zip(pins, device.nodes, strict=True):
            placed.connect_terminal(pin, nets[node])
    return netlist, nets


def _device_class(device: FlatDevice) -> kdb.DeviceClass:
    if device.kind == "cap":
        made = kdb.DeviceClass()
        for pin in _PIN_NAMES["cap"]:
            made.add_terminal(kdb.DeviceTerminalDefinition(pin, ""))
        for name in ("W", "L"):
            made.add_parameter(kdb.DeviceParameterDefinition(name, "", 0.0, True))
    else:
        # Source and drain are exchangeable in this class.
        made = kdb.DeviceClassMOS4Transistor()
    made.name = device.model
    width, length = (
        kdb.EqualDeviceParameters(made.parameter_id(name), SIZE_TOLERANCE_UM, 0.0) for name in "WL"
    )
    made.equal_parameters = width + length
    return made


def _name(thing: Any) -> str | None:
    return None if thing is None else str(thing.name)


class _Logger(kdb.GenericNetlistCompareLogger):
    """Writes what the comparer says into an Outcome. The method names are klayout's."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self._outcome = outcome

    def match_nets(self, a: Any, b: Any) -> None:
        self._outcome.nets[a.name] = b.name

    def match_ambiguous_nets(self, a: Any, b: Any, message: str = "") -> None:
        self._outcome.nets[a.name] = b.name

    def net_mismatch(self, a: Any, b: Any, message: str = "") -> None:
        self._outcome.net_mismatches.append((_name(a), _name(b)))

    def match_devices(self, a: Any, b: Any) -> None:
        self._outcome.devices[a.name] = b.name

    def match_devices_with_different_parameters(self, a: Any, b: Any) -> None:
        self._outcome.wrong_sizes.append((_name(a), _name(b)))

    def match_devices_with_different_device_classes(self, a: Any, b: Any) -> None:
        self._outcome.wrong_models.append((_name(a), _name(b)))

    def device_mismatch(self, a: Any, b: Any, message: str = "") -> None:
        self._outcome.device_mismatches.append((_name(a), _name(b)))
