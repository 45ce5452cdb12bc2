"""From the nearest pairing to differences a person understands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codesign.layout.circuit import FlatDevice
from codesign.layout.lvs.kinds import differences, in_words, kind_of, terminals
from codesign.layout.lvs.nearest import Outcome, nearest
from codesign.layout.lvs.pairing import pair
from codesign.layout.lvs.pins import exchangeable_pins, swapped_pin
from codesign.layout.lvs.reductions import Level
from codesign.layout.lvs.report import Problem


@dataclass(frozen=True)
class Diagnosis:
    """What differs, and what could be paired all the same."""

    problems: tuple[Problem, ...]
    nets: dict[str, str]
    devices: dict[str, str]
    notes: tuple[str, ...]


def diagnose(level: Level) -> Diagnosis:
    """What differs between two circuits without a pairing, causes before consequences."""
    swapped = tuple(_swapped_pins(level))
    if swapped:
        return Diagnosis(swapped, {}, {}, level.notes)
    outcome = nearest(level.layout, level.schematic)
    view = _View(level, outcome)
    problems: tuple[Problem, ...] = (
        *view.sizes(),
        *view.models(),
        *view.missing_and_extra_devices(),
        *view.shorts(),
        *view.opens(),
        *view.connections(),
        *view.lonely_nets(),
    )
    if not problems:
        text = "the circuits cannot be paired, and no single device or net is the reason"
        problems = (Problem("other", text),)
    return Diagnosis(problems, outcome.nets, outcome.devices, level.notes)


def _swapped_pins(level: Level) -> Iterator[Problem]:
    """Pins whose exchange alone explains everything.

    Pins that carry the same terminals could have been exchanged: one such group after the other is
    freed while all other pins stay fixed by name, and what matches then is the exchange.
    """
    for free in exchangeable_pins(level.layout.circuit, level.schematic.circuit):
        found = pair(level.layout, level.schematic, free)
        if found is None:
            continue
        for port in level.layout.circuit.ports:
            meant = found.nets.get(port)
            if meant is not None and meant.lower() != port.lower():
                yield swapped_pin(port, meant)
        return


class _View:
    """Both circuits by name, with the nets that are known to correspond."""

    def __init__(self, level: Level, outcome: Outcome) -> None:
        layout, schematic = level.layout.circuit, level.schematic.circuit
        self.level, self.outcome = level, outcome
        self.drawn = {device.name: device for device in layout.devices}
        self.meant = {device.name: device for device in schematic.devices}
        self.nets = outcome.nets
        self.lonely_drawn, self.lonely_meant = outcome.lonely_drawn, outcome.lonely_meant
        self.explained: set[str] = set()

    def pairs(
        self, raw: Iterable[tuple[str | None, str | None]]
    ) -> Iterator[tuple[FlatDevice, FlatDevice]]:
        for a, b in raw:
            if a is not None and b is not None:
                yield self.drawn[a], self.meant[b]

    def sizes(self) -> Iterator[Problem]:
        for drawn, meant in self.pairs(self.outcome.wrong_sizes):
            fingers = max(
                side.fingers.get(device.name, 1)
                for side, device in ((self.level.layout, drawn), (self.level.schematic, meant))
            )
            parts = differences(drawn, meant, fingers)
            if parts:
                text = f"{_both(drawn, meant)}: {'; '.join(parts)}"
                yield Problem("wrong size", text, (drawn.name,), (meant.name,))

    def models(self) -> Iterator[Problem]:
        for drawn, meant in self.pairs(self.outcome.wrong_models):
            text = (
                f"{_both(drawn, meant)}: {drawn.model} in the layout, "
                f"{meant.model} in the schematic"
            )
            yield Problem("wrong model", text, (drawn.name,), (meant.name,))

    def missing_and_extra_devices(self) -> Iterator[Problem]:
        for a, b in self.outcome.device_mismatches:
            if a is None and b is not None:
                text = f"the layout has no device like {_described(self.meant[b])}"
                yield Problem("missing device", text, (), (b,))
            elif b is None and a is not None:
                text = f"the schematic has no device like {_described(self.drawn[a])}"
                yield Problem("extra device", text, (a,), ())

    def shorts(self) -> Iterator[Problem]:
        """Nets of the schematic without partner whose devices sit on one net in the layout."""
        for net in self.lonely_meant:
            for drawn_net in self._partners(net, of_schematic=True):
                other = self.nets.get(drawn_net)
                if other is None or other == net:
                    continue
                self.explained.update((net, drawn_net))
                text = f"{other} and {net} of the schematic are one net, {drawn_net}, in the layout"
                yield Problem("short", text, (drawn_net,), (other, net))
                break

    def opens(self) -> Iterator[Problem]:
        """Nets of the layout without partner whose devices sit on one net in the schematic."""
        back = {b: a for a, b in self.nets.items()}
        for net in self.lonely_drawn:
            for meant_net in self._partners(net, of_schematic=False):
                other = back.get(meant_net)
                if other is None or other == net:
                    continue
                self.explained.update((net, meant_net))
                text = f"{meant_net} of the schematic is in pieces in the layout: {other} and {net}"
                yield Problem("open", text, (other, net), (meant_net,))
                break

    def connections(self) -> Iterator[Problem]:
        for drawn, meant in self.pairs(self.outcome.device_mismatches):
            differences = [
                f"{terminal} is on {a} in the layout, on {b} in the schematic"
                for terminal, a, b in zip(
                    terminals(drawn), _aligned(drawn, meant, self.nets), meant.nodes, strict=True
                )
                if self.nets.get(a) != b
            ]
            if differences:
                text = f"{_both(drawn, meant)}: {'; '.join(differences)}"
                yield Problem("wrong connection", text, (drawn.name,), (meant.name,))

    def lonely_nets(self) -> Iterator[Problem]:
        for net in self.lonely_meant:
            if net not in self.explained:
                yield Problem("net", f"the layout has no net like {net}", (), (net,))
        for net in self.lonely_drawn:
            if net not in self.explained:
                yield Problem("net", f"the schematic has no net like {net}", (net,), ())

    def _partners(self, net: str, *, of_schematic: bool) -> list[str]:
        """Nets of the other side at the terminals of this net, most frequent first."""
        counts: dict[str, int] = {}
        for drawn, meant in self.pairs(self.outcome.device_mismatches):
            for a, b in zip(_aligned(drawn, meant, self.nets), meant.nodes, strict=True):
                here, there = (b, a) if of_schematic else (a, b)
                if here == net:
                    counts[there] = counts.get(there, 0) + 1
        return sorted(counts, key=lambda name: (-counts[name], name))


def _aligned(drawn: FlatDevice, meant: FlatDevice, nets: dict[str, str]) -> tuple[str, ...]:
    """The layout device's nodes with exchangeable terminals the way round that fits better."""
    exchangeable = kind_of(drawn).exchangeable
    if exchangeable is None:
        return drawn.nodes
    first, second = exchangeable
    turned = list(drawn.nodes)
    turned[first], turned[second] = turned[second], turned[first]
    ways = (drawn.nodes, tuple(turned))
    agreement = [
        sum(nets.get(a) == b for a, b in zip(way, meant.nodes, strict=True)) for way in ways
    ]
    return ways[agreement[1] > agreement[0]]


def _both(drawn: FlatDevice, meant: FlatDevice) -> str:
    place = f" at ({drawn.x_um:g}, {drawn.y_um:g}) um" if drawn.x_um is not None else ""
    return f"{meant.name} (layout: {drawn.name}{place})"


def _described(device: FlatDevice) -> str:
    nodes = ", ".join(
        f"{terminal} {node}" for terminal, node in zip(terminals(device), device.nodes, strict=True)
    )
    return f"{device.name} ({device.model} {in_words(device)}; {nodes})"
