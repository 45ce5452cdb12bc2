"""Layout view of the current-source synapse, and the dimensions its crossbar is built on.

From the bottom: vss rail with its taps, spike line, N pair, bias contacts, P pair, complement of
the spike line, vdd rail. Lines and rails run on met1 across the cell, the dendrite on met2 down it.
Cells abut: beside each other as they are, on top of each other with every other row mirrored, so
that rows share their rails. All numbers in nm.
"""

from __future__ import annotations

from dataclasses import dataclass

from codesign.cells.synapse_geometry import SynapseGeometry
from codesign.cells.transistor import TransistorParameters
from codesign.layout.row import PAD, RAIL, TAP
from codesign.layout.sketch import Sketch, up5

_CONTACT = 145  # left edge of the diffusion to the centre of the dendrite's contact
_LINE_Y = 465  # centre of a rail to the centre of its spike line
_BETWEEN = 1135  # N to P diffusion: two bias contacts, one above the other
_LINE = 130  # half height of a spike line


@dataclass(frozen=True)
class PairSizes:
    """Sizes of a pair in nm: `first` is the transistor on the dendrite, `second` at the rail."""

    first_w: int
    first_l: int
    first_model: str
    second_w: int
    second_l: int
    second_model: str
    selector_first: bool

    @classmethod
    def of(
        cls, first: TransistorParameters, second: TransistorParameters, selector_first: bool
    ) -> PairSizes:
        """The sizes of two transistors."""
        (w1, l1), (w2, l2) = ((round(t.w * 1e9), round(t.l * 1e9)) for t in (first, second))
        return cls(w1, l1, first.model, w2, l2, second.model, selector_first)

    @property
    def width(self) -> int:
        """The larger of the two widths."""
        return max(self.first_w, self.second_w)


@dataclass(frozen=True)
class PairGeometry:
    """Where the parts of one pair are along x: gates by their edges, contacts by their centres."""

    first: tuple[int, int]
    second: tuple[int, int]
    rail_contact: int
    right: int
    first_pad: int
    second_pad: int


@dataclass(frozen=True, kw_only=True)
class CurrentSourceGeometry(SynapseGeometry):
    """Dimensions of the cell, and where its pairs are."""

    n_bottom: int
    n_top: int
    p_bottom: int
    p_top: int
    n: PairGeometry
    p: PairGeometry
    n_contact_y: int
    p_contact_y: int


