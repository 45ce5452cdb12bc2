"""Which layers and marks cover each gate: what the transistor's model is chosen by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from codesign.errors import InputError
from codesign.layout.extract.checks import place
from codesign.layout.extract.reader import Drawing

Point = tuple[int, int]


def marks_over(
    drawing: Drawing, shapes: Any, marks: Iterable[str], what: str = "gate"
) -> dict[Point, set[str]]:
    """The marks that cover each polygon, by the centre of its box in database units. Raises
    InputError for a mark over part of one."""
    found: dict[Point, set[str]] = {}
    for name in marks:
        marker = drawing.region(name)
        if marker.is_empty():
            continue
        partly = shapes.interacting(marker).not_inside(marker) & marker
        if not partly.is_empty():
            raise InputError(
                f"{drawing.source}: {name} covers only part of the {what} at "
                f"{place(next(partly.each()).bbox(), drawing.dbu_um)}",
                remedy=f"{name} covers a {what} whole or not at all",
            )
        for polygon in shapes.inside(marker).each():
            centre = polygon.bbox().center()
            found.setdefault((centre.x, centre.y), set()).add(name)
    return found
