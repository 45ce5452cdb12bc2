"""Texts of a layout that name nets: which they are, which of them are pins, how they are spelled.

A text on the pin purpose is a pin, and so is a text on the label purpose that lies on a pin shape.
Where a cell has a pin, every other text only names a net; where it has none, all are pins.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import klayout.db as kdb

from codesign.errors import CheckFailed, InputError
from codesign.layout.extract.reader import Drawing

CONDUCTORS = ("nwell", "poly", "li1", "met1", "met2", "met3", "met4", "met5")
SUBSTRATE = "substrate"
# ngspice takes these in a node name; blanks, quotes, braces, commas and most operators end one.
_NODE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\[\]<>!/.:#+-]*\Z")


@dataclass(frozen=True)
class Label:
    """A text of the top cell; position in database units; conductor `substrate` for the bulk.

    is_pin: it makes a port; others only name a net.
    """

    text: str
    conductor: str
    x: int
    y: int
    is_pin: bool = True


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that counts: bn_2 comes before bn_10."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p.lower()) for p in parts)


def labels(drawing: Drawing) -> list[Label]:
    """The texts of the top cell itself that name nets, in natural order; those of cells inside it
    do not count. A backslash, with which some writers protect a bracket, is left out."""
    pin_shapes: dict[int, kdb.Shapes] = {}
    found = []
    for (number, purpose), conductor in _purposes(drawing).items():
        index = drawing.layout.find_layer(number, purpose)
        if index is None:
            continue
        if number not in pin_shapes:
            pin_shapes[number] = _pin_shapes(drawing, number)
        on_pin_purpose = purpose == drawing.technology.pin_purpose
        for shape in drawing.cell.shapes(index).each(kdb.Shapes.STexts):
            at = shape.text.trans.disp
            is_pin = on_pin_purpose or _touches(pin_shapes[number], at)
            text = shape.text.string.replace("\\", "")
            found.append(Label(text, conductor, at.x, at.y, is_pin))
    if not any(label.is_pin for label in found):
        found = [replace(label, is_pin=True) for label in found]
    return sorted(found, key=lambda label: (natural_key(label.text), label.text, label.x, label.y))


def _purposes(drawing: Drawing) -> dict[tuple[int, int], str]:
    """GDS numbers of texts: label, pin, and the drawing purpose, which some tools use."""
    technology = drawing.technology
    purposes = (technology.label_purpose, technology.pin_purpose)
    gds = {
        (technology.gds(name)[0], purpose): name
        for name in CONDUCTORS
        for purpose in (*purposes, technology.gds(name)[1])
    }
    return gds | dict.fromkeys(technology.substrate_texts, SUBSTRATE)


def _pin_shapes(drawing: Drawing, number: int) -> kdb.Shapes:
    index = drawing.layout.find_layer(number, drawing.technology.pin_purpose)
    return kdb.Shapes() if index is None else drawing.cell.shapes(index)


def _touches(shapes: kdb.Shapes, at: kdb.Vector) -> bool:
    box = kdb.Box(at.x, at.y, at.x, at.y)
    flags = kdb.Shapes.SBoxes | kdb.Shapes.SPolygons | kdb.Shapes.SPaths
    # A point is inside a polygon on whose edge it lies.
    return any(shape.polygon.inside(box.p1) for shape in shapes.each_touching(flags, box))


def check_labels(
    drawing: Drawing, wanted: Sequence[str] | None = None, unconnected: Collection[str] = ()
) -> list[Label]:
    """The labels, checked as far as they can be before nets are known.

    Raises InputError where none lies on its conductor, or a pin's text cannot be a node's name;
    CheckFailed where one of the `wanted` ports has no label, unless it is in `unconnected`.
    """
    found = labels(drawing)
    on_conductor = [label for label in found if is_drawn(drawing, label)]
    if not on_conductor:
        where = f" ({len(found)} texts lie on no conductor)" if found else ""
        raise InputError(
            f"{drawing.source}: cell {drawing.cell.name!r} has no labels on its conductors{where}; "
            "without them the netlist has no ports",
            remedy="add texts on purpose 5 or 16 of the layer they name, in the top cell itself",
        )
    bad = [label for label in on_conductor if label.is_pin and not is_node(label.text)]
    if bad:
        more = f", and {len(bad) - 1} labels more" if len(bad) > 1 else ""
        raise InputError(
            f"{drawing.source}: {at(bad[0], drawing)}{more} cannot be the name of a SPICE node",
            remedy="use letters, digits and _ [ ] < > ! / . : # + -; 0 is SPICE's ground",
        )
    known = {label.text.lower() for label in on_conductor}
    spared = {port.lower() for port in unconnected}
    missing = [port for port in wanted or () if port.lower() not in known | spared]
    if missing:
        raise CheckFailed(
            f"port audit of {drawing.cell.name}: {len(missing)} faults\n  "
            + "\n  ".join(f"{port}: no net of the layout has this label" for port in missing),
            remedy="label the nets in the top cell as the schematic names its ports",
        )
    return found


def is_drawn(drawing: Drawing, label: Label) -> bool:
    """Whether a label lies on a shape of the conductor that it names."""
    if label.conductor == SUBSTRATE:
        return True
    index = drawing.layout.find_layer(*drawing.technology.gds(label.conductor))
    if index is None:
        return False
    place = kdb.Point(label.x, label.y)
    near = drawing.cell.begin_shapes_rec_touching(index, kdb.Box(place, place))
    near.shape_flags = kdb.Shapes.SBoxes | kdb.Shapes.SPolygons | kdb.Shapes.SPaths
    while not near.at_end():
        if near.shape().polygon.transformed(near.trans()).inside(place):
            return True
        near.next()
    return False


def is_node(text: str) -> bool:
    """Whether SPICE takes a text as the name of a node."""
    return text != "0" and _NODE.match(text) is not None


def at(label: Label, drawing: Drawing) -> str:
    """A label and its place, for a message."""
    x, y = (value * drawing.dbu_um for value in (label.x, label.y))
    return f"label {label.text!r} on {label.conductor} at ({x:.4g}, {y:.4g}) um"
