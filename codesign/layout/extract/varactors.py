"""MOS varactors: poly over an n-tap in an n-well."""

from __future__ import annotations

from typing import Any

import klayout.db as kdb

from codesign.layout.extract.gates import marks_over
from codesign.layout.extract.part import End, Finder, Part
from codesign.pdk.recognition import first


def varactors(found: Finder) -> list[Part]:
    """All of a drawing: width is the length of gate edge along one tap, length the gate's extent
    between the taps. Nodes: gate, well, substrate."""
    layers = found.connected.derived.shapes
    gates = layers["tapgate"]
    parts: list[Part] = []
    if gates.is_empty():
        return parts
    rules = found.recognition.varactors
    covered = marks_over(found.drawing, gates, found.recognition.marks(rules), "varactor")
    taps = layers["ntap"].edges()
    for polygon in gates.each():
        box = polygon.bbox()
        centre = box.center()
        rule = first(rules, covered.get((centre.x, centre.y), set()))
        if rule is not None and rule.ignored:
            continue
        rule = found.usable(rule, "a varactor", box)
        width = _width(polygon, taps)
        gate, well = found.at("tapgate", centre.x, centre.y), found.at("nwell", centre.x, centre.y)
        if rule is None or gate is None or well is None or not width:
            continue
        ends = (gate, well, End(found.connected.substrate, "substrate", centre.x, centre.y))
        w_um, l_um = width * found.dbu_um, polygon.area() / width * found.dbu_um
        at = found.centre_um(box)
        parts.append(Part("varactor", rule.model, ends, *at, round(w_um, 6), round(l_um, 6)))
    return parts


def _width(polygon: Any, taps: Any) -> float:
    """Mean length of the gate's sides along taps."""
    sides: dict[tuple[bool, int], float] = {}
    for edge in (kdb.Region(polygon).edges() & taps).merged().each():
        upright = edge.p1.x == edge.p2.x
        side = (upright, edge.p1.x if upright else edge.p1.y)
        sides[side] = sides.get(side, 0.0) + edge.length()
    return sum(sides.values()) / len(sides) if sides else 0.0
