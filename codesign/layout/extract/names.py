"""Names of nets: labels of the top cell; n1, n2, ... for the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from codesign.errors import InputError
from codesign.layout.extract.connect import PLANES, Connected
from codesign.layout.extract.label_nets import nets_at
from codesign.layout.extract.labels import Label, at, is_node, natural_key
from codesign.layout.extract.reader import Drawing

# Name of the substrate's net where no label says another.
UNNAMED_SUBSTRATE = "substrate"
_SHOWN = 5

# A label and the net that it is on.
Placed = tuple[Label, int]


@dataclass(frozen=True)
class Names:
    """Name of every net by index. Nets that a port's label joins have the same name.

    anchors: the label that gave each labelled net its name. ports: nets that are ports. labels:
    every label with the name that was chosen for its net. pins: the pins of a port's net besides
    its anchor, one place for each name. stray: texts on no conductor. notes: what a reader of the
    netlist should know about the labels.
    """

    names: tuple[str, ...]
    anchors: dict[int, Label]
    ports: frozenset[int]
    labels: tuple[tuple[str, str], ...]
    pins: dict[int, tuple[Label, ...]]
    stray: tuple[Label, ...]
    notes: tuple[str, ...]

    @property
    def labelled(self) -> frozenset[int]:
        """Indices of the nets with a label."""
        return frozenset(self.anchors)

    @property
    def same(self) -> dict[int, int]:
        """For nets that a port's label joins: the first of the nets with its name."""
        first: dict[str, int] = {}
        pairs = ((net, first.setdefault(self.names[net], net)) for net in sorted(self.ports))
        return {net: other for net, other in pairs if net != other}

    @property
    def port_names(self) -> tuple[str, ...]:
        """Names of the ports, in natural order (a2 before a10)."""
        return tuple(sorted({self.names[net] for net in self.ports}, key=natural_key))


def name_nets(
    drawing: Drawing, connected: Connected, found: Sequence[Label], wanted: Sequence[str] = ()
) -> Names:
    """Every net's name; `found` are the labels, `wanted` the ports by name where these are known.

    A net with several names gets that of the port wanted, else the first of its pins in natural
    order; the others are aliases. A pin's label on several nets makes one port of them. Raises
    InputError for a label where nets meet, and for ports that differ only in case.
    """
    placed: list[Placed] = []
    stray = []
    for label, net in zip(found, nets_at(drawing, connected, found), strict=True):
        if net is None:
            stray.append(label)
        else:
            placed.append((label, net))
    spelled = {name.lower(): name for name in reversed(wanted)}
    pins = {label.text for label, _ in placed if label.is_pin or label.text.lower() in spelled}
    chooser = _Chooser(drawing, spelled, pins)
    for group in _groups([(label, net) for label, net in placed if is_node(label.text)], pins):
        chooser.take(group)
    unused = sorted({at(label, drawing) for label, _ in placed if not is_node(label.text)})
    if unused:
        chooser.notes.append(f"no names for SPICE, left out: {_few(unused)}")
    return Names(
        _all_names(connected, chooser.names, set(chooser.taken)),
        chooser.anchors,
        frozenset(chooser.ports),
        tuple(sorted(chooser.labels, key=lambda pair: natural_key(pair[0]))),
        chooser.pins,
        tuple(stray),
        tuple(chooser.notes),
    )


def _groups(placed: Sequence[Placed], pins: Collection[str]) -> list[list[Placed]]:
    """The labels net by net, nets that hold the same pin together; groups with pins first."""
    group_of_net: dict[int, int] = {}
    group_of_pin: dict[str, int] = {}
    groups: dict[int, list[Placed]] = {}
    for number, (label, net) in enumerate(placed):
        group = group_of_net.setdefault(net, number)
        if label.text in pins:
            other = group_of_pin.setdefault(label.text, group)
            if other != group:
                for moved, net_moved in groups.pop(group, []):
                    groups[other].append((moved, net_moved))
                    group_of_net[net_moved] = other
                    if moved.text in pins:
                        group_of_pin[moved.text] = other
                group_of_net[net] = group = other
        groups.setdefault(group, []).append((label, net))
    ordered = list(groups.values())
    return sorted(ordered, key=lambda group: not any(label.text in pins for label, _ in group))


