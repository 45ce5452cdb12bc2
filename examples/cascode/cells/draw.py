"""Draws cascode_synapse.gds: `python examples/cascode/cells/draw.py [FOLDER]`.

With `--array R C` it also writes an R by C array of the cell with every other row mirrored, to be
checked as a crossbar would be.

From the bottom: vss rail with its taps, spike line, N branch, bias contacts, P branch, complement
of the spike line, vdd rail. Rails and lines run on met1 across the cell, the dendrite on met2 down
it, and beside it a grounded met2 shield. The prBoundary (235/4) is the abutment box: cells stand
beside each other one width apart; rows stand one height apart, every other one mirrored, and share
rails and dendrites. All numbers in nm, from the centre of the vss rail at the left edge.
"""

from __future__ import annotations

import argparse
import datetime
from dataclasses import dataclass
from pathlib import Path

import gdstk

from codesign.cells.crossbar_view import CrossbarGeometry, draw_crossbar
from codesign.files import atomic_path
from codesign.layout.row import PAD, RAIL, TAP
from codesign.layout.sketch import Sketch, up5

NAME = "cascode_synapse"
BOUNDARY = (235, 4)
W = 420  # of every transistor
CONTACT = 145  # left edge of the diffusion to the centre of the dendrite's contact
LINE_Y = 465  # centre of a rail to the centre of its spike line
BETWEEN = 1135  # N to P diffusion: two bias contacts, one above the other
HALF_LINE = 130
IMPLANT = 180  # threshold implants: beyond their own gate, and from the next one
APART = 370  # gate to gate with an implant's edge between them
TOGETHER = 210  # gate to gate otherwise


@dataclass(frozen=True)
class Branch:
    """Gates by their edges along x (cascode, memory, selector), and centres of the contacts."""

    cascode: tuple[int, int]
    memory: tuple[int, int]
    selector: tuple[int, int]
    bias_x: int
    selector_x: int
    rail_x: int

    @property
    def right(self) -> int:
        """Right edge of the diffusion."""
        return self.rail_x + 150


