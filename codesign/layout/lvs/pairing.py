"""A pairing of two circuits' nets and devices, found by refinement and then checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from codesign.layout.circuit import FlatCircuit, FlatDevice
from codesign.layout.lvs.graph import Graph
from codesign.layout.lvs.kinds import kind_of, sizes, tolerance
from codesign.layout.lvs.prepare import device_nets
from codesign.layout.lvs.refinement import Colouring, settle

Fingers = Mapping[str, int]
_Key = tuple[object, ...]


@dataclass(frozen=True)
class Side:
    """One circuit of a comparison; `fingers`: how many equal devices one stands for, by its name,
    where they were taken together; `joined`: the nets that one stands for likewise."""

    circuit: FlatCircuit
    fingers: Fingers = field(default_factory=dict)
    joined: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def tolerance(self, device: FlatDevice, size: str) -> float:
        """By how much a size of a device may be off."""
        return tolerance(device, size, self.fingers.get(device.name, 1))


@dataclass(frozen=True)
class Pairing:
    """Names of the layout with those of the schematic."""

    nets: dict[str, str]
    devices: dict[str, str]


def common_ports(layout: FlatCircuit, schematic: FlatCircuit) -> dict[str, str]:
    """Ports of the layout that the schematic has too, in any case of letters."""
    by_name = {port.lower(): port for port in schematic.ports}
    return {port: by_name[port.lower()] for port in layout.ports if port.lower() in by_name}


def pair(layout: Side, schematic: Side, free_ports: Collection[str] = ()) -> Pairing | None:
    """The pairing under which both circuits have the same devices of the same sizes on the same
    nets, source and drain in either order; None when there is none.

    Ports of the same name in any case of letters are the same net, except `free_ports` of the
    layout, which may change places.
    """
    if len(layout.circuit.devices) != len(schematic.circuit.devices):
        return None
    joint = joint_graph(layout, schematic, free_ports)
    drawn, meant = joint.nets
    colouring = Colouring(joint.graph)
    if not settle(colouring, list(drawn.values())):
        return None
    partner = {colouring.colour[node]: net for net, node in meant.items()}
    nets = {net: partner[colouring.colour[node]] for net, node in drawn.items()}
    devices = _paired_devices(layout, schematic, nets)
    return None if devices is None else Pairing(nets, devices)


@dataclass(frozen=True)
class Joint:
    """Both circuits as one graph: nodes of the nets of each by name, of its devices in order; fixed
    are those that are known from the beginning."""

    graph: Graph
    nets: tuple[dict[str, int], dict[str, int]]
    devices: tuple[list[int], list[int]]
    fixed: list[int]


def joint_graph(layout: Side, schematic: Side, free_ports: Collection[str] = ()) -> Joint:
    """The graph of nets and devices; devices of one model, number of nodes and size look alike."""
    graph = Graph()
    starts = _starts(layout, schematic, free_ports), _starts(schematic, layout, free_ports)
    sides = layout.circuit, schematic.circuit
    nets = (
        _net_nodes(graph, 0, layout.circuit, starts[0]),
        _net_nodes(graph, 1, schematic.circuit, starts[1]),
    )
    devices: tuple[list[int], list[int]] = ([], [])
    for side, found in enumerate(size_classes(layout, schematic)):
        for device, size in zip(sides[side].devices, found, strict=True):
            kind, count = kind_of(device), len(device.nodes)
            node = graph.add(side, ("device", device.model, count, size))
            devices[side].append(node)
            for net, role in zip(device.nodes, kind.roles[:count], strict=True):
                graph.join(node, nets[side][net], role)
    fixed = [nets[side][port] for side in (0, 1) for port in starts[side]]
    return Joint(graph, nets, devices, fixed)


def _starts(ours: Side, theirs: Side, free_ports: Collection[str]) -> dict[str, str]:
    """What is known of a circuit's ports before: their names, unless they are free."""
    free = {port.lower() for port in free_ports}
    common = common_ports(ours.circuit, theirs.circuit)
    return {port: "any" if port.lower() in free else f"={port.lower()}" for port in common}