class _Chooser:
    """Chooses a name for one group of nets after the other."""

    def __init__(self, drawing: Drawing, spelled: dict[str, str], pins: Collection[str]) -> None:
        self._drawing, self._spelled, self._pins = drawing, spelled, pins
        self.names: dict[int, str] = {}
        self.anchors: dict[int, Label] = {}
        self.ports: set[int] = set()
        self.pins: dict[int, tuple[Label, ...]] = {}
        self.labels: list[tuple[str, str]] = []
        self.notes: list[str] = []
        # Names in lower case, as SPICE takes them, with the label behind each.
        self.taken: dict[str, Label] = {}

    def take(self, group: Sequence[Placed]) -> None:
        """Name the nets of a group."""
        ranked = sorted(group, key=self._rank)
        first, is_port = ranked[0][0], ranked[0][0].text in self._pins
        name = self._free_name(first, is_port)
        spelled = {label.text.lower(): label.text for label, _ in reversed(ranked)}
        others = [text for low, text in spelled.items() if low != first.text.lower()]
        self.labels += [(text, name) for text in spelled.values()]
        nets = {net for _, net in group}
        self.names |= dict.fromkeys(nets, name)
        self.anchors |= {net: label for label, net in reversed(ranked)}
        if is_port:
            self.ports |= nets
            self._other_pins(ranked, first)
            if others:
                self.notes.append(f"port {name} has other names: {_few(sorted(others))}")
            if len(nets) > 1:
                places = [at(self.anchors[net], self._drawing) for net in sorted(nets)]
                self.notes.append(
                    f"warning: port {name} is on {len(nets)} nets that the layout does not "
                    f"connect; they are one port here, to be joined outside: {_few(places)}"
                )

    def _other_pins(self, ranked: Sequence[Placed], first: Label) -> None:
        places: dict[int, dict[str, Label]] = {}
        for label, net in ranked:
            if label.is_pin and label.text.lower() != first.text.lower():
                places.setdefault(net, {}).setdefault(label.text.lower(), label)
        self.pins |= {net: tuple(labels.values()) for net, labels in places.items()}

    def _rank(self, placed: Placed) -> tuple[bool, bool, tuple[tuple[int, int, str], ...]]:
        text = placed[0].text
        return (text.lower() not in self._spelled, text not in self._pins, natural_key(text))

    def _free_name(self, label: Label, is_port: bool) -> str:
        """A label's text as the port wanted is spelled; with a number where it is taken."""
        name = self._spelled.get(label.text.lower(), label.text)
        other = self.taken.get(name.lower())
        if other is not None and is_port:
            raise InputError(
                f"{self._drawing.source}: {at(other, self._drawing)} and "
                f"{at(label, self._drawing)} are on two nets that are not connected; upper and "
                "lower case are the same to SPICE, a netlist would join them by name",
                remedy="connect them in the layout, or give one another name",
            )
        number = 1
        while name.lower() in self.taken:
            number += 1
            name = f"{label.text}_{number}"
        if number > 1:
            self.notes.append(f"{at(label, self._drawing)} is on another net: called {name} here")
        self.taken[name.lower()] = label
        return name


def _few(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def _all_names(
    connected: Connected, labelled: Mapping[int, str], taken: set[str]
) -> tuple[str, ...]:
    names = dict(labelled)
    if connected.substrate not in names:
        substrate = UNNAMED_SUBSTRATE
        while substrate in taken:
            substrate += "_"
        names[connected.substrate] = substrate
    number = 0
    for net in _order(connected):
        if net not in names:
            number += 1
            while f"n{number}" in taken:
                number += 1
            names[net] = f"n{number}"
    return tuple(names[net] for net in range(connected.n_nets))


def _order(connected: Connected) -> Iterator[int]:
    """Nets in the order in which transistors, from the lowest left one up, use them, then by
    their lowest left corner."""
    yield from (net for transistor in connected.transistors for net in transistor.nets)
    planes = [connected.plane(plane) for plane in PLANES]
    net = np.concatenate([owners for _, owners in planes])
    x, y = np.concatenate([boxes[:, :2] for boxes, _ in planes]).T
    rank = np.repeat(np.arange(len(planes)), [len(owners) for _, owners in planes])
    _, first = np.unique(net[order := np.lexsort((rank, x, y))], return_index=True)
    yield from net[order][np.sort(first)].tolist()
    yield from range(connected.n_nets)


def label_notes(names: Names, drawing: Drawing) -> Iterator[str]:
    """Lines for the header: what was noticed about the labels, and every text on no conductor."""
    yield from names.notes
    inner = len({names.names[net] for net in names.labelled - names.ports})
    if inner:
        yield f"{inner} labels that lie on no pin name nets, which are no ports"
    for label in names.stray:
        yield f"{at(label, drawing)} lies on no {label.conductor}: it names no net"