def branch(before_selector: int) -> Branch:
    """Places along a branch; `before_selector`: from the memory gate to the selector's."""
    cascode = (290, 540)
    memory = (cascode[1] + APART, cascode[1] + APART + 250)
    selector = (memory[1] + before_selector, memory[1] + before_selector + 150)
    # Poly of the selector's contact stays .21 away from the memory gate.
    selector_x = max(-(-sum(selector) // 10) * 5, memory[1] + 210 + 135)
    rail_x = up5(max(selector[1] + 55, selector_x + 85 + 170) + 85)
    return Branch(cascode, memory, selector, (cascode[0] + memory[1]) // 10 * 5, selector_x, rail_x)


@dataclass(frozen=True)
class Geometry:
    """What a crossbar needs to know of its synapse."""

    pitch: int
    height: int
    dendrite_x: int
    shield_x: int
    sp_y: int
    spb_y: int
    bn: tuple[int, int]
    bp: tuple[int, int]


N, P = branch(TOGETHER), branch(APART)
N_BOTTOM = LINE_Y + PAD["n"]
N_TOP = N_BOTTOM + W
P_BOTTOM = N_TOP + BETWEEN
P_TOP = P_BOTTOM + W
HEIGHT = P_TOP + PAD["p"] + LINE_Y
PITCH = -(-(max(N.right, P.right) + 270) // 10) * 10
GEOMETRY = Geometry(
    pitch=PITCH,
    height=HEIGHT,
    dendrite_x=CONTACT,
    shield_x=up5(CONTACT + PITCH / 2),
    sp_y=LINE_Y,
    spb_y=HEIGHT - LINE_Y,
    bn=(N.bias_x, N_TOP + PAD["n"]),
    bp=(P.bias_x, P_BOTTOM - PAD["p"]),
)


def draw() -> Sketch:
    """The cell."""
    g, sketch = GEOMETRY, Sketch(NAME)
    draw_branch(sketch, N, N_BOTTOM, N_TOP, g.sp_y, 0, g.bn)
    draw_branch(sketch, P, P_TOP, P_BOTTOM, g.spb_y, g.height, g.bp)
    for layer, gate, bottom in (("lvtn", N.cascode, N_BOTTOM), ("hvtp", P.memory, P_BOTTOM)):
        sketch.rect(
            layer, gate[0] - IMPLANT, bottom - IMPLANT, gate[1] + IMPLANT, bottom + W + IMPLANT
        )
    # Implants and wells run across the cell: neighbours would be too near for gaps.
    sketch.rect("nsdm", -145, N_BOTTOM - 125, g.pitch + 145, N_TOP + 125)
    sketch.rect("psdm", -145, P_BOTTOM - 125, g.pitch + 145, P_TOP + 125)
    boundary = (N_TOP + P_BOTTOM) // 10 * 5
    sketch.rect("nwell", -275, boundary, g.pitch + 275, g.height + TAP + 180)
    # Poly contacts of neighbouring cells are too near for poly openings of their own.
    for y0, y1 in ((g.sp_y, g.sp_y), (g.bn[1], g.bp[1]), (g.spb_y, g.spb_y)):
        sketch.rect("npc", 0, y0 - 185, g.pitch, y1 + 185)
    draw_wires(sketch)
    return sketch


def draw_branch(
    sketch: Sketch,
    branch: Branch,
    outer: int,
    inner: int,
    line_y: int,
    rail_y: int,
    bias: tuple[int, int],
) -> None:
    """One branch: `outer` is the edge of its diffusion at its rail's side, `inner` the other."""
    up = 1 if inner > outer else -1
    middle = (outer + inner) // 10 * 5
    sketch.rect("diff", 0, outer, branch.right, inner)
    # Cascode and memory transistor: gates joined at the bias contact.
    x, y = bias
    for gate in (branch.cascode, branch.memory):
        sketch.rect("poly", gate[0], outer - up * 130, gate[1], y)
    sketch.rect("poly", branch.cascode[0], y - 165, branch.memory[1], y + 165)
    sketch.rect("li1", x - 165, y - 85, x + 165, y + 85)
    for cut in ("licon", "mcon"):
        sketch.rect(cut, x - 85, y - 85, x + 85, y + 85)
    sketch.rect("met1", x - 145, y - 145, x + 145, y + 145)
    # Selector: contact on the spike line, its li upright beside the rail's.
    x = branch.selector_x
    sketch.rect("poly", branch.selector[0], line_y, branch.selector[1], inner + up * 130)
    sketch.rect("poly", x - 135, line_y - 165, x + 135, line_y + 165)
    sketch.rect("li1", x - 85, line_y - 165, x + 85, line_y + 165)
    for cut in ("licon", "mcon"):
        sketch.rect(cut, x - 85, line_y - 85, x + 85, line_y + 85)
    # Dendrite and rail.
    for x in (CONTACT, branch.rail_x):
        sketch.rect("licon", x - 85, middle - 85, x + 85, middle + 85)
        sketch.rect("li1", x - 85, middle - 165, x + 85, middle + 165)
    sketch.rect("li1", branch.rail_x - 85, rail_y, branch.rail_x + 85, middle)
    sketch.via("mcon", CONTACT, middle, lower="y", upper="y")
    sketch.via("via", CONTACT, middle, lower="y", upper="y")
    # A grounded pad between the dendrites' pads of neighbouring columns.
    sketch.via("via", GEOMETRY.shield_x, middle, lower="y", upper="y")


def draw_wires(sketch: Sketch) -> None:
    """Rails with their taps, spike lines, dendrite and shield, and the pins on them."""
    g = GEOMETRY
    for y, implant in ((0, "psdm"), (g.height, "nsdm")):
        sketch.rect("tap", 0, y - TAP, g.pitch, y + TAP)
        sketch.rect("li1", 0, y - 85, g.pitch, y + 85)
        sketch.rect("met1", 0, y - RAIL, g.pitch, y + RAIL)
        sketch.rect(implant, -145, y - TAP - 125, g.pitch + 145, y + TAP + 125)
        for x in range(205, g.pitch - 205, 400):
            for cut in ("licon", "mcon"):
                sketch.rect(cut, x - 85, y - 85, x + 85, y + 85)
    for y in (g.sp_y, g.spb_y):
        sketch.rect("met1", 0, y - HALF_LINE, g.pitch, y + HALF_LINE)
    for x in (g.dendrite_x, g.shield_x):
        sketch.rect("met2", x - 70, -RAIL, x + 70, g.height + RAIL)
    sketch.via("via", g.shield_x, 0, lower="x", upper="y")
    sketch.pin("met2", (g.dendrite_x - 70, -130, g.dendrite_x + 70, 130), "d")
    for net, y in (("vss", 0), ("sp", g.sp_y), ("spb", g.spb_y), ("vdd", g.height)):
        sketch.pin("met1", (0, y - 130, 300, y + 130), net)
    for net, (x, y) in (("bn", g.bn), ("bp", g.bp)):
        sketch.pin("met1", (x - 145, y - 145, x + 145, y + 145), net)


def write(sketch: Sketch, path: Path) -> None:
    """The GDS file with the abutment box in the synapse; the same drawing gives the same bytes."""
    library = sketch.library()
    cell = next(c for c in library.cells if isinstance(c, gdstk.Cell) and c.name == NAME)
    corner = (GEOMETRY.pitch / 1000, GEOMETRY.height / 1000)
    cell.add(gdstk.rectangle((0, 0), corner, layer=BOUNDARY[0], datatype=BOUNDARY[1]))
    with atomic_path(path) as temporary:
        library.write_gds(temporary, timestamp=datetime.datetime(2000, 1, 1))


def array(rows: int, columns: int) -> Sketch:
    """The cell as a crossbar places it."""
    sketch = Sketch(f"{NAME}_{rows}x{columns}")
    draw_crossbar(sketch, draw(), CrossbarGeometry(GEOMETRY, rows, columns))
    return sketch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent)
    parser.add_argument("--array", type=int, nargs=2, metavar=("R", "C"))
    arguments = parser.parse_args()
    write(draw(), arguments.folder / f"{NAME}.gds")
    if arguments.array:
        sketch = array(*arguments.array)
        write(sketch, arguments.folder / f"{sketch.name}.gds")


if __name__ == "__main__":
    main()
