"""Running the rule table over a layout."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike

import klayout.db as kdb

from codesign.layout.drc.checks import KINDS, Places
from codesign.layout.drc.layers import LayerSet
from codesign.layout.drc.read import open_layout
from codesign.layout.drc.report import MAX_PLACES, DRCReport, Violation
from codesign.pdk import Process, Rule, default_process


def check_drc(
    layout: kdb.Layout | str | PathLike[str],
    top: str | None = None,
    *,
    rules: tuple[Rule, ...] | None = None,
    deep: bool = True,
    process: Process | None = None,
) -> DRCReport:
    """Check a GDS file or an open layout against the rules (all of the process unless given).

    top: cell to check; may be left out where there is one top cell only.
    deep: keep the hierarchy while checking (faster on arrays); the places are the same, though a
    long one may be reported in other pieces.
    process: whose rules and layers these are; the default one unless given.
    Raises InputError for a file that cannot be read, an empty layout or an unknown cell.
    """
    opened, cell = open_layout(layout, top)
    process = process or default_process()
    table = process.rules
    chosen = table.rules if rules is None else rules
    layers = LayerSet(opened, cell, process.technology, table.derived, deep=deep)
    counts: dict[str, int] = {}
    violations: list[Violation] = []
    for rule in chosen:
        boxes = _boxes(KINDS[rule.kind](layers, rule), layers, rule)
        if boxes:
            counts[rule.id] = len(boxes)
            violations += [Violation(rule.id, box) for box in boxes[:MAX_PLACES]]
    texts = {rule.id: _text(rule) for rule in chosen if rule.id in counts}
    unchecked = layers.without_rules(chosen) if rules is None else ()
    return DRCReport(cell.name, len(chosen), counts, tuple(violations), texts, unchecked)


def _boxes(
    places: Places, layers: LayerSet, rule: Rule
) -> list[tuple[float, float, float, float]]:
    """Bounding boxes in um, sorted, each once; those where the rule does not hold are left out."""
    found = {
        (box.left, box.bottom, box.right, box.top)
        for collection in places
        for box in _each_box(collection)
    }
    exempt = layers[rule.outside] if found and rule.outside else None
    if exempt is not None and not exempt.is_empty():
        grown = kdb.Region()
        for l, b, r, t in found:
            grown.insert(kdb.Box(l - 1, b - 1, r + 1, t + 1))
        grown.merged_semantics = False
        outside = (place.bbox() for place in grown.not_interacting(exempt).each())
        found = {(box.left + 1, box.bottom + 1, box.right - 1, box.top - 1) for box in outside}
    dbu_um = layers.dbu_um
    return [
        (round(l * dbu_um, 6), round(b * dbu_um, 6), round(r * dbu_um, 6), round(t * dbu_um, 6))
        for l, b, r, t in sorted(found)
    ]


def _each_box(collection: kdb.EdgePairs | kdb.Edges | kdb.Region) -> Iterator[kdb.Box]:
    if collection.is_empty():
        return
    # A deep region is cut along the hierarchy; merged, a place is one place.
    merged = collection if isinstance(collection, kdb.EdgePairs) else collection.merged()
    for place in merged.each():
        yield place.bbox()


def _text(rule: Rule) -> str:
    unit = {"area": "um^2", "hole_area": "um^2", "angles": "degrees", "aspect": "to 1"}
    if not rule.value or rule.kind == "rectangle":
        return rule.text
    return f"{rule.text}: {rule.value:g} {unit.get(rule.kind, 'um')}"
