"""Reading a layout for extraction: what is no usable layout is refused before any work."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import klayout.db as kdb

from codesign.errors import InputError
from codesign.layout.extract.layout_file import check_layout_file
from codesign.pdk import Technology, default_process

# A crossbar of 64 x 64 synapses has about half a million shapes.
MAX_FLAT_SHAPES = 5_000_000


@dataclass
class Drawing:
    """A top cell with everything below it; `source` names it in messages and headers."""

    layout: Any
    cell: Any
    technology: Technology
    source: str
    _regions: dict[str, Any] = field(default_factory=dict)

    @property
    def dbu_um(self) -> float:
        """Database unit in um."""
        return float(self.layout.dbu)

    def region(self, name: str) -> Any:
        """All shapes of a drawn layer or cut, flat and merged (kept)."""
        if name not in self._regions:
            region = self.raw(self.technology.gds(name))
            self._regions[name] = region.merged()
        return self._regions[name]

    def raw(self, gds: tuple[int, int]) -> Any:
        """All shapes on GDS numbers as drawn, flat, not merged."""
        index = self.layout.find_layer(*gds)
        if index is None:
            return kdb.Region()
        region = kdb.Region(self.cell.begin_shapes_rec(index))
        region.merged_semantics = False
        return region


def read_gds(
    path: Path,
    top: str | None = None,
    *,
    technology: Technology | None = None,
    limit: int = MAX_FLAT_SHAPES,
) -> Drawing:
    """The cell `top` of a GDS or OASIS file, packed by gzip or not; where the file has one top cell
    only, that unless given. Raises InputError for what is no layout, is empty, lacks the cell or
    would flatten to more than `limit` shapes; shapes themselves are checked by `check_drawing`.
    `technology`: the default process's unless given.
    """
    check_layout_file(path)
    layout = kdb.Layout()
    options = kdb.LoadLayoutOptions()
    options.warn_level = 0
    try:
        layout.read(str(path), options)
    except RuntimeError as error:
        raise InputError(
            f"{path} is damaged: {str(error).splitlines()[0]}", remedy="write the layout again"
        ) from error
    return take_layout(layout, top, str(path), technology=technology, limit=limit)


def take_layout(
    layout: Any,
    top: str | None = None,
    source: str = "layout",
    *,
    technology: Technology | None = None,
    limit: int = MAX_FLAT_SHAPES,
) -> Drawing:
    """The same for a klayout Layout that is in memory already."""
    cell = _cell(layout, top, source)
    count = flat_count(layout, cell)
    if count == 0:
        raise InputError(f"cell {cell.name!r} of {source} is empty", remedy="draw something in it")
    if count > limit:
        raise InputError(
            f"cell {cell.name!r} of {source} has {count:.4g} shapes when its arrays are expanded; "
            f"extraction takes up to {limit}",
            remedy="extract parts of the layout on their own",
        )
    return Drawing(layout, cell, technology or default_process().technology, source)


def only_top_cell(path: Path) -> str:
    """Name of a layout file's top cell. Raises InputError where there are several."""
    drawing = read_gds(path)  # a cell does not keep its layout alive
    return str(drawing.cell.name)


def _cell(layout: Any, top: str | None, source: str) -> Any:
    names = [cell.name for cell in layout.each_cell()]
    if not names:
        raise InputError(f"{source} has no cells", remedy="write the layout again")
    tops = sorted(cell.name for cell in layout.top_cells())
    remedy = f"top cells of the file: {', '.join(tops[:10])}"
    if top is None:
        if len(tops) > 1:
            raise InputError(f"{source} has {len(tops)} top cells; choose one", remedy=remedy)
        top = tops[0]
    cell = layout.cell(top)
    if cell is None:
        near = difflib.get_close_matches(top, names, n=3, cutoff=0.5)
        raise InputError(
            f"{source} has no cell {top!r}"
            + (f"; did you mean {' or '.join(map(repr, near))}?" if near else ""),
            remedy=remedy,
        )
    return cell


def flat_count(layout: Any, top: Any) -> int:
    """Shapes and placements that flattening `top` would give, counted from the hierarchy alone."""
    counts: dict[int, int] = {}
    below = {top.cell_index(), *top.called_cells()}
    layers = layout.layer_indexes()
    for index in layout.each_cell_bottom_up():
        if index not in below:
            continue
        cell = layout.cell(index)
        total = sum(cell.shapes(layer).size() for layer in layers)
        for instance in cell.each_inst():
            copies = max(1, instance.na) * max(1, instance.nb)
            total += copies * (1 + counts[instance.cell_index])
        counts[index] = total
    return counts[top.cell_index()]
