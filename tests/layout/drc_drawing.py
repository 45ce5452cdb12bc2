"""Small layouts for tests, drawn with gdstk: shapes by layer name, and a few clean devices."""

from __future__ import annotations

from pathlib import Path

import gdstk

from codesign.pdk import default_process

Box = tuple[float, float, float, float]
Shapes = list[tuple[str, Box | list[tuple[float, float]]]]


def gds_layer(name: str) -> tuple[int, int]:
    technology = default_process().technology
    if name.endswith("_pin"):
        return technology.layers[name.removesuffix("_pin")].pin
    return technology.gds(name)


def cell_of(shapes: Shapes, name: str = "top") -> gdstk.Cell:
    """A cell of boxes (left, bottom, right, top) and polygons, in um."""
    cell = gdstk.Cell(name)
    for layer, outline in shapes:
        number, datatype = gds_layer(layer)
        if isinstance(outline, tuple):
            left, bottom, right, top = outline
            shape = gdstk.rectangle((left, bottom), (right, top), layer=number, datatype=datatype)
        else:
            shape = gdstk.Polygon(outline, layer=number, datatype=datatype)
        cell.add(shape)
    return cell


def write_gds(path: Path, *cells: gdstk.Cell) -> Path:
    """The cells in a file with a 1 nm database unit."""
    library = gdstk.Library(unit=1e-6, precision=1e-9)
    library.add(*cells)
    library.write_gds(path)
    return path


def moved(shapes: Shapes, dx: float, dy: float) -> Shapes:
    result: Shapes = []
    for layer, outline in shapes:
        if isinstance(outline, tuple):
            l, b, r, t = outline
            result.append((layer, (l + dx, b + dy, r + dx, t + dy)))
        else:
            result.append((layer, [(x + dx, y + dy) for x, y in outline]))
    return result


def square(layer: str, x: float, y: float, side: float) -> tuple[str, Box]:
    """A square with its centre at x, y."""
    return (layer, (x - side / 2, y - side / 2, x + side / 2, y + side / 2))


def transistor(polarity: str, w: float = 1.0, l: float = 0.15) -> Shapes:
    """A transistor with one contact on each side, a gate contact above it, and its tap; the gate's
    lower left corner on diffusion is at the origin. `polarity`: n or p."""
    own, opposite = ("nsdm", "psdm") if polarity == "n" else ("psdm", "nsdm")
    gate_y, tap_y = w + 0.42, -0.8
    shapes: Shapes = [
        ("diff", (-0.29, 0, l + 0.29, w)),
        ("poly", (0, -0.13, l, w + 0.3)),
        ("poly", (l / 2 - 0.165, w + 0.285, l / 2 + 0.165, gate_y + 0.135)),
        (own, (-0.45, -0.2, l + 0.45, w + 0.125)),
        square("licon", l / 2, gate_y, 0.17),
        ("npc", (l / 2 - 0.185, gate_y - 0.185, l / 2 + 0.185, gate_y + 0.185)),
        ("li1", (l / 2 - 0.165, gate_y - 0.17, l / 2 + 0.165, gate_y + 0.17)),
        ("tap", (-0.205, tap_y - 0.205, 0.205, tap_y + 0.205)),
        (opposite, (-0.38, tap_y - 0.38, 0.38, tap_y + 0.38)),
        square("licon", 0, tap_y, 0.17),
        ("li1", (-0.165, tap_y - 0.17, 0.165, tap_y + 0.17)),
    ]
    for x in (-0.14, l + 0.14):
        shapes.append(square("licon", x, w / 2, 0.17))
        shapes.append(("li1", (x - 0.085, w / 2 - 0.165, x + 0.085, w / 2 + 0.165)))
    if polarity == "p":
        shapes.append(("nwell", (-0.6, tap_y - 0.5, l + 0.6, w + 0.25)))
    return shapes
