"""Layout views of cells that are one row of logic: their transistors, and pins on their edges."""

from __future__ import annotations

from collections.abc import Sequence

from codesign.cells.base import Cell
from codesign.layout.row import RowGeometry, RowPorts, RowTransistor
from codesign.layout.sketch import Sketch


def row_transistors(cell: Cell) -> dict[str, RowTransistor]:
    """All transistors below a cell by name; a sub-cell's own nets and devices carry its name."""
    schematic = cell.schematic
    found = {
        fet.name: RowTransistor(
            fet.name,
            fet.size.model,
            round(fet.size.w * 1e9),
            round(fet.size.l * 1e9),
            *fet.nodes[:3],
        )
        for fet in schematic.transistors
    }
    for placed in schematic.instances:
        outer = dict(zip(placed.cell.port_names, placed.nodes, strict=True))
        for name, fet in row_transistors(placed.cell).items():
            nodes = [
                outer.get(node, f"{placed.name}.{node}")
                for node in (fet.drain, fet.gate, fet.source)
            ]
            key = f"{placed.name}.{name}"
            found[key] = RowTransistor(key, fet.model, fet.w, fet.l, *nodes)
    return found


def chosen(cell: Cell, *order: str) -> list[RowTransistor]:
    """The transistors named in `order`, those that the cell has."""
    known = row_transistors(cell)
    return [known[name] for name in order if name in known]


def pin_row(
    sketch: Sketch, row: RowGeometry, ports: RowPorts, names: Sequence[str], bottom: int = 0
) -> None:
    """Pins of a row: rails on met1, lines on met3 at their lower end, edge nets on met2."""
    for net in names:
        if net in ("vdd", "vss"):
            y = 0 if net == "vss" else row.vdd_y
            sketch.pin("met1", (0, y - 130, 400, y + 130), net)
        elif net in ports.lines:
            x = row.lines[net]
            sketch.pin("met3", (x - 150, bottom, x + 150, bottom + 400), net)
        elif net in ports.left:
            y = row.tracks[net, ports.left[net]]
            sketch.pin("met2", (0, y - 70, 300, y + 70), net)
        else:
            y = row.tracks[net, ports.right[net]]
            sketch.pin("met2", (row.width - 300, y - 70, row.width, y + 70), net)
