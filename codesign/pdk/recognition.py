"""What drawn shapes are devices of a process, as typed records: its recognition.toml."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from codesign.pdk.facts import facts_of


@dataclass(frozen=True)
class DeviceRule:
    """Which shapes are one model: those under all of `on` and none of `off`.

    channel: n or p where the kind has both. w_max_um: widest channel; area_um2: of the emitter,
    within 3 %. conductor, mark: what of a resistor is under which mark; bulk: whether it has a
    third node below. card: X or R, how the netlist writes it. subcircuit: the whole name where it
    does not begin with the process's prefix. unknown: in words, what no model is for; ignored:
    such a shape is no device.
    """

    model: str = ""
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    channel: str = ""
    w_max_um: float = math.inf
    area_um2: float | None = None
    conductor: str = ""
    mark: str = ""
    bulk: bool = False
    card: str = "X"
    subcircuit: str | None = None
    unknown: str = ""
    ignored: bool = False

    def holds(
        self, marks: Collection[str], *, w_um: float = 0.0, area_um2: float | None = None
    ) -> bool:
        """Whether a shape of that size under these marks is this device."""
        if not all(mark in marks for mark in self.on) or any(mark in marks for mark in self.off):
            return False
        if self.area_um2 is not None and area_um2 is not None:
            return math.isclose(area_um2, self.area_um2, rel_tol=0.03)
        return w_um <= self.w_max_um


@dataclass(frozen=True)
class BetweenRule:
    """A layer that is a device between two conductors; `area`: the model's parameter of its area
    in um^2; the cut on it belongs to it."""

    layer: str
    cut: str
    top: str
    bottom: str
    model: str
    area: str
    subcircuit: str | None = None


@dataclass(frozen=True)
class CellRule:
    """Cells that are one device. nodes: labels that each node of the model may have in the cell, in
    the model's order; more_nodes: those that follow where the cell has them."""

    name: str
    nodes: tuple[tuple[str, ...], ...]
    more_nodes: tuple[str, ...] = ()

    def names(self, cell: str) -> bool:
        """Whether the rule is about a cell of this name."""
        return fnmatchcase(cell, self.name)


@dataclass(frozen=True)
class SameModel:
    """Another name of `model`: for devices up to `w_max_um` wide, or of exactly `w_um`."""

    name: str
    model: str
    w_max_um: float = math.inf
    w_um: float | None = None

    @property
    def whole(self) -> bool:
        """Whether both names mean the same model at any size."""
        return self.w_um is None and math.isinf(self.w_max_um)


@dataclass(frozen=True)
class Recognition:
    """All rules, in the order in which they are tried."""

    transistors: tuple[DeviceRule, ...]
    resistors: tuple[DeviceRule, ...]
    diodes: tuple[DeviceRule, ...]
    varactors: tuple[DeviceRule, ...]
    bipolars: tuple[DeviceRule, ...]
    between: tuple[BetweenRule, ...]
    cells: tuple[CellRule, ...]
    same: tuple[SameModel, ...]
    diode_area: tuple[str, float]
    diode_perimeter: tuple[str, float]

    def channel(self, rules: Iterable[DeviceRule], channel: str) -> tuple[DeviceRule, ...]:
        """Those of a table that are about n or p."""
        return tuple(rule for rule in rules if rule.channel == channel)

    def marks(self, rules: Iterable[DeviceRule]) -> tuple[str, ...]:
        """Layers and marks that decide between rules."""
        return tuple(dict.fromkeys(mark for rule in rules for mark in (*rule.on, *rule.off)))

    def same_name(self, model: str, w_um: float) -> tuple[str, float]:
        """The model's name here, and its width where a name says it."""
        for same in self.same:
            if model != same.name or w_um > same.w_max_um:
                continue
            return same.model, same.w_um if same.w_um is not None else w_um
        return model, w_um

    def other_names(self, model: str) -> tuple[SameModel, ...]:
        """Other names of a model."""
        return tuple(same for same in self.same if same.model == model)


def first(
    rules: Iterable[DeviceRule],
    marks: Collection[str],
    *,
    w_um: float = 0.0,
    area_um2: float | None = None,
) -> DeviceRule | None:
    """The first rule that holds."""
    return next((r for r in rules if r.holds(marks, w_um=w_um, area_um2=area_um2)), None)


@cache
def read_recognition(folder: Path) -> Recognition:
    """The recognition.toml of a process. Raises ToolError when it is damaged or missing."""
    with facts_of(folder / "recognition.toml") as table:
        (area, area_factor), (perimeter, perimeter_factor) = table["diode_parameters"].items()
        kinds = {"transistors": "transistor", "resistors": "resistor", "diodes": "diode"}
        kinds |= {"varactors": "varactor", "bipolars": "bipolar"}
        rules: dict[str, Any] = {
            field: tuple(_record(DeviceRule, record) for record in table.get(kind, []))
            for field, kind in kinds.items()
        }
        return Recognition(
            between=tuple(_record(BetweenRule, record) for record in table.get("between", [])),
            cells=tuple(_record(CellRule, record) for record in table.get("cell", [])),
            same=tuple(_record(SameModel, record) for record in table.get("same", [])),
            diode_area=(str(area), float(area_factor)),
            diode_perimeter=(str(perimeter), float(perimeter_factor)),
            **rules,
        )


def _record(kind: type[Any], record: dict[str, Any]) -> Any:
    unknown = set(record) - {field.name for field in fields(kind)}
    if unknown:
        raise ValueError(f"a record of {kind.__name__} has unknown keys {sorted(unknown)}")
    return kind(**{key: _frozen(value) for key, value in record.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
