"""Whether a user's layout can be drawn into a crossbar, and the dimensions that this takes.

A crossbar abuts its synapses at the outline of their GDS file: ground rail along its bottom, supply
rail along its top, spike line and complement on met1 from its left to its right edge, the dendrite
and right of it a grounded shield on met2 from bottom to top, a pad of met1 for every knob.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import klayout.db as kdb

from codesign.cells.synapse_geometry import SynapseGeometry
from codesign.errors import InputError
from codesign.layout.extract.checks import check_drawing
from codesign.layout.extract.connect import PLANES, Connected, connect
from codesign.layout.extract.labels import Label, check_labels
from codesign.layout.extract.names import name_nets
from codesign.layout.extract.reader import Drawing, read_gds
from codesign.layout.sketch import Box

_PAD_HALF = 145  # of a knob's pad, nm
_LINES = ("sp", "spb")


def outline(drawing: Drawing) -> Box:
    """The abutment box in database units. Raises InputError when there is none, or no rectangle."""
    numbers = drawing.technology.boundary
    index = None if numbers is None else drawing.layout.find_layer(*numbers)
    region = kdb.Region() if index is None else kdb.Region(drawing.cell.shapes(index))
    region.merge()
    if region.is_empty():
        raise InputError(
            f"{drawing.source}: cell {drawing.cell.name} has no abutment box",
            remedy=f"draw a rectangle on layer {numbers}, prBoundary, in the cell itself",
        )
    if region.count() > 1 or not next(region.each()).is_box():
        raise InputError(f"{drawing.source}: the abutment box is no single rectangle")
    box = region.bbox()
    return box.left, box.bottom, box.right, box.top


def outline_corner(path: Path, top: str) -> tuple[int, int]:
    """Lower left corner of the abutment box, nm."""
    drawing = read_gds(path, top)
    x, y, *_ = outline(drawing)
    return round(x * drawing.dbu_um * 1000), round(y * drawing.dbu_um * 1000)


def read_geometry(path: Path, top: str, nodes: Mapping[str, str]) -> SynapseGeometry:
    """Dimensions of a synapse for abutment; `nodes`: our port name by the user's. Raises
    InputError saying what does not fit.
    """
    drawing = read_gds(path, top)
    box = outline(drawing)
    check_drawing(drawing)
    connected = connect(drawing)
    names = name_nets(drawing, connected, check_labels(drawing), tuple(nodes))
    by_text = {names.names[net]: net for net in names.anchors}
    labels = {names.names[net]: label for net, label in names.anchors.items()}
    nets = {own: by_text[user] for user, own in nodes.items() if user in by_text}
    pads = {own: labels[user] for user, own in nodes.items() if user in labels}
    cell = _Cell(drawing, connected, box, nets, f"{path}: the cell does not abut: ")
    for need, what in (("vss", "ground"), ("vdd", "supply"), ("dend", "dendrite"),
                       ("sp", "spike"), ("spb", "spike_bar")):  # fmt: skip
        if need not in nets:
            raise cell.fail(f"it has no labelled port for {what}")
    if fixed := [user for user, own in nodes.items() if own.startswith("s_")]:
        raise cell.fail(f"port {fixed[0]} is a fixed bias, for which a crossbar has no line")
    cell.check_rail("vss", box[1], "bottom")
    cell.check_rail("vdd", box[3], "top")
    lines = {name: cell.line(name, "met1", across=True) for name in _LINES}
    if not lines["sp"] < lines["spb"]:
        raise cell.fail("the spike line must run below its complement")
    dendrite = cell.line("dend", "met2", across=False)
    shield = cell.line("vss", "met2", across=False, beyond=dendrite)
    knobs = [own for own in nodes.values() if own in ("bn", "bp")]
    return SynapseGeometry(
        pitch=cell.nm(box[2] - box[0]),
        height=cell.nm(box[3] - box[1]),
        dendrite_x=cell.nm(dendrite - box[0]),
        shield_x=cell.nm(shield - box[0]),
        sp_y=cell.nm(lines["sp"] - box[1]),
        spb_y=cell.nm(lines["spb"] - box[1]),
        pins={knob: cell.pad(knob, pads.get(knob)) for knob in knobs},
    )


@dataclass(frozen=True)
class _Cell:
    """A drawing with its nets by our port names; lengths in database units."""

    drawing: Drawing
    connected: Connected
    box: Box
    nets: Mapping[str, int]
    where: str

    def fail(self, message: str) -> InputError:
        return InputError(self.where + message)

    def nm(self, length: float) -> int:
        """Database units to nanometres. Raises InputError off the grid."""
        exact = length * self.drawing.dbu_um * 1000
        grid = round(self.drawing.technology.grid_um * 1000)
        if abs(exact / grid - round(exact / grid)) > 1e-6:
            raise self.fail(f"a length of {exact:g} nm is off the grid of {grid} nm")
        return round(exact)

    def region(self, port: str, layer: str) -> Any:
        """Shapes of a port's net on a layer."""
        boxes, owners = self.connected.plane(layer)
        mine = boxes[owners == self.nets[port]].tolist()
        region = kdb.Region()
        for box in mine:
            region.insert(kdb.Box(*map(int, box)))
        return region.merged()

    def _width(self, layer: str) -> int:
        um = self.drawing.technology.layers[layer].width_um
        return round(um / self.drawing.dbu_um)

    def check_rail(self, port: str, y: int, edge: str) -> None:
        half = self._width("met1") // 2
        strip = kdb.Region(kdb.Box(self.box[0], y - half, self.box[2], y + half))
        if not (strip - self.region(port, "met1")).is_empty():
            what = "ground" if port == "vss" else "supply"
            raise self.fail(f"no {what} rail on met1 along the whole {edge} of the abutment box")

    def line(self, port: str, layer: str, *, across: bool, beyond: int | None = None) -> int:
        """Centre of a port's line from edge to edge, the widest; `beyond`: right of that."""
        x0, y0, x1, y1 = self.box
        missing = kdb.Region(kdb.Box(*self.box)) - self.region(port, layer)
        gaps = sorted(
            (b.bottom, b.top) if across else (b.left, b.right)
            for b in (p.bbox() for p in missing.decompose_trapezoids_to_region().each())
        )
        low, high = (y0, y1) if across else (x0, x1)
        strips, at = [], low
        for start, end in (*gaps, (high, high)):
            if start - at >= self._width(layer) and (beyond is None or at > beyond):
                strips.append((at, start))
            at = max(at, end)
        if not strips:
            way = "from left to right" if across else "from bottom to top"
            side = " right of the dendrite" if beyond is not None else ""
            what = {"sp": "spike line", "spb": "complement of the spike line", "dend": "dendrite"}
            name = what.get(port, "grounded shield")
            raise self.fail(f"no {name} on {layer} {way} of the abutment box{side}")
        start, end = max(strips, key=lambda strip: strip[1] - strip[0])
        grid = round(self.drawing.technology.grid_um / self.drawing.dbu_um)
        return (start + end) // (2 * grid) * grid

    def pad(self, port: str, label: Label | None) -> tuple[int, int]:
        """Centre of a knob's pad, nm from the box's corner."""
        if port not in self.nets or label is None:
            raise self.fail(f"the knob {port} has no label")
        half = round(_PAD_HALF / self.drawing.dbu_um / 1000)
        region = self.region(port, "met1")
        places = [(label.x, label.y)] if label.conductor == "met1" else []
        places += [(p.bbox().center().x, p.bbox().center().y) for p in region.each()]
        for plane in PLANES:
            around = self.region(port, plane).bbox()
            inside = kdb.Box(*self.box).enlarged(-1, -1)
            if not around.empty() and not around.inside(inside):
                raise self.fail(f"the net of the knob {label.text} reaches the edge on {plane}")
        for x, y in places:
            square = kdb.Region(kdb.Box(x - half, y - half, x + half, y + half))
            if (square - region).is_empty():
                return self.nm(x - self.box[0]), self.nm(y - self.box[1])
        raise self.fail(f"the knob {label.text} has no pad of {2 * _PAD_HALF / 1000} um on met1")
