"""Checks of what is drawn: the manufacturing grid, polygons that mean one thing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import klayout.db as kdb

from codesign.errors import InputError
from codesign.layout.extract.reader import Drawing


def check_drawing(drawing: Drawing) -> None:
    """Raise InputError for cells turned or magnified, shapes off the grid, and polygons that cross
    themselves."""
    known = _known_layers(drawing)
    _check_placements(drawing)
    _check_grid(drawing, known)
    for cell in _cells(drawing):
        for gds, name in known.items():
            index = drawing.layout.find_layer(*gds)
            if index is not None:
                _check_polygons(drawing, cell, index, name)


def place(box: Any, dbu_um: float) -> str:
    """Where a klayout box is, for a message."""
    centre = box.center()
    return f"({centre.x * dbu_um:.4g}, {centre.y * dbu_um:.4g}) um"


def _known_layers(drawing: Drawing) -> dict[tuple[int, int], str]:
    technology = drawing.technology
    names = (*technology.layers, *technology.cuts)
    return {technology.gds(name): name for name in names}


def _cells(drawing: Drawing) -> Iterator[Any]:
    for index in (drawing.cell.cell_index(), *drawing.cell.called_cells()):
        yield drawing.layout.cell(index)


def _check_placements(drawing: Drawing) -> None:
    for cell in _cells(drawing):
        for instance in cell.each_inst():
            if instance.is_complex():
                raise InputError(
                    f"{drawing.source}: cell {cell.name!r} places {instance.cell.name!r} magnified "
                    "or turned by other than 90 degrees",
                    remedy="flatten this placement and snap it to the grid",
                )


def _check_grid(drawing: Drawing, known: dict[tuple[int, int], str]) -> None:
    ratio = drawing.technology.grid_um / drawing.dbu_um
    step = round(ratio)
    if step < 1 or abs(ratio - step) > 1e-6 * step:
        if abs(1 / ratio - round(1 / ratio)) < 1e-6 and ratio < 1:
            return  # the database unit is a multiple of the grid
        raise InputError(
            f"{drawing.source}: the database unit {drawing.dbu_um:g} um does not divide the "
            f"manufacturing grid of {drawing.technology.grid_um:g} um",
            remedy="write the layout with a database unit of 0.001 um",
        )
    for gds, name in known.items():
        raw = drawing.raw(gds)
        if raw.is_empty():
            continue
        off = raw.grid_check(step, step)
        if off.is_empty():
            continue
        raise InputError(
            f"{drawing.source}: {off.count()} vertices of {name} ({gds[0]}/{gds[1]}) are off the "
            f"{drawing.technology.grid_um * 1e3:g} nm grid, the first at "
            f"{_exact(next(off.each()).first.p1, drawing.dbu_um)}",
            remedy="snap the layout to the grid",
        )


def _exact(point: Any, dbu_um: float) -> str:
    return f"({point.x * dbu_um:.9g}, {point.y * dbu_um:.9g}) um"


def _check_polygons(drawing: Drawing, cell: Any, index: int, name: str) -> None:
    for shape in cell.shapes(index).each(kdb.Shapes.SPolygons):
        polygon = shape.polygon
        if polygon.num_points() <= 3 or polygon.is_box():
            continue
        fault = polygon_fault(polygon)
        if fault:
            raise InputError(
                f"{drawing.source}: a polygon of {name} in cell {cell.name!r} at "
                f"{place(polygon.bbox(), drawing.dbu_um)} {fault}",
                remedy="split it into polygons that do not cross themselves",
            )


def polygon_fault(polygon: Any) -> str | None:
    """What makes a polygon ambiguous, or None: its area differs from that of its own union. One
    that meets itself in points or along lines, as GDS draws holes, is unambiguous."""
    union = kdb.Region(polygon).merged(True, 0)
    return "crosses itself" if polygon.area() != union.area() else None
