"""Shapes on layers that the process does not name: refused all at once, or left out and named."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import klayout.db as kdb

from codesign.errors import InputError
from codesign.layout.extract.reader import Drawing


class Unknown(StrEnum):
    """What becomes of layers and devices that the process does not know."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave-out"


def unknown_layers(drawing: Drawing, unknown: Unknown | str = Unknown.REFUSE) -> tuple[str, ...]:
    """Notes on layers with shapes that are not extracted: fill, and with `leave-out` those that the
    process does not name. Raises InputError, listing them all, with `refuse`."""
    technology = drawing.technology
    found = list(_strange(drawing))
    fill = [name for gds, name, _ in found if gds in technology.fill]
    strange = [(name, where) for gds, name, where in found if gds not in technology.fill]
    notes = []
    if fill:
        notes.append(f"fill shapes were left out: layers {', '.join(fill)}")
    if strange and Unknown(unknown) is Unknown.REFUSE:
        listed = ", ".join(f"layer {name} ({where})" for name, where in strange)
        verb = "is" if len(strange) == 1 else "are"
        raise InputError(
            f"{drawing.source}: {listed} {verb} not known to {technology.name} extraction; this "
            "may change devices or connections",
            remedy="remove them, draw with layers of the process's layers.toml, or extract the "
            "rest with --unknown leave-out",
        )
    if strange:
        names = ", ".join(name for name, _ in strange)
        notes.append(f"layers that are not known were left out: {names}")
    return tuple(notes)


def _strange(drawing: Drawing) -> Iterator[tuple[tuple[int, int], str, str]]:
    """GDS numbers, their text, count and place of every layer that may change something."""
    technology = drawing.technology
    named = {*technology.layers, *technology.cuts, *technology.marks}
    known = {technology.gds(name) for name in named}
    layers = []
    for index in drawing.layout.layer_indexes():
        info = drawing.layout.get_info(index)
        layers.append(((info.layer, info.datatype), index))
    for gds, index in sorted(layers):
        if gds in known or technology.draws_nothing(gds):
            continue
        shapes = drawing.cell.begin_shapes_rec(index)
        shapes.shape_flags = kdb.Shapes.SBoxes | kdb.Shapes.SPolygons | kdb.Shapes.SPaths
        if not shapes.at_end():
            box: Any = shapes.shape().bbox().transformed(shapes.trans())
            x, y = (value * drawing.dbu_um for value in (box.center().x, box.center().y))
            yield gds, f"{gds[0]}/{gds[1]}", f"a shape at ({x:.4g}, {y:.4g}) um"
