"""Regions by layer name: drawn layers of a layout and those derived from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import klayout.db as kdb

from codesign.pdk.rules import Rule
from codesign.pdk.technology import Technology


class LayerSet:
    """Regions of one cell, made when first asked for.

    Deep regions keep the hierarchy, so that an array of a thousand cells costs little more than one
    cell with its neighbours.
    """

    def __init__(
        self,
        layout: kdb.Layout,
        cell: kdb.Cell,
        technology: Technology,
        derived: dict[str, str],
        *,
        deep: bool = True,
    ) -> None:
        self.dbu_um: float = layout.dbu
        self.grid_um = technology.grid_um
        self._layout, self._cell, self._technology = layout, cell, technology
        self._derived = derived
        self._regions: dict[str, kdb.Region] = {}
        self._store = kdb.DeepShapeStore() if deep else None
        if self._store is not None:
            # A worker thread would wait 60 ms for each of some hundred small operations.
            self._store.threads = 0

    def __getitem__(self, name: str) -> kdb.Region:
        """The merged region of a layer: a drawn layer or cut, `<layer>_pin`, or a derived one."""
        if name not in self._regions:
            expression = self._derived.get(name)
            self._regions[name] = self._make(expression) if expression else self._drawn(name)
        return self._regions[name]

    def dbu(self, length_um: float) -> int:
        """A length in database units."""
        return round(length_um / self.dbu_um)

    def drawn_shapes(self, name: str) -> kdb.RecursiveShapeIterator:
        """The shapes as drawn, not merged."""
        return kdb.RecursiveShapeIterator(self._layout, self._cell, self._index(name))

    def without_rules(self, rules: Iterable[Rule]) -> tuple[str, ...]:
        """Layers with shapes in the cell that no rule is about, by GDS numbers and name; outlines,
        labels, pin marks and areas that only say which rules hold do not count."""
        technology = self._technology
        checked = {
            technology.gds(name)
            for rule in rules
            for used in (*rule.layers, rule.other)
            for name in self._drawn_names(used)
        }
        areas = set(technology.marks.values())
        names = {technology.gds(name): name for name in (*technology.layers, *technology.cuts)}
        found = []
        for index in self._layout.layer_indexes():
            info = self._layout.get_info(index)
            gds = (info.layer, info.datatype)
            if gds in checked or gds in areas or technology.draws_nothing(gds):
                continue
            shapes = kdb.RecursiveShapeIterator(self._layout, self._cell, index)
            shapes.shape_flags = kdb.Shapes.SBoxes | kdb.Shapes.SPolygons | kdb.Shapes.SPaths
            if not shapes.at_end():
                found.append(gds)
        return tuple(
            f"{number}/{purpose}" + (f" ({names[number, purpose]})" if gds in names else "")
            for gds in sorted(found)
            for number, purpose in (gds,)
        )

    def _drawn_names(self, name: str) -> Iterator[str]:
        """The drawn layers that a layer is made of."""
        if name.endswith("_pin") or not name:
            return
        expression = self._derived.get(name)
        if expression is None:
            yield name
            return
        for part in expression.split()[::2]:
            yield from self._drawn_names(part)

    def _index(self, name: str) -> int:
        if name.endswith("_pin"):
            gds = self._technology.layers[name.removesuffix("_pin")].pin
        else:
            gds = self._technology.gds(name)
        return int(self._layout.layer(*gds))

    def _drawn(self, name: str) -> kdb.Region:
        shapes = self.drawn_shapes(name)
        region = kdb.Region(shapes, self._store) if self._store else kdb.Region(shapes)
        return region.merged()

    def _make(self, expression: str) -> kdb.Region:
        first, *rest = expression.split()
        region = self[first]
        for operator, name in zip(rest[::2], rest[1::2], strict=True):
            other = self[name]
            match operator:
                case "&":
                    region = region & other
                case "|":
                    region = (region | other).merged()
                case "-":
                    region = region - other
                case "touching":
                    region = region.interacting(other)
                case "not_touching":
                    region = region.not_interacting(other)
                case "holding":
                    region = region.overlapping(other)
                case _:
                    raise ValueError(f"operator {operator!r} in {expression!r}")
        return region
