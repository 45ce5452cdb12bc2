"""A user's netlist as a cell: read under the rules of a design file, checked, written out again.

What reaches the simulator is what was read, never the user's text: subcircuits get names that
cannot meet ours, nets called `gnd` or `0`, which a simulator takes for its own ground, get others.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

from codesign.cells.base import Cell, Port
from codesign.errors import InputError
from codesign.pdk import Device
from codesign.records import Record
from codesign.spice.expressions import evaluate
from codesign.spice.netlist import Element, Netlist, Subcircuit

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*\Z")
_GROUNDS = frozenset({"0", "gnd"})
# Sizes of a transistor's bins change with a knob at its width or length: so many are looked at.
_SAMPLES = 16
_MAX_ELEMENTS = 20_000


class NoParameters(Record):
    """Nothing: the netlist says it all."""


@dataclass
class GivenSchematic:
    """A schematic view that was given as text."""

    text: str
    devices: set[Device]
    children: list[Cell]
    transistors: tuple[()] = ()
    capacitors: tuple[()] = ()
    resistors: tuple[()] = ()
    instances: tuple[()] = ()


@dataclass(frozen=True)
class UserNetlist:
    """The subcircuit `top` of a netlist, with what it calls; `prefix` starts their new names."""

    netlist: Netlist
    top: str
    prefix: str
    model_prefix: str
    knob_values: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = sum(1 for _ in itertools.islice(self._placed(), _MAX_ELEMENTS + 1))
        if count > _MAX_ELEMENTS:
            raise InputError(
                f"{self.netlist.source}: {self.top} has more than {_MAX_ELEMENTS} elements"
            )
        for cell in self.subcircuits:
            self._check(cell)

    @cached_property
    def subcircuits(self) -> list[Subcircuit]:
        """Called ones first."""
        return self.netlist.below(self.top)

    @property
    def ports(self) -> tuple[str, ...]:
        """Ports of the top subcircuit as the user calls them."""
        return self.netlist.subcircuit(self.top).ports

    @property
    def name(self) -> str:
        """Name of the top subcircuit as it is written out."""
        return self.emitted_name(self.top)

    def emitted_name(self, name: str) -> str:
        """Name of a subcircuit as it is written out."""
        return f"{self.prefix}_{name.lower()}"

    def _check(self, cell: Subcircuit) -> None:
        used = {node.lower() for element in cell.elements for node in element.nodes}
        for port in cell.ports:
            if port.lower() not in used:
                raise InputError(
                    f"{self.netlist.source}:{cell.line}: {cell.name}: port {port} reaches nothing",
                    remedy="connect it, or leave it out",
                )
        for element in cell.elements:
            called = element.calls
            known = called is None or called in self.netlist.subcircuits
            if called and not known and not called.startswith(self.model_prefix):
                raise InputError(
                    f"{self.netlist.source}:{element.line}: {element.name} calls {called}, "
                    "which is neither in the file nor a device of the process",
                    remedy=f"devices of the process are called {self.model_prefix}<name>",
                )
        grounds = {node for node in used if node in _GROUNDS}
        if grounds - {port.lower() for port in cell.ports}:
            raise InputError(
                f"{self.netlist.source}:{cell.line}: {cell.name} uses the simulator's ground "
                f"({', '.join(sorted(grounds))}), which is outside of the cell",
                remedy="make ground a port of the subcircuit",
            )

    def emitted(self, cell: Subcircuit) -> Subcircuit:
        """A subcircuit under the names that it is written out with."""

        def node(name: str) -> str:
            lower = name.lower()
            if _IDENTIFIER.match(lower) and lower not in _GROUNDS:
                return lower
            return "n_" + re.sub(r"[^a-z0-9_]", "_", lower)

        used = [n for e in cell.elements for n in e.nodes]
        names = {name.lower() for name in (*used, *cell.ports)}
        if len({node(name) for name in names}) != len(names):
            raise InputError(
                f"{self.netlist.source}:{cell.line}: nets of {cell.name} differ in signs alone",
                remedy="use letters, digits and underscores",
            )
        elements = []
        for element in cell.elements:
            words = element.words
            if element.calls in self.netlist.subcircuits:
                words = (self.emitted_name(words[0]),)
            nodes = tuple(node(name) for name in element.nodes)
            elements.append(replace(element, nodes=nodes, words=words))
        ports = tuple(node(port) for port in cell.ports)
        return replace(
            cell, name=self.emitted_name(cell.name), ports=ports, elements=tuple(elements)
        )

    def has_node(self, path: str) -> bool:
        """Whether `x1.mem` or `mem` is a node inside the top subcircuit."""
        cell = self.netlist.subcircuit(self.top)
        *instances, node = path.lower().split(".")
        for instance in instances:
            called = [e for e in cell.elements if e.name.lower() == instance]
            if not called or called[0].calls not in self.netlist.subcircuits:
                return False
            cell = self.netlist.subcircuit(str(called[0].calls))
        return any(node == n.lower() for e in cell.elements for n in e.nodes)

    def devices(self) -> set[Device]:
        """Every device of the process with its size, at all values of the knobs."""
        found: set[Device] = set()
        axes = {key: list(values)[:: max(len(values) // _SAMPLES, 1)] for key, values in
                self.knob_values.items()}  # fmt: skip
        settings: list[dict[str, float]] = [{}]
        for key, values in axes.items():
            settings += [{key: value} for value in values]
        for setting in settings:
            for element, names in self._placed(setting):
                if element.calls and element.calls not in self.netlist.subcircuits:
                    found.add(self._device(element, names))
        return found

    def _device(self, element: Element, names: Mapping[str, float]) -> Device:
        values = dict(element.parameters)
        where = f"{self.netlist.source}:{element.line}: {element.name}"
        missing = {"w", "l"} - set(values)
        model = str(element.calls).removeprefix(self.model_prefix)
        if missing:
            raise InputError(f"{where} has no {' and no '.join(sorted(missing))}")
        try:
            w, l = (evaluate(values[key], names) for key in "wl")
            fingers = evaluate(values.get("nf", "1"), names)
        except InputError as error:
            raise InputError(f"{where}: {error.message}") from None
        if min(w, l) < 1e-3:
            raise InputError(f"{where}: w = {w:g}, l = {l:g}: sizes are in um")
        return Device(model, round(w / max(fingers, 1.0), 6), round(l, 6))

    def _placed(
        self, setting: Mapping[str, float] | None = None
    ) -> Iterator[tuple[Element, dict[str, float]]]:
        """All elements of the expanded cell, with the parameters around them. `setting`: of the
        top subcircuit."""
        top = self.netlist.subcircuit(self.top)
        self.netlist.below(self.top)
        yield from self._expand(top, {**(setting or {})})

    def _expand(
        self, cell: Subcircuit, given: Mapping[str, float]
    ) -> Iterator[tuple[Element, dict[str, float]]]:
        names: dict[str, float] = {}
        for key, text in cell.defaults.items():
            names[key] = given[key] if key in given else self._number(cell, key, text, names)
        for element in cell.elements:
            yield element, names
            if element.calls in self.netlist.subcircuits:
                inner = self.netlist.subcircuit(str(element.calls))
                values = {
                    key: self._number(cell, key, text, names) for key, text in element.parameters
                }
                yield from self._expand(inner, values)

    def _number(
        self, cell: Subcircuit, key: str, text: str, names: Mapping[str, float]
    ) -> float:
        try:
            return evaluate(text, names)
        except InputError as error:
            raise InputError(
                f"{self.netlist.source}:{cell.line}: {cell.name}: {key}: {error.message}"
            ) from None


class UserCell(Cell):
    """A subcircuit of a user's netlist."""

    what: ClassVar[str] = "a user's subcircuit"
    is_given = True

    def __init__(self, given: UserNetlist, cell: Subcircuit) -> None:
        self._emitted = given.emitted(cell)
        super().__init__(self._emitted.name, NoParameters())
        self.given, self.cell = given, cell

    @property
    def ports(self) -> tuple[Port, ...]:
        return tuple(Port(name, "inout", "") for name in self._emitted.ports)

    def draw(self, schematic: object) -> None:
        """Nothing to place: the netlist was given."""

    @cached_property
    def schematic(self) -> GivenSchematic:  # type: ignore[override]
        known = self.given.netlist.subcircuits
        called = sorted({str(e.calls) for e in self.cell.elements if e.calls in known})
        children: list[Cell] = [UserCell(self.given, known[name]) for name in called]
        is_top = self.cell.name.lower() == self.given.top.lower()
        devices = self.given.devices() if is_top else set()
        return GivenSchematic(self._emitted.text + "\n", devices, children)
