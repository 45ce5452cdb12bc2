"""All devices of a drawing besides transistors and MIM capacitors."""

from __future__ import annotations

from codesign.layout.extract.boxed import between_conductors, boxed_cells
from codesign.layout.extract.connect import Connected
from codesign.layout.extract.junctions import bipolars, diodes
from codesign.layout.extract.part import Finder, Part
from codesign.layout.extract.reader import Drawing
from codesign.layout.extract.resistors import resistors
from codesign.layout.extract.unknown import Unknown
from codesign.layout.extract.varactors import varactors
from codesign.pdk.recognition import Recognition

RECOGNISERS = (resistors, diodes, varactors, bipolars, between_conductors, boxed_cells)


def find_parts(
    drawing: Drawing, connected: Connected, recognition: Recognition, unknown: Unknown
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """The devices, and notes on what was left out. Raises InputError for what no model is for,
    unless it may be left out."""
    finder = Finder(drawing, connected, recognition, unknown, [])
    parts = tuple(part for recognise in RECOGNISERS for part in recognise(finder))
    return parts, tuple(finder.left_out)
