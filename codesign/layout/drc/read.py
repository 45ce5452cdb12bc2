"""Opening a layout for checking, with an answer for every kind of bad input."""

from __future__ import annotations

import difflib
from os import PathLike
from pathlib import Path

import klayout.db as kdb

from codesign.errors import InputError

# Shapes after expanding all arrays: a 256 x 256 crossbar has about 8 million.
MAX_SHAPES = 50_000_000


def open_layout(
    layout: kdb.Layout | str | PathLike[str], top: str | None
) -> tuple[kdb.Layout, kdb.Cell]:
    """The layout and the cell to look at. Raises InputError."""
    if isinstance(layout, kdb.Layout):
        opened, name = layout, "layout"
    else:
        opened, name = _read(Path(layout)), str(layout)
    cell = _cell(opened, top, name)
    shapes = flat_shapes(opened, cell)
    if shapes == 0:
        raise InputError(f"{name}: cell {cell.name} has no shapes")
    if shapes > MAX_SHAPES:
        raise InputError(
            f"{name}: cell {cell.name} expands to {shapes:.3g} shapes, the limit is {MAX_SHAPES:g}",
            remedy="check a smaller cell of it with --top",
        )
    return opened, cell


def flat_shapes(layout: kdb.Layout, top: kdb.Cell) -> int:
    """Shapes of a cell with all its instances, counted without expanding them."""
    total: dict[int, int] = {}
    for index in layout.each_cell_bottom_up():
        cell = layout.cell(index)
        count = sum(cell.shapes(layer).size() for layer in layout.layer_indexes())
        for instance in cell.each_inst():
            repeats = max(1, instance.na) * max(1, instance.nb)
            count += repeats * total[instance.cell_index]
        total[index] = count
    return total[top.cell_index()]


def _read(path: Path) -> kdb.Layout:
    if not path.is_file():
        raise InputError(f"{path}: no such layout file")
    opened = kdb.Layout()
    try:
        opened.read(str(path))
    except RuntimeError as error:
        raise InputError(
            f"{path}: cannot be read as a layout: {error}", remedy="give a GDS or OASIS file"
        ) from error
    return opened


def _cell(layout: kdb.Layout, top: str | None, name: str) -> kdb.Cell:
    tops = [cell.name for cell in layout.top_cells()]
    if not tops:
        raise InputError(f"{name}: the layout is empty")
    if top is None:
        if len(tops) > 1:
            raise InputError(
                f"{name}: has {len(tops)} top cells: {', '.join(sorted(tops)[:10])}",
                remedy="choose one with --top",
            )
        return layout.cell(tops[0])
    if layout.has_cell(top):
        return layout.cell(top)
    names = [cell.name for cell in layout.each_cell()]
    close = difflib.get_close_matches(top, names, n=3)
    raise InputError(
        f"{name}: there is no cell {top!r}",
        remedy=f"did you mean {' or '.join(close)}?" if close else f"top cells: {', '.join(tops)}",
    )
