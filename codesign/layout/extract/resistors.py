"""Resistors: conductors under resistor and short marks, between the conductor on both sides."""

from __future__ import annotations

from typing import Any

import klayout.db as kdb

from codesign.layout.extract.gates import marks_over
from codesign.layout.extract.part import End, Finder, Part
from codesign.pdk.recognition import DeviceRule, first


def resistors(found: Finder) -> list[Part]:
    """All of a drawing: width is the mean length of the two edges to the conductor, length half
    of the other edges (which is that of the middle line, also round corners)."""
    parts = []
    for conductor, bodies in found.connected.derived.bodies.items():
        rules = [r for r in found.recognition.resistors if r.conductor == conductor]
        wire = found.connected.derived.shapes[conductor]
        ends = _edges_by_body(bodies, wire)
        layers = (*found.recognition.marks(rules), *(rule.mark for rule in rules))
        marks = _covered(found, bodies, layers)
        for polygon in bodies.each():
            centre = _centre(polygon)
            mine = marks.get(centre, set())
            rule = first((r for r in rules if r.mark in mine), mine)
            rule = found.usable(rule, f"a resistor of {conductor}", polygon.bbox())
            part = None
            if rule is not None:
                part = _resistor(found, conductor, polygon, ends.get(centre, []), rule)
            if part is not None:
                parts.append(part)
    return parts


def _covered(found: Finder, bodies: Any, marks: tuple[str, ...]) -> dict[tuple[int, int], set[str]]:
    return marks_over(found.drawing, bodies, dict.fromkeys(marks), "resistor")


def _centre(polygon: Any) -> tuple[int, int]:
    centre = polygon.bbox().center()
    return centre.x, centre.y


def _edges_by_body(bodies: Any, wire: Any) -> dict[tuple[int, int], list[Any]]:
    """The edges that each body has in common with its conductor."""
    common = bodies.edges() & wire.interacting(bodies).merged().edges()
    return {
        _centre(polygon): list((kdb.Region(polygon).edges() & common).merged().each())
        for polygon in bodies.each()
    }


def _resistor(
    found: Finder, conductor: str, polygon: Any, edges: list[Any], rule: DeviceRule
) -> Part | None:
    box = polygon.bbox()
    ends: dict[int, End] = {}
    groups = []
    for edge in edges:
        middle = edge.bbox().center()
        end = found.at(conductor, middle.x, middle.y)
        if end is not None:
            groups.append((end, edge.length()))
            ends.setdefault(end.net, end)
    two = list(ends.values())
    if len(two) == 1 and len(groups) == 2:
        two = [end for end, _ in groups]
    if len(two) != 2:
        found.refuse(
            f"a resistor of {conductor} with {len(two)} ends instead of two",
            box,
            f"{conductor} meets the mark {rule.mark} on two sides",
        )
        return None
    across = sum(length for _, length in groups)
    x, y = found.centre_um(box)
    bulk = (_bulk(found, conductor, box),) if rule.bulk else ()
    return Part(
        "res",
        rule.model,
        (*sorted(two, key=lambda end: (end.x, end.y)), *bulk),
        x,
        y,
        round(across / 2 * found.dbu_um, 6),
        round((polygon.perimeter() - across) / 2 * found.dbu_um, 6),
        card=rule.card,
        subcircuit=rule.subcircuit,
    )


def _bulk(found: Finder, conductor: str, box: Any) -> End:
    centre = box.center()
    if conductor == "pwell":
        return found.at("dnwell", centre.x, centre.y) or found.below(centre.x, centre.y)
    return found.below(centre.x, centre.y)
