"""Equal ways of drawing one circuit: parallel fingers, resistors in series, stacks in fingers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace

from codesign.layout.circuit import FlatCircuit, FlatDevice
from codesign.layout.lvs.kinds import SIZE_TOLERANCE_UM, is_transistor
from codesign.layout.lvs.pairing import Side
from codesign.layout.lvs.prepare import device_nets

_TransistorKey = tuple[object, ...]
# Shares of a current count as the same to three digits; the shift keeps 1/16 from lying between.
_SHARE_DIGITS, _SHARE_SHIFT = 3, 1e-6


def parallel(side: Side) -> Side:
    """Transistors with the same nodes, model and length as one of their total width."""
    groups: dict[_TransistorKey, list[FlatDevice]] = {}
    for device in side.circuit.devices:
        groups.setdefault(_parallel_key(device), []).append(device)
    devices, fingers = [], dict(side.fingers)
    for group in groups.values():
        width = sum(device.w_um for device in group)
        devices.append(replace(group[0], w_um=width) if len(group) > 1 else group[0])
        # The sum of unequal widths is no multiple of a rounded one.
        equal = max(d.w_um for d in group) - min(d.w_um for d in group) < SIZE_TOLERANCE_UM
        count = sum(side.fingers.get(device.name, 1) for device in group)
        fingers[group[0].name] = count if equal else 1
    return replace(side, circuit=replace(side.circuit, devices=tuple(devices)), fingers=fingers)


def _parallel_key(device: FlatDevice) -> _TransistorKey:
    if not is_transistor(device):
        return (device.name,)
    drain, gate, source, bulk = device.nodes
    ends = tuple(sorted((drain, source)))
    return (device.model, round(device.l_um / SIZE_TOLERANCE_UM), ends, gate, bulk)


def in_series(side: Side) -> Side:
    """Resistors of one model and width, with nothing else between them, as one of their total
    length."""
    circuit = side.circuit
    touching: defaultdict[str, list[FlatDevice]] = defaultdict(list)
    for device in circuit.devices:
        for node in device.nodes:
            touching[node].append(device)
    ports = set(circuit.ports)
    present = {device.name: device for device in circuit.devices}
    for net, around in touching.items():
        if net in ports or len(around) != 2 or any(d.kind != "res" for d in around):
            continue
        one, other = (present[device.name] for device in around)
        same = (one.model, one.nodes[2:]) == (other.model, other.nodes[2:])
        if one is other or not same or abs(one.w_um - other.w_um) > SIZE_TOLERANCE_UM:
            continue
        if net in one.nodes[2:]:
            continue
        ends = (*_beyond(one, net), *_beyond(other, net))
        joined = replace(one, nodes=(*ends, *one.nodes[2:]), l_um=one.l_um + other.l_um)
        present[one.name] = joined
        del present[other.name]
        names = (one.name, other.name)
        for end in ends:
            touching[end] = [joined if d.name in names else d for d in touching[end]]
    return replace(side, circuit=replace(circuit, devices=tuple(present.values())))


def _beyond(resistor: FlatDevice, net: str) -> Iterator[str]:
    first, second = resistor.nodes[:2]
    yield second if first == net else first


def stacks(side: Side) -> Side:
    """Inner nets of stacks that are at one potential by symmetry as one net.

    A stack drawn in several fingers has its inner nets once per finger, a schematic once. Nets that
    end channels and nothing else, whose channels have the same gates, models, lengths and other
    ends, and widths in one proportion, divide the current in that proportion: joining them changes
    no potential. Other ends may be such nets themselves; the coarsest partition in which this holds
    is found by refinement.
    """
    channels = _channels_of_inner_nets(side.circuit)
    classes: dict[str, Hashable] = dict.fromkeys(channels, "inner")
    count = 1
    while True:
        seen = {net: (classes[net], _shares(net, channels[net], classes)) for net in channels}
        numbers: dict[Hashable, int] = {}
        classes = {net: numbers.setdefault(key, len(numbers)) for net, key in seen.items()}
        if len(numbers) == count:
            break
        count = len(numbers)
    groups: defaultdict[Hashable, list[str]] = defaultdict(list)
    for net, number in classes.items():
        groups[number].append(net)
    joined = {nets[0]: tuple(nets) for nets in groups.values() if len(nets) > 1}
    names = {net: first for first, nets in joined.items() for net in nets}
    return parallel(replace(side, circuit=side.circuit.renamed(names), joined=joined))


def _channels_of_inner_nets(circuit: FlatCircuit) -> dict[str, list[FlatDevice]]:
    """Nets at two and more ends of channels, and at nothing else, with the transistors."""
    found: defaultdict[str, list[FlatDevice]] = defaultdict(list)
    other = set(circuit.ports)
    for device in circuit.devices:
        if not is_transistor(device):
            other.update(device.nodes)
            continue
        drain, gate, source, bulk = device.nodes
        other.update((gate, bulk))
        if drain == source:
            other.add(drain)
        found[drain].append(device)
        found[source].append(device)
    return {net: ds for net, ds in found.items() if net not in other and len(ds) > 1}


def _shares(
    net: str, channels: list[FlatDevice], classes: dict[str, Hashable]
) -> frozenset[tuple[object, ...]]:
    """What a net's channels are, each with its share of their total width."""
    total = sum(device.w_um for device in channels)
    widths: defaultdict[tuple[object, ...], float] = defaultdict(float)
    for device in channels:
        drain, gate, source, bulk = device.nodes
        end = source if drain == net else drain
        beyond = ("inner", classes[end]) if end in classes else ("net", end)
        length = round(device.l_um / SIZE_TOLERANCE_UM)
        widths[device.model, length, gate, bulk, beyond] += device.w_um
    return frozenset(
        (key, round(w / total + _SHARE_SHIFT, _SHARE_DIGITS)) for key, w in widths.items()
    )


