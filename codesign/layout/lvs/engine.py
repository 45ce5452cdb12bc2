"""One run of klayout's netlist comparer on two circuits that differ, with everything it said."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import klayout.db as kdb

from codesign.layout.circuit import FlatCircuit, FlatDevice
from codesign.layout.lvs.kinds import kind_of, sizes, tolerance
from codesign.layout.lvs.pairing import common_ports
from codesign.layout.lvs.prepare import device_nets

# Depth and branches of klayout's search where symmetric nets have to be guessed: enough for 500
# exchangeable nets.
_DEEP, _SHALLOW = (8, 500), (4, 20)
Pair = tuple[str | None, str | None]


@dataclass
class Outcome:
    """What the comparer reported; pairs are (layout, schematic), None where there is no partner."""

    nets: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    net_mismatches: list[Pair] = field(default_factory=list)
    device_mismatches: list[Pair] = field(default_factory=list)
    wrong_sizes: list[Pair] = field(default_factory=list)
    wrong_models: list[Pair] = field(default_factory=list)


def run_comparer(layout: FlatCircuit, schematic: FlatCircuit) -> Outcome:
    """Compare by topology, model and sizes; ports of the same name, in any case of letters, must be
    the same net."""
    outcome = Outcome()
    named = common_ports(layout, schematic)
    # klayout keeps no reference of its own to the logger.
    logger = _Logger(outcome)
    comparer = kdb.NetlistComparer(logger)
    comparer.dont_consider_net_names = True
    # Without names to start from, guessing explodes; no guess will save such a comparison.
    few = 2 * len(named) < len(schematic.ports)
    comparer.max_depth, comparer.max_branch_complexity = _SHALLOW if few else _DEEP
    netlist_a, nets_a = _netlist(layout, named)
    netlist_b, nets_b = _netlist(schematic, named.values())
    for drawn, meant in named.items():
        comparer.same_nets(nets_a[drawn], nets_b[meant], True)
    comparer.compare(netlist_a, netlist_b)
    return outcome


def _netlist(
    circuit: FlatCircuit, named: Collection[str]
) -> tuple[kdb.Netlist, dict[str, kdb.Net]]:
    """Devices and their nets, and the ports in `named`: one that has no device and no partner would
    be paired with nothing."""
    netlist, top = kdb.Netlist(), kdb.Circuit()
    top.name = "TOP"
    netlist.add(top)
    used = {node for device in circuit.devices for node in device.nodes} | set(named)
    nets = {name: top.create_net(name) for name in device_nets(circuit) if name in used}
    for port in (port for port in circuit.ports if port in nets):
        top.connect_pin(top.create_pin(port), nets[port])
    classes: dict[str, kdb.DeviceClass] = {}
    for device in circuit.devices:
        if device.model not in classes:
            classes[device.model] = _device_class(device)
            netlist.add(classes[device.model])
        placed = top.create_device(classes[device.model], device.name)
        for name, size in sizes(device).items():
            placed.set_parameter(name, size)
        for pin, node in enumerate(device.nodes):
            placed.connect_terminal(pin, nets[node])
    return netlist, nets


def _device_class(device: FlatDevice) -> kdb.DeviceClass:
    made, kind = kdb.DeviceClass(), kind_of(device)
    made.name = device.model
    for pin in range(len(device.nodes)):
        made.add_terminal(kdb.DeviceTerminalDefinition(f"T{pin}", ""))
        made.equivalent_terminal_id(pin, kind.roles[pin])
    limits: Any = None
    for name in sizes(device):
        made.add_parameter(kdb.DeviceParameterDefinition(name, "", 0.0, True))
        limit = tolerance(device, name)
        same = kdb.EqualDeviceParameters(made.parameter_id(name), limit, 0.0)
        limits = same if limits is None else limits + same
    if limits is None:
        return made
    made.equal_parameters = limits
    return made


def _name(thing: Any) -> str | None:
    return None if thing is None else str(thing.name)


class _Logger(kdb.GenericNetlistCompareLogger):
    """Writes what the comparer says into an Outcome. The method names are klayout's."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self._outcome = outcome

    def match_nets(self, a: Any, b: Any) -> None:
        # Nets without devices are paired with nothing.
        if a is not None and b is not None:
            self._outcome.nets[a.name] = b.name

    def match_ambiguous_nets(self, a: Any, b: Any, message: str = "") -> None:
        self.match_nets(a, b)

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
