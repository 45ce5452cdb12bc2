"""Devices known by their cell (finger capacitors) or by a layer between two conductors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import klayout.db as kdb

from codesign.layout.extract.part import End, Finder, Part
from codesign.pdk.recognition import CellRule


def between_conductors(found: Finder) -> list[Part]:
    """Shapes of a layer that are a device between the conductors above and below: top, bottom."""
    parts = []
    for rule in found.recognition.between:
        for polygon in found.drawing.region(rule.layer).each():
            box = polygon.bbox()
            centre = box.center()
            ends = [found.at(layer, centre.x, centre.y) for layer in (rule.top, rule.bottom)]
            top, bottom = ends
            if top is None or bottom is None:
                found.refuse(
                    f"{rule.layer} without {rule.bottom} below and {rule.top} above",
                    box,
                    "draw both conductors over it",
                )
                continue
            area = (rule.area, round(polygon.area() * found.dbu_um**2, 9))
            at = found.centre_um(box)
            parts.append(
                Part(
                    "box",
                    rule.model,
                    (top, bottom),
                    *at,
                    parameters=(area,),
                    subcircuit=rule.subcircuit,
                )
            )
    return parts


def boxed_cells(found: Finder) -> list[Part]:
    """Every placement of a cell that is one device, with the nets under its labels."""
    parts = []
    for cell, placement, rule in placed_devices(found):
        box = cell.bbox().transformed(placement)
        labels = dict(_labels(found, cell, placement))
        ends = []
        for names in rule.nodes:
            end = next((labels[name] for name in names if name in labels), None)
            if end is None and names == rule.nodes[-1]:
                end = found.below(box.center().x, box.center().y)
            if end is None:
                found.refuse(
                    f"cell {cell.name}, which is one device, has no label {' or '.join(names)}",
                    box,
                    "label its nodes inside the cell",
                )
                break
            ends.append(end)
        else:
            ends += [labels[name] for name in rule.more_nodes if name in labels]
            at = found.centre_um(box)
            name = cell.name.split("$")[0]
            inside = (box.left, box.bottom, box.right, box.top)
            part = Part("box", name, tuple(ends), *at, subcircuit=name, holds=inside)
            parts.append(part)
    return parts


def placed_devices(found: Finder) -> Iterator[tuple[Any, Any, CellRule]]:
    """Cells that are one device, where they are placed below the top cell."""
    rules = found.recognition.cells
    if any(rule.names(found.drawing.cell.name) for rule in rules):
        return  # the device's own layout is extracted as it is drawn
    wanted: dict[int, CellRule] = {}
    for index in found.drawing.cell.called_cells():
        name = found.drawing.layout.cell(index).name
        rule = next((rule for rule in rules if rule.names(name)), None)
        if rule is not None:
            wanted[index] = rule
    if not wanted:
        return
    places = kdb.RecursiveInstanceIterator(found.drawing.layout, found.drawing.cell)
    places.targets = list(wanted)
    inside: list[Any] = []
    while not places.at_end():
        element = places.current_inst_element()
        cell = element.inst().cell
        transformation = places.trans() * element.specific_cplx_trans()
        box = cell.bbox().transformed(transformation)
        # The cell of a capacitor may be made of such cells: the outer one is the device.
        if not any(box.inside(other) and box != other for other in inside):
            inside.append(box)
            yield cell, transformation, wanted[cell.cell_index()]
        places.next()


def _labels(found: Finder, cell: Any, placement: Any) -> Iterator[tuple[str, End]]:
    technology = found.drawing.technology
    purposes = (technology.label_purpose, technology.pin_purpose)
    for conductor in ("poly", "li1", "met1", "met2", "met3", "met4", "met5"):
        number, drawn = technology.gds(conductor)
        for purpose in (*purposes, drawn):
            index = found.drawing.layout.find_layer(number, purpose)
            if index is None:
                continue
            shapes = cell.begin_shapes_rec(index)
            shapes.shape_flags = kdb.Shapes.STexts
            while not shapes.at_end():
                text = shapes.shape().text.transformed(shapes.trans())
                at = placement * kdb.Point(text.x, text.y)
                end = found.at(conductor, at.x, at.y)
                if end is not None:
                    yield text.string.upper(), end
                shapes.next()
