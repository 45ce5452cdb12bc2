"""Layout view of a crossbar: synapses by abutment, every other row mirrored, shields and straps.

A grounded met2 line runs on both sides of every dendrite, at the edges too, so that dendrites do
not couple into each other and all see the same neighbours. All numbers in nm, from the centre of
the bottom vss rail at the left edge of the first synapse.
"""

from __future__ import annotations

from dataclasses import dataclass

from codesign.cells.synapse_geometry import SynapseGeometry
from codesign.layout.row import RAIL
from codesign.layout.sketch import Box, Sketch

_STRAP_HALF = 150
_STRAP_FROM_SHIELD = 820
_EDGE_FROM_STRAP = 600


@dataclass(frozen=True)
class CrossbarGeometry:
    """Dimensions of a crossbar layout; rows and columns count from 1."""

    synapse: SynapseGeometry
    rows: int
    columns: int

    @property
    def top(self) -> int:
        """Centre of the topmost rail."""
        return self.rows * self.synapse.height

    @property
    def right(self) -> int:
        """Right edge of the last synapse."""
        return self.columns * self.synapse.pitch

    @property
    def strap_x(self) -> int:
        """Centre of the vdd strap."""
        return self.shield_x(0) - _STRAP_FROM_SHIELD

    @property
    def left(self) -> int:
        """Where spike lines enter."""
        return self.strap_x - _EDGE_FROM_STRAP

    def row_y(self, row: int, y: int) -> int:
        """Height in the crossbar of height `y` in the synapses of a row."""
        base = (row - 1) * self.synapse.height
        return base + (y if row % 2 else self.synapse.height - y)

    def dendrite_x(self, column: int) -> int:
        """Centre of a dendrite."""
        return self.synapse.dendrite_x + (column - 1) * self.synapse.pitch

    def shield_x(self, index: int) -> int:
        """Centre of a shield: 0 is left of the first dendrite, i right of dendrite i."""
        return self.synapse.shield_x + (index - 1) * self.synapse.pitch

    def line_box(self, row: int, complement: bool) -> Box:
        """Left end of a spike line."""
        y = self.row_y(row, self.synapse.spb_y if complement else self.synapse.sp_y)
        return (self.left, y - RAIL, self.left + 300, y + RAIL)

    def knob_box(self, column: int, row: int, port: str) -> Box:
        """The pin of a synapse's knob, by the port's name in the synapse."""
        x, y = self.synapse.pins[port]
        x, y = x + (column - 1) * self.synapse.pitch, self.row_y(row, y)
        return (x - 145, y - 145, x + 145, y + 145)


def draw_crossbar(sketch: Sketch, synapse: Sketch, geometry: CrossbarGeometry) -> None:
    """Draws the array, its shields, the strap of its vdd rails, left ends of its spike lines."""
    g, cell = geometry, geometry.synapse
    upright, turned = (g.rows + 1) // 2, g.rows // 2
    sketch.place(
        synapse, columns=g.columns, rows=upright, dx=cell.pitch, dy=2 * cell.height
    )
    if turned:
        sketch.place(
            synapse, 0, 2 * cell.height, mirrored=True, columns=g.columns, rows=turned,
            dx=cell.pitch, dy=2 * cell.height,
        )  # fmt: skip
    x, strap = g.shield_x(0), g.strap_x
    sketch.rect("met2", x - 70, -RAIL, x + 70, g.top + RAIL)
    for index in range(g.rows + 1):
        y = index * cell.height
        if index % 2:
            sketch.rect("met1", strap - _STRAP_HALF, y - RAIL, 0, y + RAIL)
            sketch.via("via", strap, y, lower="x", upper="y")
        else:
            sketch.rect("met1", x - 160, y - RAIL, 0, y + RAIL)
            sketch.via("via", x, y, lower="x", upper="y")
    last = g.top if g.rows % 2 else g.top - cell.height
    sketch.rect(
        "met2", strap - _STRAP_HALF, cell.height - 290, strap + _STRAP_HALF, last + 290
    )
    for row in range(1, g.rows + 1):
        for complement in (False, True):
            x0, y0, _, y1 = g.line_box(row, complement)
            sketch.rect("met1", x0, y0, 0, y1)

