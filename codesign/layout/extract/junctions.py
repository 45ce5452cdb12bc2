"""Junctions that are devices: diodes under the diode mark, bipolar transistors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import klayout.db as kdb

from codesign.layout.extract.gates import marks_over
from codesign.layout.extract.part import End, Finder, Part
from codesign.pdk.recognition import first


def diodes(found: Finder) -> list[Part]:
    """Every piece of diffusion under the diode mark, with its area and perimeter."""
    recognition = found.recognition
    marked = found.drawing.region("diode")
    parts: list[Part] = []
    if marked.is_empty():
        return parts
    for channel in ("n", "p"):
        layer = f"{channel}sd"
        pieces = (found.connected.derived.shapes[layer] & marked).merged()
        rules = recognition.channel(recognition.diodes, channel)
        covered = marks_over(found.drawing, pieces, recognition.marks(rules), "diode")
        for polygon in pieces.each():
            x, y = _inside(polygon)
            box = polygon.bbox()
            marks = covered.get((box.center().x, box.center().y), set())
            rule = found.usable(first(rules, marks), "a diode", box)
            end = found.at(layer, x, y)
            if rule is None or end is None:
                continue
            ends = (found.below(x, y), end) if channel == "n" else (end, found.below(x, y))
            area, perimeter = recognition.diode_area, recognition.diode_perimeter
            parameters = (
                (area[0], polygon.area() * found.dbu_um**2 * area[1]),
                (perimeter[0], polygon.perimeter() * found.dbu_um * perimeter[1]),
            )
            at = found.centre_um(box)
            parts.append(Part("diode", rule.model, ends, *at, parameters=parameters))
    return parts


def bipolars(found: Finder) -> list[Part]:
    """Every emitter under an npn or pnp mark: collector, base, emitter, and npn's substrate."""
    parts = []
    for channel, base in (("p", "nwell"), ("n", "pwell")):
        rules = found.recognition.channel(found.recognition.bipolars, channel)
        if not rules:
            continue
        mark = rules[0].on[0]
        for polygon, area_um2 in _emitters(found, f"{channel}sd", base, mark):
            box = polygon.bbox()
            marks = {mark} | _marks_at(found, polygon, found.recognition.marks(rules))
            rule = found.usable(first(rules, marks, area_um2=area_um2), "a bipolar transistor", box)
            if rule is None:
                continue
            x, y = _inside(polygon)
            emitter, of_base = found.at(f"{channel}sd", x, y), found.at(base, x, y)
            substrate = End(found.connected.substrate, "substrate", x, y)
            if emitter is None or of_base is None:
                continue
            ends: tuple[End, ...] = (substrate, of_base, emitter)
            if channel == "n":
                collector = found.at("dnwell", x, y)
                if collector is None:
                    continue
                ends = (collector, of_base, emitter, substrate)
            at = found.centre_um(box)
            parts.append(Part("bipolar", rule.model, ends, *at, subcircuit=rule.subcircuit))
    return parts


def _emitters(found: Finder, layer: str, base: str, mark: str) -> Iterator[tuple[Any, float]]:
    marked = found.drawing.region(mark)
    if marked.is_empty():
        return
    layers = found.connected.derived.shapes
    for polygon in (layers[layer].merged() & layers[base] & marked).merged().each():
        yield polygon, polygon.area() * found.dbu_um**2


def _marks_at(found: Finder, polygon: Any, marks: tuple[str, ...]) -> set[str]:
    shape = kdb.Region(polygon)
    return {name for name in marks if not (shape & found.drawing.region(name)).is_empty()}


def _inside(polygon: Any) -> tuple[int, int]:
    """A point inside a polygon, in database units."""
    part = max(polygon.decompose_trapezoids(), key=lambda piece: piece.area())
    centre = part.bbox().center()
    return centre.x, centre.y
