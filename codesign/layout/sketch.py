"""Drawing a layout cell: rectangles, vias, labels and instances, in whole nanometres.

Integers on the manufacturing grid keep every edge exact; gdstk writes the file.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from codesign.files import atomic_path
from codesign.pdk import Technology, default_process

if TYPE_CHECKING:
    import gdstk

Box = tuple[int, int, int, int]
Corners = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Instance:
    """A placed sub-cell or array of them: mirrored at its x axis first, then moved by (x, y)."""

    cell: Sketch
    x: int
    y: int
    mirrored: bool = False
    columns: int = 1
    rows: int = 1
    dx: int = 0
    dy: int = 0


@dataclass
class Sketch:
    """One layout cell under construction. Coordinates in nm."""

    name: str
    technology: Technology = field(
        default_factory=lambda: default_process().technology, repr=False
    )
    boxes: list[tuple[str, Box]] = field(default_factory=list, repr=False)
    pins: list[tuple[str, Box, str]] = field(default_factory=list, repr=False)
    instances: list[Instance] = field(default_factory=list, repr=False)
    # What was taken from a file: GDS numbers and corners.
    polygons: list[tuple[tuple[int, int], Corners]] = field(default_factory=list, repr=False)

    def rect(self, layer: str, x0: int, y0: int, x1: int, y1: int) -> Box:
        """A rectangle between two corners. Raises ValueError off the grid or without area."""
        box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        grid = round(self.technology.grid_um * 1000)
        if any(value % grid for value in box) or box[0] == box[2] or box[1] == box[3]:
            raise ValueError(f"{self.name}: {layer} rectangle {box} nm is empty or off the grid")
        self.technology.gds(layer)
        self.boxes.append((layer, box))
        return box

    def centred(self, layer: str, x: int, y: int, width: int, height: int) -> Box:
        """A rectangle around a point; rounded outwards to the grid."""
        half_w, half_h = up5(width / 2), up5(height / 2)
        return self.rect(layer, x - half_w, y - half_h, x + half_w, y + half_h)

    def pin(self, layer: str, box: Box, net: str) -> None:
        """Marks a drawn part of a wire as the pin of a net, with its label."""
        self.pins.append((layer, box, net))

    def place(
        self,
        cell: Sketch,
        x: int = 0,
        y: int = 0,
        *,
        mirrored: bool = False,
        columns: int = 1,
        rows: int = 1,
        dx: int = 0,
        dy: int = 0,
    ) -> Instance:
        """Places a sub-cell, or an array of it."""
        placed = Instance(cell, x, y, mirrored, columns, rows, dx, dy)
        self.instances.append(placed)
        return placed

    def take_gds(self, path: Path, top: str, origin: tuple[int, int] = (0, 0)) -> None:
        """Takes all shapes of cell `top` of a GDS file, sub-cells flattened so that their names
        meet none of ours, labels left out; `origin` of the file, in nm, comes to (0, 0).

        Raises InputError for what is no GDS, lacks the cell, or has corners between nanometres.
        """
        from codesign.layout.taken import read_polygons

        self.polygons += read_polygons(path, top, self.technology, origin)

    def via(
        self,
        cut: str,
        x: int,
        y: int,
        *,
        columns: int = 1,
        rows: int = 1,
        lower: str | None = "x",
        upper: str | None = "x",
        lower_layer: str | None = None,
    ) -> None:
        """Cuts centred at (x, y) with both conductors around them.

        `lower`, `upper`: along which axis the conductor overlaps more; None draws none of it.
        `lower_layer`: which of the conductors below a licon (poly, diff, tap).
        """
        rule = self.technology.cuts[cut]
        size, pitch = nm(rule.size_um), nm(rule.size_um + rule.space_um)
        width, height = size + (columns - 1) * pitch, size + (rows - 1) * pitch
        left, bottom = x - width // 2, y - height // 2
        for i in range(columns):
            for j in range(rows):
                x0, y0 = left + i * pitch, bottom + j * pitch
                self.rect(cut, x0, y0, x0 + size, y0 + size)
        below, above = next((low, up) for c, low, up in self.technology.via_stack if c == cut)
        for axis, layer in ((lower, lower_layer or below), (upper, above)):
            if axis is not None:
                short, long = sorted(nm(e) for e in rule.enclosure_um[layer])
                ex, ey = (long, short) if axis == "x" else (short, long)
                self.rect(layer, left - ex, bottom - ey, left + width + ex, bottom + height + ey)

    def wire(self, layer: str, points: list[tuple[int, int]], width: int) -> None:
        """A path of horizontal and vertical pieces, square at its ends and corners."""
        half = width // 2
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            if (x0, y0) != (x1, y1):
                self.rect(
                    layer,
                    min(x0, x1) - half,
                    min(y0, y1) - half,
                    max(x0, x1) + half,
                    max(y0, y1) + half,
                )

    def stack(self, x: int, y: int, low: str, high: str, *, axis: str = "x") -> None:
        """Vias from one wiring layer up to another at a point; pads in between of legal area."""
        names = self.technology.conductors
        inner = names[names.index(low) : names.index(high) + 1]
        for cut, below, above in self.technology.via_stack:
            if below in inner and above in inner:
                self.via(cut, x, y, lower=axis, upper=axis)
        if "met3" in inner[1:-1]:
            # The only pad between two cuts that is below the smallest area of its layer.
            long, short = (600, 400) if axis == "x" else (400, 600)
            self.centred("met3", x, y, long, short)

    def cells(self) -> Iterator[Sketch]:
        """Every distinct cell below and including this one, sub-cells first."""
        seen: dict[str, Sketch] = {}
        for instance in self.instances:
            for cell in instance.cell.cells():
                known = seen.setdefault(cell.name, cell)
                same = known.boxes == cell.boxes and known.polygons == cell.polygons
                if known is not cell and not same:
                    raise ValueError(f"two different cells are called {cell.name}")
        yield from seen.values()
        yield self

    def bounds(self) -> Box:
        """Smallest box around everything drawn, sub-cells included."""
        boxes = [box for _, box in self.boxes]
        for _, corners in self.polygons:
            xs, ys = zip(*corners, strict=True)
            boxes.append((min(xs), min(ys), max(xs), max(ys)))
        for i in self.instances:
            x0, y0, x1, y1 = i.cell.bounds()
            if i.mirrored:
                y0, y1 = -y1, -y0
            reach_x, reach_y = (i.columns - 1) * i.dx, (i.rows - 1) * i.dy
            boxes.append((
                x0 + i.x + min(reach_x, 0), y0 + i.y + min(reach_y, 0),
                x1 + i.x + max(reach_x, 0), y1 + i.y + max(reach_y, 0),
            ))  # fmt: skip
        lows, highs = [b[:2] for b in boxes], [b[2:] for b in boxes]
        return (
            min(x for x, _ in lows), min(y for _, y in lows),
            max(x for x, _ in highs), max(y for _, y in highs),
        )  # fmt: skip

    def library(self) -> gdstk.Library:
        """The cell and its sub-cells as a gdstk library, um with a precision of 1 nm."""
        import gdstk

        library = gdstk.Library(self.name, unit=1e-6, precision=1e-9)
        made: dict[str, gdstk.Cell] = {}
        for sketch in self.cells():
            cell = made[sketch.name] = library.new_cell(sketch.name)
            for layer, box in dict.fromkeys(sketch.boxes):
                gds, datatype = self.technology.gds(layer)
                cell.add(gdstk.rectangle(*_corners(box), layer=gds, datatype=datatype))
            for (gds, datatype), corners in sketch.polygons:
                points = [(x / 1000, y / 1000) for x, y in corners]
                cell.add(gdstk.Polygon(points, layer=gds, datatype=datatype))
            for layer, box, net in sketch.pins:
                known = self.technology.layers[layer]
                gds, datatype = known.pin
                cell.add(gdstk.rectangle(*_corners(box), layer=gds, datatype=datatype))
                centre = ((box[0] + box[2]) // 2 / 1000, (box[1] + box[3]) // 2 / 1000)
                cell.add(
                    gdstk.Label(net, centre, layer=known.label[0], texttype=known.label[1])
                )
            for i in sketch.instances:
                # gdstk mirrors the steps of an array together with the cell.
                step = (i.dx / 1000, (-i.dy if i.mirrored else i.dy) / 1000)
                cell.add(
                    gdstk.Reference(
                        made[i.cell.name],
                        (i.x / 1000, i.y / 1000),
                        x_reflection=i.mirrored,
                        columns=i.columns,
                        rows=i.rows,
                        spacing=step,
                    )
                )
        return library

    def write_gds(self, path: Path) -> None:
        """Writes the layout whole or not at all; the same cell gives the same bytes."""
        import datetime

        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            self.library().write_gds(temporary, timestamp=datetime.datetime(2000, 1, 1))


def _corners(box: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    x0, y0, x1, y1 = (value / 1000 for value in box)
    return (x0, y0), (x1, y1)


def nm(length_um: float) -> int:
    """Micrometres to whole nanometres."""
    return round(length_um * 1000)


def up5(length_nm: float) -> int:
    """Rounded up to the 5 nm grid."""
    return -int(-length_nm // 5) * 5
