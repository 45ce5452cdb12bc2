"""Small hand-drawn layouts for tests: rectangles in micrometres by layer name, written with gdstk.

Nothing here comes from the layout generator, so that both can be tested against each other.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import gdstk

from codesign.pdk import default_process

TECHNOLOGY = default_process().technology
_END_CAP, _DRAIN, _CUT = 0.13, 0.29, 0.17
_WELL = {"p": 0.4, "n": 0.0}
_VIAS = {  # between conductor and the next one up: cut, its size, half side of the pads
    "li1": ("mcon", 0.17, 0.145),
    "met1": ("via", 0.15, 0.16),
    "met2": ("via2", 0.2, 0.185),
    "met3": ("via3", 0.2, 0.19),
    "met4": ("via4", 0.8, 0.71),
}
_ORDER = ("li1", "met1", "met2", "met3", "met4", "met5")


class Sketch:
    """A cell under construction; all lengths in um."""

    def __init__(self, name: str = "top", unit: float = 1e-6, precision: float = 1e-9) -> None:
        self.library = gdstk.Library(unit=unit, precision=precision)
        self.cell = self.library.new_cell(name)

    def box(self, layer: str | tuple[int, int], x0: float, y0: float, x1: float, y1: float) -> None:
        """A rectangle on a layer of the technology, or on GDS numbers."""
        number, purpose = TECHNOLOGY.gds(layer) if isinstance(layer, str) else layer
        self.cell.add(gdstk.rectangle((x0, y0), (x1, y1), layer=number, datatype=purpose))

    def polygon(self, layer: str, points: list[tuple[float, float]]) -> None:
        number, purpose = TECHNOLOGY.gds(layer)
        self.cell.add(gdstk.Polygon(points, layer=number, datatype=purpose))

    def label(
        self, layer: str, text: str, x: float, y: float, purpose: int = TECHNOLOGY.label_purpose
    ) -> None:
        """A text that names the net under it."""
        number = TECHNOLOGY.gds(layer)[0]
        self.cell.add(gdstk.Label(text, (x, y), layer=number, texttype=purpose))

    def square(self, layer: str, x: float, y: float, half: float) -> None:
        self.box(layer, x - half, y - half, x + half, y + half)

    def stack(self, x: float, y: float, bottom: str = "li1", top: str = "met1") -> None:
        """Vias and pads from one conductor up to another, centred on (x, y)."""
        layers = _ORDER[_ORDER.index(bottom) : _ORDER.index(top) + 1]
        for lower, upper in pairwise(layers):
            cut, size, half = _VIAS[lower]
            self.square(cut, x, y, size / 2)
            self.square(lower, x, y, half)
            self.square(upper, x, y, half)

    def fet(
        self, x: float, y: float, w: float, l: float, kind: str = "n", *, fingers: int = 1
    ) -> list[float]:
        """A transistor with vertical gates, lower left corner of its diffusion at (x, y).

        Every source or drain gets one contact and an li1 pad. Returns their x coordinates; the
        gates' middles lie halfway between.
        """
        pitch = l + 0.28
        right = x + 2 * _DRAIN + fingers * l + (fingers - 1) * 0.28
        self.box("diff", x, y, right, y + w)
        implant = "nsdm" if kind == "n" else "psdm"
        self.box(implant, x - 0.13, y - 0.13, right + 0.13, y + w + 0.13)
        if kind == "p":
            self.box("nwell", x - 0.4, y - 0.4, right + 0.4, y + w + 0.4)
        gates = [x + _DRAIN + index * pitch for index in range(fingers)]
        for gate in gates:
            self.box("poly", gate, y - _END_CAP, gate + l, y + w + _END_CAP)
        contacts = [
            x + 0.145,
            *(gate - 0.14 for gate in gates[1:]),
            right - 0.145,
        ]
        for contact in contacts:
            self.contact(contact, y + w / 2)
        return contacts

    def contact(self, x: float, y: float) -> None:
        """One licon with an li1 pad."""
        self.square("licon", x, y, _CUT / 2)
        self.box("li1", x - 0.085, y - 0.165, x + 0.085, y + 0.165)

    def gate_contact(self, x: float, y: float) -> None:
        """A poly pad with contact, npc and li1 pad."""
        self.square("poly", x, y, 0.165)
        self.square("npc", x, y, 0.185)
        self.contact(x, y)

    def tap(self, x: float, y: float, kind: str) -> None:
        """A substrate (`p`) or well (`n`) tap centred on (x, y); `n` brings its own well."""
        self.square("tap", x, y, 0.205)
        self.square("psdm" if kind == "p" else "nsdm", x, y, 0.33)
        if kind == "n":
            self.square("nwell", x, y, 0.5)
        self.contact(x, y)

    def mim(self, x: float, y: float, w: float, l: float, kind: str = "cap2m") -> None:
        """A MIM capacitor with one via to the plate above, lower left corner of its top plate."""
        bottom, cut, top = {"cap2m": ("met4", "via4", "met5"), "capm": ("met3", "via3", "met4")}[
            kind
        ]
        self.box(kind, x, y, x + w, y + l)
        self.box(bottom, x - 0.4, y - 0.4, x + w + 0.4, y + l + 0.4)
        half = _VIAS[bottom][1] / 2
        self.square(cut, x + w / 2, y + l / 2, half)
        self.square(top, x + w / 2, y + l / 2, 0.8 if kind == "cap2m" else 0.3)

    def write(self, folder: Path, name: str = "drawn.gds") -> Path:
        path = folder / name
        self.library.write_gds(path)
        return path


def inverter(
    sketch: Sketch, x: float, wn: float = 0.42, wp: float = 0.84, *, rails: bool = True
) -> tuple[tuple[float, float], tuple[float, float]]:
    """An inverter with the middle of its gate at x; NMOS below y = 0, PMOS above y = 2, sources
    left, li1 input pad at y = 1 and li1 output to the right. With rails, met1 rails along the
    transistors' sources with a tap each. Returns a point of the input and one of the output.
    """
    left = x - 0.075 - _DRAIN
    source, out = sketch.fet(left, -wn, wn, 0.15, "n")
    sketch.fet(left, 2.0, wp, 0.15, "p")
    sketch.box("poly", x - 0.075, -0.1, x + 0.075, 2.1)
    sketch.gate_contact(x, 1.0)
    sketch.box("li1", out - 0.085, -wn / 2, out + 0.085, 2.0 + wp / 2)
    if rails:
        bottom, top = rails_y(wn, wp)
        for y, kind, end in ((-wn / 2, "p", bottom), (2.0 + wp / 2, "n", top)):
            sketch.box("li1", source - 0.085, min(y, end), source + 0.085, max(y, end))
            sketch.tap(source, end, kind)
            if kind == "n":
                sketch.box("nwell", source - 0.5, 2.0, source + 0.5, end)
    return (x, 1.0), (out, 1.0)


def connect_output(
    sketch: Sketch, out: tuple[float, float], pad: tuple[float, float], width: float = 0.14
) -> None:
    """A met1 line from an inverter's output to the input pad of one to its right, at one height."""
    x0, x1, y = out[0] + 0.3, pad[0] - 0.6, out[1]
    sketch.box("li1", out[0], y - 0.085, x0, y + 0.085)
    sketch.box("li1", x1, y - 0.085, pad[0], y + 0.085)
    sketch.box("met1", x0, y - width / 2, x1, y + width / 2)
    sketch.stack(x0, y)
    sketch.stack(x1, y)


def rails_y(wn: float = 0.42, wp: float = 0.84) -> tuple[float, float]:
    """Heights of an inverter's p-tap and n-tap."""
    return min(-2.0, -wn - 1.0), max(4.5, 3.0 + wp)


def labelled_inverter(sketch: Sketch, wn: float = 0.42, wp: float = 0.84) -> None:
    """The inverter at x = 0 with labels a, y, vdd, vss."""
    (ax, ay), (yx, yy) = inverter(sketch, 0.0, wn, wp)
    sketch.label("li1", "a", ax, ay)
    sketch.label("li1", "y", yx, yy)
    source = -0.075 - _DRAIN + 0.145
    bottom, top = rails_y(wn, wp)
    sketch.label("li1", "vss", source, bottom)
    sketch.label("li1", "vdd", source, top)