def _net_nodes(
    graph: Graph, side: int, circuit: FlatCircuit, starts: Mapping[str, str]
) -> dict[str, int]:
    """A node for every net that has a device, or is a port of both circuits."""
    used = {node for device in circuit.devices for node in device.nodes}
    return {
        net: graph.add(side, ("net", starts.get(net, "")))
        for net in device_nets(circuit)
        if net in used or net in starts
    }


def size_classes(
    layout: Side, schematic: Side
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Of every device, which of the sizes of its model it has, as numbers from 0: sizes that differ
    by less than they may be off are one, and so are all where some are not given."""
    both = [(side, device) for side in (layout, schematic) for device in side.circuit.devices]
    # Devices of one size are looked at once.
    keys = [(*_size(device), side.fingers.get(device.name, 1)) for side, device in both]
    examples = dict(zip(keys, both, strict=True))
    groups: defaultdict[str, list[_Key]] = defaultdict(list)
    for key, (_, device) in examples.items():
        groups[device.model].append(key)
    classes: dict[_Key, tuple[int, ...]] = dict.fromkeys(examples, ())
    for members in groups.values():
        given = {key: sizes(examples[key][1]) for key in members}
        for size in dict.fromkeys(name for found in given.values() for name in found):
            if not all(size in found for found in given.values()):
                continue
            values = [
                (given[key][size], index, examples[key][0].tolerance(examples[key][1], size))
                for index, key in enumerate(members)
            ]
            for index, number in _clusters(values):
                classes[members[index]] += (number,)
    found = [classes[key] for key in keys]
    count = len(layout.circuit.devices)
    return found[:count], found[count:]


def _size(device: FlatDevice) -> _Key:
    """All that decides about a device's sizes."""
    return (device.model, device.kind, device.w_um, device.l_um, device.parameters)


def _clusters(values: list[tuple[float, int, float]]) -> Iterator[tuple[int, int]]:
    """Numbers for (value, index, tolerance), the same for values that lie together."""
    number, last = 0, None
    for value, index, allowed in sorted(values):
        if last is not None and value - last[0] > max(allowed, last[1]):
            number += 1
        last = (value, allowed)
        yield index, number


def _paired_devices(
    layout: Side, schematic: Side, nets: Mapping[str, str]
) -> dict[str, str] | None:
    """Devices paired under a pairing of nets: the proof that it is right. None when it is not."""
    meant = defaultdict(list)
    for device in schematic.circuit.devices:
        meant[_place(device, device.nodes)].append(device)
    drawn = defaultdict(list)
    for device in layout.circuit.devices:
        drawn[_place(device, tuple(nets[node] for node in device.nodes))].append(device)
    if drawn.keys() != meant.keys() or len(set(nets.values())) != len(nets):
        return None
    pairs = {}
    for place, ours in drawn.items():
        theirs = meant[place]
        if len(ours) != len(theirs):
            return None
        if len(ours) > 1:
            ours, theirs = sorted(ours, key=_order), sorted(theirs, key=_order)
        for one, other in zip(ours, theirs, strict=True):
            pairs[one.name] = other.name
            if _size(one) == _size(other):
                continue
            a, b = sizes(one), sizes(other)
            for size in a.keys() & b.keys():
                limit = max(layout.tolerance(one, size), schematic.tolerance(other, size))
                if abs(a[size] - b[size]) > limit:
                    return None
    return pairs


def _order(device: FlatDevice) -> list[tuple[str, float]]:
    return sorted(sizes(device).items())


def _place(device: FlatDevice, nodes: Sequence[str]) -> tuple[object, ...]:
    """Model and nodes, exchangeable ones in the order of their names."""
    ordered, exchangeable = list(nodes), kind_of(device).exchangeable
    if exchangeable is not None:
        first, second = exchangeable
        ordered[first], ordered[second] = sorted((ordered[first], ordered[second]))
    return (device.model, *ordered)
