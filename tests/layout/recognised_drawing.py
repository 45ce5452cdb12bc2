"""Each kind of device that the process's table knows, drawn by hand with named nodes."""

from __future__ import annotations

from collections.abc import Callable

from tests.layout.drawing import Sketch


def transistor(kind: str, *marks: str, w: float = 1.0, l: float = 0.5) -> Callable[[Sketch], None]:
    """A transistor with d, g, s, and b (p) or sub (n), under marks."""

    def draw(sketch: Sketch) -> None:
        source, drain = sketch.fet(0, 0, w, l, kind)
        middle = (source + drain) / 2
        sketch.box("poly", middle - 0.165, w + 0.1, middle + 0.165, w + 0.43)
        sketch.gate_contact(middle, w + 0.43)
        for name, x, y in (("s", source, w / 2), ("g", middle, w + 0.43), ("d", drain, w / 2)):
            sketch.label("li1", name, x, y)
        for mark in marks:
            sketch.box(mark, -1, -1, 2 + l, w + 1)
        if kind == "p":
            sketch.box("nwell", -2.5, -0.4, 1, w + 0.4)
            sketch.tap(-2, 0.5, "n")
            sketch.label("li1", "b", -2, 0.5)
        substrate(sketch)

    return draw


def substrate(sketch: Sketch, x: float = -5.0) -> None:
    sketch.tap(x, 0.5, "p")
    sketch.label("li1", "sub", x, 0.5)


def poly_resistor(mark: str, w: float, l: float, *marks: str) -> Callable[[Sketch], None]:
    """A straight resistor of poly with contacts outside the mark."""

    def draw(sketch: Sketch) -> None:
        sketch.box("poly", 0, 0, l + 2, w)
        sketch.box(mark, 1, -0.1, 1 + l, w + 0.1)
        for name, x in (("r0", 0.5), ("r1", l + 1.5)):
            sketch.contact(x, w / 2)
            sketch.label("li1", name, x, w / 2)
        for other in (*marks, *(("psdm", "npc") if marks else ())):
            sketch.box(other, -0.5, -0.5, l + 2.5, w + 0.5)
        substrate(sketch)

    return draw


def serpentine(sketch: Sketch) -> None:
    """A resistor of poly with two bends: 3 um, 1 um and 3 um along its middle line."""
    for box in ((-1, 0, 3.25, 0.5), (2.75, 0, 3.25, 1.5), (-1, 1, 3.25, 1.5)):
        sketch.box("poly", *box)
    sketch.box("poly_resistor", 0, -0.2, 4, 1.7)
    for name, y in (("r0", 0.25), ("r1", 1.25)):
        sketch.contact(-0.5, y)
        sketch.label("li1", name, -0.5, y)
    substrate(sketch)


def wire_resistor(layer: str, mark: str, w: float, l: float) -> Callable[[Sketch], None]:
    """A mark over a wire with a pad to a tap, so that a device is at one end."""

    def draw(sketch: Sketch) -> None:
        sketch.box(layer, 0, 0, l + 4, w)
        sketch.box(mark, 2, -0.5, 2 + l, w + 0.5)
        sketch.label(layer, "r0", 1, w / 2)
        sketch.label(layer, "r1", l + 3, w / 2)
        substrate(sketch)

    return draw


def diffusion_resistor(kind: str) -> Callable[[Sketch], None]:
    def draw(sketch: Sketch) -> None:
        sketch.box("diff", 0, 0, 6, 0.42)
        sketch.box("nsdm" if kind == "n" else "psdm", -0.2, -0.2, 6.2, 0.62)
        sketch.box("diff_resistor", 1, -0.1, 5, 0.52)
        for name, x in (("r0", 0.5), ("r1", 5.5)):
            sketch.contact(x, 0.21)
            sketch.label("li1", name, x, 0.21)
        if kind == "p":
            sketch.box("nwell", -1, -1, 9, 2)
            sketch.tap(8, 0.5, "n")
            sketch.label("li1", "b", 8, 0.5)
        substrate(sketch)

    return draw


def diode(kind: str, *marks: str) -> Callable[[Sketch], None]:
    """An L of diffusion: 3 um^2, 8 um around."""

    def draw(sketch: Sketch) -> None:
        sketch.box("diff", 0, 0, 2, 1)
        sketch.box("diff", 0, 0, 1, 2)
        sketch.box("nsdm" if kind == "n" else "psdm", -0.2, -0.2, 2.2, 2.2)
        for mark in ("diode", *marks):
            sketch.box(mark, -0.3, -0.3, 2.3, 2.3)
        sketch.contact(0.5, 0.5)
        sketch.label("li1", "k" if kind == "n" else "a", 0.5, 0.5)
        if kind == "p":
            sketch.box("nwell", -1, -1, 5, 3)
            sketch.tap(4, 0.5, "n")
            sketch.label("li1", "k", 4, 0.5)
        substrate(sketch)

    return draw