@dataclass(frozen=True)
class Level:
    """Both circuits after some reductions, and what a report says of those that changed either."""

    layout: Side
    schematic: Side
    notes: tuple[str, ...] = ()

    def may_match(self) -> bool:
        """Whether the layout has as many nets for each one that nets were taken together to, as far
        as their numbers tell: it may draw apart what is one net, not join what are several."""
        ours, theirs = (
            sorted(map(len, side.joined.values()), reverse=True)
            for side in (self.layout, self.schematic)
        )
        return len(ours) >= len(theirs) and all(map(int.__ge__, ours, theirs))

    def shorts(self, nets: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Nets of the layout that are fewer than those of the schematic they stand for, under a
        pairing of nets."""
        back = {meant: drawn for drawn, meant in nets.items()}
        for meant, several in self.schematic.joined.items():
            drawn = self.layout.joined.get(back[meant], (back[meant],))
            if len(drawn) < len(several):
                yield drawn, several


_REDUCTIONS: tuple[tuple[Callable[[Side], Side], str], ...] = (
    (parallel, "parallel transistors were taken together"),
    (in_series, "resistors in series were taken together"),
    (stacks, "the fingers of stacked transistors were taken together"),
)


def levels(layout: FlatCircuit, schematic: FlatCircuit) -> Iterator[Level]:
    """The circuits as drawn, then with one reduction more each time, where it changes anything."""
    level = Level(Side(layout), Side(schematic))
    yield level
    for reduction, words in _REDUCTIONS:
        drawn, meant = reduction(level.layout), reduction(level.schematic)
        if _size(drawn) != _size(level.layout) or _size(meant) != _size(level.schematic):
            level = Level(drawn, meant, (*level.notes, words))
            yield level


def _size(side: Side) -> tuple[int, int]:
    return len(side.circuit.devices), len(device_nets(side.circuit))
