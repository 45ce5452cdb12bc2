"""Names of nets: labels of the top cell, each on one net; n1, n2, ... for the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import klayout.db as kdb
import numpy as np

from codesign.errors import InputError
from codesign.layout.extract.boxes import near_pairs
from codesign.layout.extract.connect import PLANES, Connected
from codesign.layout.extract.reader import Drawing

_CONDUCTORS = ("nwell", "poly", "li1", "met1", "met2", "met3", "met4", "met5")
# ngspice takes these in a node name; blanks, quotes, braces, commas and operators end one.
_NODE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\[\]<>!/.:#-]*\Z")
# Name of the substrate's net where no label says another.
UNNAMED_SUBSTRATE = "substrate"


@dataclass(frozen=True)
class Label:
    """A text of the top cell; position in database units; conductor `substrate` for the bulk."""

    text: str
    conductor: str
    x: int
    y: int


@dataclass(frozen=True)
class Names:
    """Name of every net by index, the label of each labelled one, texts on no conductor."""

    names: tuple[str, ...]
    anchors: dict[int, Label]
    stray: tuple[Label, ...]

    @property
    def labelled(self) -> frozenset[int]:
        """Indices of the nets with a label."""
        return frozenset(self.anchors)

    @property
    def label_names(self) -> tuple[str, ...]:
        """All labels, in natural order (a2 before a10)."""
        return tuple(sorted((self.names[net] for net in self.anchors), key=natural_key))


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that counts: bn_2 comes before bn_10."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p.lower()) for p in parts)


def labels(drawing: Drawing) -> list[Label]:
    """The texts of the top cell itself that name nets; those of cells inside it do not count."""
    technology = drawing.technology
    # Text purposes of a conductor: label, pin, and the drawing purpose, which some tools use.
    purposes = (technology.label_purpose, technology.pin_purpose)
    gds = {
        (technology.gds(name)[0], purpose): name
        for name in _CONDUCTORS
        for purpose in (*purposes, technology.gds(name)[1])
    }
    gds |= dict.fromkeys(technology.substrate_texts, "substrate")
    found = []
    for (number, purpose), conductor in gds.items():
        index = drawing.layout.find_layer(number, purpose)
        if index is None:
            continue
        for shape in drawing.cell.shapes(index).each(kdb.Shapes.STexts):
            position = shape.text.trans.disp
            found.append(Label(shape.text.string, conductor, position.x, position.y))
    return sorted(found, key=lambda label: (natural_key(label.text), label.x, label.y))


def name_nets(drawing: Drawing, connected: Connected) -> Names:
    """Every net's name. Raises InputError when no label lies on a conductor, a label cannot be a
    node name, two labels are on one net (a short) or one label is on two nets (an open)."""
    named: dict[int, Label] = {}
    spoken: dict[str, tuple[int, Label]] = {}
    stray = []
    found = labels(drawing)
    for label, net in zip(found, _nets_at(drawing, connected, found), strict=True):
        _check_name(drawing, label)
        if net is None:
            stray.append(label)
            continue
        other = named.setdefault(net, label)
        if other.text != label.text:
            raise InputError(
                f"{drawing.source}: {_at(other, drawing)} and {_at(label, drawing)} are on one net "
                "(a short)",
                remedy="separate the two nets, or keep one of the labels",
            )
        # SPICE does not tell upper from lower case.
        first_net, first = spoken.setdefault(label.text.lower(), (net, label))
        if first_net != net:
            raise InputError(
                f"{drawing.source}: {_at(first, drawing)} and {_at(label, drawing)} are on two "
                "nets that are not connected; a netlist would join them by name",
                remedy="connect them in the layout, or give one another name",
            )
    if not named:
        where = f" ({len(stray)} texts lie on no conductor)" if stray else ""
        raise InputError(
            f"{drawing.source}: cell {drawing.cell.name!r} has no labels on its conductors{where}; "
            "without them the netlist has no ports",
            remedy="add texts on purpose 5 or 16 of the layer they name, in the top cell itself",
        )
    return Names(_all_names(connected, named, set(spoken)), named, tuple(stray))


def _all_names(connected: Connected, named: dict[int, Label], taken: set[str]) -> tuple[str, ...]:
    names = {net: label.text for net, label in named.items()}
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


def _order(connected: Connected) -> Iterable[int]:
    """Nets in the order transistors use them, then by their lowest left corner."""
    yield from (net for transistor in connected.transistors for net in transistor.nets)
    corners: dict[int, tuple[int, int, int]] = {}
    for rank, plane in enumerate(PLANES):
        boxes, owners = connected.plane(plane)
        for net, x, y in zip(
            owners.tolist(), boxes[:, 0].tolist(), boxes[:, 1].tolist(), strict=True
        ):
            corners[net] = min(corners.get(net, (y, x, rank)), (y, x, rank))
    yield from sorted(corners, key=lambda net: corners[net])
    yield from range(connected.n_nets)


def _nets_at(drawing: Drawing, connected: Connected, found: Sequence[Label]) -> list[int | None]:
    """The net under each label: the one whose shape it lies inside, else the one it touches."""
    inside: list[set[int]] = [set() for _ in found]
    touching: list[set[int]] = [set() for _ in found]
    for plane in ("gate", *_CONDUCTORS):
        conductor = "poly" if plane == "gate" else plane
        mine = [k for k, label in enumerate(found) if label.conductor == conductor]
        points = np.array([(found[k].x, found[k].y) * 2 for k in mine], np.int64).reshape(-1, 4)
        boxes, owners = connected.plane(plane)
        i, j = near_pairs(points, boxes)
        within = (boxes[j, :2] < points[i, :2]) & (points[i, :2] < boxes[j, 2:])
        hits = np.stack((i, owners[j], within.all(axis=1)), axis=1)
        for k, net, is_inside in hits.tolist():
            (inside if is_inside else touching)[mine[k]].add(net)
    result: list[int | None] = []
    for k, label in enumerate(found):
        nets = inside[k] or touching[k]
        if label.conductor == "substrate":
            nets = {connected.below(label.x, label.y)}
        if len(nets) > 1:
            raise InputError(
                f"{drawing.source}: {_at(label, drawing)} lies where {len(nets)} nets meet",
                remedy="move it inside the shape it names",
            )
        result.append(min(nets) if nets else None)
    return result


def _check_name(drawing: Drawing, label: Label) -> None:
    if label.text == "0" or not _NODE.match(label.text):
        raise InputError(
            f"{drawing.source}: {_at(label, drawing)} cannot be the name of a SPICE node",
            remedy="use letters, digits and _ [ ] < > ! / . : # -; 0 is SPICE's ground",
        )


def _at(label: Label, drawing: Drawing) -> str:
    x, y = (value * drawing.dbu_um for value in (label.x, label.y))
    return f"label {label.text!r} on {label.conductor} at ({x:.4g}, {y:.4g}) um"


def stray_notes(names: Names, drawing: Drawing) -> Iterator[str]:
    """A line for the header about every text that lies on no conductor of its layer."""
    for label in names.stray:
        yield f"{_at(label, drawing)} lies on no {label.conductor}: it names no net"