def varactor(*marks: str) -> Callable[[Sketch], None]:
    """Poly 0.5 um long over a tap 2 um wide, in a well."""

    def draw(sketch: Sketch) -> None:
        sketch.box("nwell", -2, -1, 3, 4)
        sketch.box("tap", -1, 0, 1.5, 2)
        sketch.box("nsdm", -1.2, -0.2, 1.7, 2.2)
        sketch.box("poly", 0, -0.3, 0.5, 2.5)
        sketch.gate_contact(0.25, 2.5)
        sketch.label("li1", "g", 0.25, 2.5)
        for x in (-0.6, 1.1):
            sketch.contact(x, 1)
        sketch.box("li1", -0.6, 0.9, 1.1, 1.1)
        sketch.label("li1", "w", -0.6, 1)
        for mark in marks:
            sketch.box(mark, -1.5, -0.5, 2, 2.7)
        substrate(sketch)

    return draw


def pnp(size: float) -> Callable[[Sketch], None]:
    """A square emitter in a well with a tap, on the substrate."""

    def draw(sketch: Sketch) -> None:
        sketch.box("nwell", -1, -1, size + 3, size + 1)
        sketch.box("diff", 0, 0, size, size)
        sketch.box("psdm", -0.2, -0.2, size + 0.2, size + 0.2)
        sketch.box("pnp", -2, -2, size + 4, size + 2)
        sketch.contact(size / 2, size / 2)
        sketch.label("li1", "e", size / 2, size / 2)
        sketch.tap(size + 2, size / 2, "n")
        sketch.label("li1", "b", size + 2, size / 2)
        substrate(sketch)

    return draw


def isolated_well(sketch: Sketch, size: float = 8.0) -> None:
    """A p-well over a deep n-well, closed in by n-well, with taps of all three."""
    low, high = -1.5, size + 1.5
    sketch.box("dnwell", low + 0.4, low + 0.4, high - 0.4, high - 0.4)
    for box in (
        *((low, low, high, 0), (low, size, high, high)),
        *((low, low, 0, high), (size, low, high, high)),
    ):
        sketch.box("nwell", *box)
    sketch.tap(-0.75, size / 2, "n")
    sketch.label("li1", "deep", -0.75, size / 2)
    sketch.tap(1, 1, "p")
    sketch.label("li1", "well", 1, 1)
    substrate(sketch)


def npn(l: float) -> Callable[[Sketch], None]:
    """An emitter 1 um wide in an isolated p-well."""

    def draw(sketch: Sketch) -> None:
        isolated_well(sketch)
        sketch.box("diff", 4, 4, 5, 4 + l)
        sketch.box("nsdm", 3.8, 3.8, 5.2, 4.2 + l)
        sketch.box("npn", -1, -1, 9, 9)
        sketch.contact(4.5, 4.5)
        sketch.label("li1", "e", 4.5, 4.5)

    return draw


def isolated_transistor(sketch: Sketch) -> None:
    isolated_well(sketch)
    source, drain = sketch.fet(3, 3, 1.0, 0.5)
    middle = (source + drain) / 2
    sketch.gate_contact(middle, 4.4)
    sketch.box("poly", middle - 0.1, 4.1, middle + 0.1, 4.4)
    for name, x, y in (("s", source, 3.5), ("g", middle, 4.4), ("d", drain, 3.5)):
        sketch.label("li1", name, x, y)


def well_resistor(sketch: Sketch) -> None:
    """A strip of isolated p-well, 2 um wide, with a tap at each end."""
    sketch.box("dnwell", -2, -2, 14, 4)
    for box in ((-3, -3, 15, 0), (-3, 2, 15, 5), (-3, -3, 0, 5), (12, -3, 15, 5)):
        sketch.box("nwell", *box)
    sketch.box("pwell_resistor", 2, 0, 10, 2)
    for name, x in (("r0", 1), ("r1", 11)):
        sketch.tap(x, 1, "p")
        sketch.label("li1", name, x, 1)
    sketch.tap(-1.5, 1, "n")
    sketch.label("li1", "deep", -1.5, 1)
    substrate(sketch)


def memory(sketch: Sketch) -> None:
    """A ReRAM cell of 0.32 x 0.32 um between met1 and met2."""
    sketch.box("met1", -0.5, -0.5, 0.5, 0.5)
    sketch.box("met2", -0.5, -0.5, 0.5, 0.5)
    sketch.square("reram", 0, 0, 0.16)
    sketch.square("via", 0, 0, 0.075)
    sketch.label("met1", "be", 0.4, 0.4)
    sketch.label("met2", "te", 0.4, 0.4)
    substrate(sketch)
