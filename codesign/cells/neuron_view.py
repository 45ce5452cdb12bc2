"""Layout view of the RC-spike neuron: a row of logic below its MIM capacitor.

The capacitor's bottom plate is vss and covers the whole row, so that nothing above couples into it;
the membrane comes up on an island of met4 beside the plate. Neurons stack upwards at `pitch`,
control and bias lines run through all of them on met3. All numbers in nm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codesign.layout.row import RowGeometry, RowPorts, RowTransistor, draw_row
from codesign.layout.sketch import Sketch, up5

N_ORDER = (
    *("gate_n", "dis_bias", "dis_switch", "sense_n", "nshape1", "nshape2", "nand_n1", "nand_n2"),
    *("driver.nfire", "driver.nmatch", "driver.ncomp", "driver.ntrue"),
)
P_ORDER = (
    *("dis_hold", "clamp", "gate_p", "reset", "sense_p", "sense_bias", "sense_switch", "pshape1"),
    *("pshape2", "nand_p1", "nand_p2", "driver.pfire", "driver.pmatch"),
    *("driver.pcomp", "driver.ptrue"),
)
RAIL_TO_RAIL = 600  # vdd rail of a neuron to the vss rail of the next: well and taps
_TAB = 700  # plate left of the capacitor, where the vss line comes up
_PLATE_RIM = 140
_PLATE_TO_METAL = 1340
_PLATE_TO_PLATE = 1200
_ISLAND = 1180
# Membranes come up as strips of met5, 1.6 tall; a grounded strip fits between two at this pitch.
_SHIELDED_PITCH = 6400
LINES_FROM = -300  # lower end of the met3 lines


@dataclass(frozen=True)
class NeuronGeometry:
    """Dimensions of the cell: its row, and the distance from one neuron to the next."""

    row: RowGeometry
    pitch: int


def draw_neuron(
    sketch: Sketch,
    nmos: Sequence[RowTransistor],
    pmos: Sequence[RowTransistor],
    ports: RowPorts,
    membrane: str,
    capacitor: tuple[int, int],
) -> NeuronGeometry:
    """Draws the cell with the centre of its vss rail at y = 0; `capacitor` is (w, l)."""
    w, l = capacitor
    left, right = _TAB, _TAB + w
    island_x = up5(right + _PLATE_RIM + _PLATE_TO_METAL + _ISLAND / 2)
    reach = _ISLAND // 2 - 165
    row_ports = RowPorts(
        ports.lines,
        ports.left,
        ports.right,
        {membrane: (island_x - reach, island_x + reach), "vss": (165, _TAB - 165)},
    )
    # Two passes: how tall the lines are depends on how tall the row turns out to be.
    trial = draw_row(Sketch("trial"), nmos, pmos, row_ports, minimum_width=island_x + reach + 500)
    pitch = up5(
        max(trial.vdd_y + RAIL_TO_RAIL, l + 2 * _PLATE_RIM + _PLATE_TO_PLATE, _SHIELDED_PITCH)
    )
    row = draw_row(
        sketch, nmos, pmos, row_ports, minimum_width=island_x + reach + 500,
        line_bottom=LINES_FROM, line_top=pitch + LINES_FROM,
    )  # fmt: skip
    y = up5((pitch + LINES_FROM) / 2)
    low = y - l // 10 * 5
    sketch.rect("cap2m", left, low, right, low + l)
    sketch.rect("met4", 0, LINES_FROM, right + _PLATE_RIM, pitch + LINES_FROM)
    sketch.via("via3", row.lines["vss"], y, lower="y", upper="y")
    x = row.lines[membrane]
    span = row.line_spans[membrane]
    sketch.rect("met3", x - 165, min(y - 190, span[0]), x + 165, max(y + 190, span[1]))
    sketch.via("via3", x, y, lower="y", upper="y")
    half = _ISLAND // 2
    sketch.rect("met4", island_x - half, y - half, island_x + half, y + half)
    contact_x = right - 600
    for via_x in (island_x, contact_x):
        sketch.rect("via4", via_x - 400, y - 400, via_x + 400, y + 400)
    sketch.rect("met5", contact_x - 710, y - 800, island_x + 710, y + 800)
    _draw_shield(sketch, right, contact_x - 710, island_x + 710)
    return NeuronGeometry(row, pitch)


def _draw_shield(sketch: Sketch, right: int, x0: int, x1: int) -> None:
    """Grounded met5 and met4 between this neuron's membrane and that of the one below."""
    y = LINES_FROM
    sketch.rect("met5", min(x0, right - 1600), y - 800, x1, y + 800)
    sketch.rect("met4", right, y - 590, x1 - 710 + _ISLAND // 2, y + 590)
    # Beside the capacitors, where the plate has nothing on it; 0.2 um to the right of them, since
    # they come as near from above and below as the rule measures along x or along y (cap2m.5).
    x = up5(right + 600)
    sketch.rect("via4", x - 400, y - 400, x + 400, y + 400)
