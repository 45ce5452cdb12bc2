"""Shapes of a layout file, to be put into a drawn cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from codesign.errors import InputError
from codesign.layout.extract.reader import read_gds
from codesign.pdk import Technology

# A cell that is taken from a file is one synapse, not an array of them.
_MOST_SHAPES = 100_000


def read_polygons(
    path: Path, top: str, technology: Technology, origin: tuple[int, int] = (0, 0)
) -> Iterator[tuple[tuple[int, int], tuple[tuple[int, int], ...]]]:
    """GDS numbers and corners (nm) of all shapes of cell `top` of a GDS file, flat; texts do not
    count. `origin` of the file, in nm, comes to (0, 0).

    Raises InputError for what is no GDS, lacks the cell, or has corners between nanometres.
    """
    drawing = read_gds(path, top, technology=technology, limit=_MOST_SHAPES)
    scale = drawing.dbu_um * 1000

    def whole(value: int, shift: int) -> int:
        length = value * scale
        if abs(length - round(length)) > 1e-6:
            raise InputError(
                f"{path}: a corner at {length:g} nm is off the grid of 1 nm",
                remedy="draw on the manufacturing grid",
            )
        return round(length) - shift

    for index in drawing.layout.layer_indexes():
        info = drawing.layout.get_info(index)
        for polygon in drawing.raw((info.layer, info.datatype)).each():
            hull = polygon.resolved_holes() if polygon.holes() else polygon
            corners = [(whole(p.x, origin[0]), whole(p.y, origin[1])) for p in
                       hull.each_point_hull()]  # fmt: skip
            yield (info.layer, info.datatype), tuple(corners)