def pair_geometry(sizes: PairSizes) -> PairGeometry:
    """Places of a pair's gates and contacts, from its sizes."""
    between = _between_gates(sizes)
    first = (290, 290 + sizes.first_l)
    second = (first[1] + between, first[1] + between + sizes.second_l)
    # Poly of one gate's contact stays .21 away from the other gate.
    first_pad = min(sum(first) // 10 * 5, second[0] - 210 - 135)
    second_pad = max(-(-sum(second) // 10) * 5, first[1] + 210 + 135)
    rail = up5(max(second[1] + 55, second_pad + 85 + 170) + 85)
    return PairGeometry(first, second, rail, rail + 150, first_pad, second_pad)


def _between_gates(sizes: PairSizes) -> int:
    """Poly spacing .21; a corner of the diffusion .25 from both gates; implants .18 beyond their
    own gate and .18 from the other, .38 from each other."""
    implants = {sizes.first_model[-3:], sizes.second_model[-3:]} & {"lvt", "hvt"}
    between = 210 if sizes.first_w == sizes.second_w else 520
    if len(implants) == 2:
        return max(between, 740)
    is_mixed = implants and sizes.first_model != sizes.second_model
    return max(between, 370) if is_mixed else between


def synapse_geometry(n: PairSizes, p: PairSizes) -> CurrentSourceGeometry:
    """Dimensions of a synapse from the sizes of its pairs."""
    n_pair, p_pair = pair_geometry(n), pair_geometry(p)
    n_bottom = _LINE_Y + PAD["n"]
    n_top = n_bottom + n.width
    p_bottom = n_top + _BETWEEN
    p_top = p_bottom + p.width
    pitch = -(-(max(n_pair.right, p_pair.right) + 270) // 10) * 10
    height = p_top + PAD["p"] + _LINE_Y

    def bias(pair: PairGeometry, sizes: PairSizes) -> int:
        return pair.second_pad if sizes.selector_first else pair.first_pad

    return CurrentSourceGeometry(
        pitch=pitch,
        height=height,
        n_bottom=n_bottom,
        n_top=n_top,
        p_bottom=p_bottom,
        p_top=p_top,
        n=n_pair,
        p=p_pair,
        dendrite_x=_CONTACT,
        shield_x=up5(_CONTACT + pitch / 2),
        sp_y=_LINE_Y,
        spb_y=height - _LINE_Y,
        pins={
            "bn": (bias(n_pair, n), n_top + PAD["n"]),
            "bp": (bias(p_pair, p), p_bottom - PAD["p"]),
        },
        n_contact_y=_contact_centre(n_bottom, 1, n.first_w),
        p_contact_y=_contact_centre(p_top, -1, p.first_w),
    )


def draw_synapse(sketch: Sketch, n: PairSizes, p: PairSizes) -> CurrentSourceGeometry:
    """Draws the cell with the centre of its vss rail at y = 0 and its left edge at x = 0."""
    g = synapse_geometry(n, p)
    _draw_pair(sketch, n, g.n, g.n_bottom, g.n_top, g.sp_y, 0, "n")
    _draw_pair(sketch, p, g.p, g.p_top, g.p_bottom, g.spb_y, g.height, "p")
    # Implants run across the cell: neighbours would be too near for gaps.
    sketch.rect("nsdm", -145, g.n_bottom - 125, g.pitch + 145, g.n_top + 125)
    sketch.rect("psdm", -145, g.p_bottom - 125, g.pitch + 145, g.p_top + 125)
    for y in (0, g.height):
        _draw_rail(sketch, g, y)
    for y in (g.sp_y, g.spb_y):
        sketch.rect("met1", 0, y - _LINE, g.pitch, y + _LINE)
    sketch.rect("met2", g.dendrite_x - 70, -RAIL, g.dendrite_x + 70, g.height + RAIL)
    sketch.rect("met2", g.shield_x - 70, -RAIL, g.shield_x + 70, g.height + RAIL)
    sketch.via("via", g.shield_x, 0, lower="x", upper="y")
    for y in (g.n_contact_y, g.p_contact_y):
        # A grounded pad between the dendrites' pads of neighbouring columns.
        sketch.via("via", g.shield_x, y, lower="y", upper="y")
    boundary = (g.n_top + g.p_bottom) // 10 * 5
    # .38 around the implant of a low-threshold gate.
    sketch.rect("nwell", -275, boundary, g.pitch + 275, g.height + TAP + 180)
    for x, y in g.pins.values():
        sketch.rect("met1", x - 145, y - 145, x + 145, y + 145)
        sketch.rect("mcon", x - 85, y - 85, x + 85, y + 85)
    # Poly contacts of neighbouring cells are too near for poly openings of their own.
    for y0, y1 in ((g.sp_y, g.sp_y), (g.pins["bn"][1], g.pins["bp"][1]), (g.spb_y, g.spb_y)):
        sketch.rect("npc", 0, y0 - 185, g.pitch, y1 + 185)
    return g


def _draw_pair(
    sketch: Sketch,
    sizes: PairSizes,
    pair: PairGeometry,
    outer: int,
    inner: int,
    line_y: int,
    rail_y: int,
    polarity: str,
) -> None:
    """One pair: `outer` is the edge of its diffusion on the side of the rail, `inner` the other."""
    up = 1 if inner > outer else -1
    middle = (pair.first[1] + pair.second[0]) // 10 * 5
    for x0, x1, w in ((0, middle, sizes.first_w), (middle, pair.right, sizes.second_w)):
        sketch.rect("diff", x0, outer, x1, outer + up * w)
    special = {"lvt": "lvtn", "hvt": "hvtp"}
    for model, gate, w in (
        (sizes.first_model, pair.first, sizes.first_w),
        (sizes.second_model, pair.second, sizes.second_w),
    ):
        if model[-3:] in special:
            x0, x1 = gate[0] - 180, gate[1] + 180
            if sizes.first_model == sizes.second_model:
                # One implant over both gates, which are too near for two.
                x0, x1, w = pair.first[0] - 180, pair.second[1] + 180, sizes.width
            sketch.rect(special[model[-3:]], x0, outer - up * 180, x1, outer + up * (w + 180))
    first = (pair.first, sizes.first_w, pair.first_pad)
    second = (pair.second, sizes.second_w, pair.second_pad)
    selector, memory = (first, second) if sizes.selector_first else (second, first)
    # Selector: contact on the spike line. Its li stands upright beside a rail's li, else lies.
    gate, w, x = selector
    sketch.rect("poly", gate[0], line_y, gate[1], outer + up * (w + 130))
    sketch.rect("poly", x - 135, line_y - 165, x + 135, line_y + 165)
    half_x, half_y = (165, 85) if sizes.selector_first else (85, 165)
    sketch.rect("li1", x - half_x, line_y - half_y, x + half_x, line_y + half_y)
    for cut in ("licon", "mcon"):
        sketch.rect(cut, x - 85, line_y - 85, x + 85, line_y + 85)
    gate, w, x = memory
    y = inner + up * PAD[polarity]
    sketch.rect("poly", gate[0], outer - up * 130, gate[1], y)
    sketch.rect("poly", x - 135, y - 165, x + 135, y + 165)
    sketch.rect("li1", x - 165, y - 85, x + 165, y + 85)
    sketch.rect("licon", x - 85, y - 85, x + 85, y + 85)
    _draw_contacts(sketch, _CONTACT, outer, up, sizes.first_w)
    centre = _contact_centre(outer, up, sizes.first_w)
    sketch.via("mcon", _CONTACT, centre, lower="y", upper="y")
    sketch.via("via", _CONTACT, centre, lower="y", upper="y")
    _draw_contacts(sketch, pair.rail_contact, outer, up, sizes.second_w)
    ends = (rail_y, outer + up * up5(sizes.second_w / 2))
    sketch.rect("li1", pair.rail_contact - 85, min(ends), pair.rail_contact + 85, max(ends))


def _contacts(outer: int, up: int, w: int) -> tuple[int, int]:
    """Number of contacts along the edge of a diffusion, and the lower edge of the first."""
    count = max((w - 120 + 170) // 340, 1)
    length = 170 + (count - 1) * 340
    return count, up5(outer + up * up5(w / 2) - length / 2)


def _contact_centre(outer: int, up: int, w: int) -> int:
    count, low = _contacts(outer, up, w)
    return low + (170 + (count - 1) * 340) // 10 * 5


def _draw_contacts(sketch: Sketch, x: int, outer: int, up: int, w: int) -> None:
    """Contacts along a diffusion's edge with their li."""
    count, low = _contacts(outer, up, w)
    for k in range(count):
        sketch.rect("licon", x - 85, low + 340 * k, x + 85, low + 340 * k + 170)
    sketch.rect("li1", x - 85, low - 80, x + 85, low + 340 * (count - 1) + 250)


def _draw_rail(sketch: Sketch, g: CurrentSourceGeometry, y: int) -> None:
    sketch.rect("tap", 0, y - TAP, g.pitch, y + TAP)
    sketch.rect("li1", 0, y - 85, g.pitch, y + 85)
    sketch.rect("met1", 0, y - RAIL, g.pitch, y + RAIL)
    implant = "psdm" if y == 0 else "nsdm"
    sketch.rect(implant, -145, y - TAP - 125, g.pitch + 145, y + TAP + 125)
    count = g.pitch // 400
    for k in range(count):
        x = 205 + k * 400
        for cut in ("licon", "mcon"):
            sketch.rect(cut, x - 85, y - 85, x + 85, y + 85)
