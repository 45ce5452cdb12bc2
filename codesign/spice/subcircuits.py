"""A netlist as typed records: elements, subcircuits, and what calls what."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from codesign.errors import InputError

MAX_DEPTH = 50


@dataclass(frozen=True)
class Element:
    """A card inside a subcircuit. `words`: what stands behind the nodes, the model's or called
    subcircuit's name first where there is one; `parameters` as written, keys in lower case."""

    name: str
    nodes: tuple[str, ...]
    words: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    line: int

    @property
    def calls(self) -> str | None:
        """Lower-case name of the subcircuit or device that an X card calls."""
        return self.words[0].lower() if self.name[0] in "xX" else None

    def with_parameters(self, values: Mapping[str, str]) -> Element:
        """The same card with some parameters set."""
        return replace(self, parameters=tuple({**dict(self.parameters), **values}.items()))

    @property
    def text(self) -> str:
        """The card."""
        pairs = (f"{key}={value}" for key, value in self.parameters)
        return " ".join((self.name, *self.nodes, *self.words, *pairs))


@dataclass(frozen=True)
class Subcircuit:
    """A `.subckt`: ports in order, parameters with their defaults, elements; `assigned`: parameters
    of `.param` cards inside it, in order; `models`: its model cards by lower-case name."""

    name: str
    ports: tuple[str, ...]
    defaults: Mapping[str, str]
    elements: tuple[Element, ...]
    assigned: tuple[tuple[str, str], ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    line: int = 0

    @property
    def text(self) -> str:
        """The definition."""
        pairs = [f"{key}={value}" for key, value in self.defaults.items()]
        lines = [" ".join((".subckt", self.name, *self.ports, *pairs))]
        lines += [f".param {key}={value}" for key, value in self.assigned]
        lines += [*self.models.values(), *(element.text for element in self.elements)]
        return "\n".join([*lines, f".ends {self.name}"])


@dataclass(frozen=True)
class Netlist:
    """The subcircuits of a file by lower-case name; `source` names it in messages."""

    source: str
    subcircuits: Mapping[str, Subcircuit] = field(default_factory=dict)

    def subcircuit(self, name: str) -> Subcircuit:
        """One by name. Raises InputError with the nearest names."""
        found = self.subcircuits.get(name.lower())
        if found is not None:
            return found
        names = {key: s.name for key, s in self.subcircuits.items()}
        near = difflib.get_close_matches(name.lower(), names, n=1)
        listed = ", ".join(list(names.values())[:10])
        hint = f"did you mean {names[near[0]]}?" if near else f"there are: {listed}"
        raise InputError(f"{self.source}: there is no subcircuit {name!r}", remedy=hint)

    def below(self, name: str) -> list[Subcircuit]:
        """A subcircuit and those it calls, callees first. Raises InputError for a circle."""
        found: dict[str, Subcircuit] = {}
        self._collect(self.subcircuit(name), (), found, {})
        return list(found.values())

    def _collect(
        self,
        cell: Subcircuit,
        path: tuple[str, ...],
        found: dict[str, Subcircuit],
        heights: dict[str, int],
    ) -> int:
        """Adds a cell and those below; returns how many levels it has."""
        key = cell.name.lower()
        if key in path:
            circle = " -> ".join((*path[path.index(key) :], key))
            raise InputError(
                f"{self.source}:{cell.line}: subcircuit {cell.name} contains itself ({circle})",
                remedy="break the circle",
            )
        if len(path) >= MAX_DEPTH:
            raise self._too_deep()
        if key not in found:
            height = 0
            for element in cell.elements:
                called = self.subcircuits.get(element.calls or "")
                if called is not None:
                    self._check_call(element, called)
                    below = self._collect(called, (*path, key), found, heights)
                    height = max(height, below + 1)
            found[key], heights[key] = cell, height
        if len(path) + heights[key] >= MAX_DEPTH:
            raise self._too_deep()
        return heights[key]

    def _too_deep(self) -> InputError:
        return InputError(
            f"{self.source}: subcircuits are nested more than {MAX_DEPTH} deep",
            remedy="flatten the lowest ones",
        )

    def _check_call(self, element: Element, called: Subcircuit) -> None:
        if len(element.nodes) != len(called.ports):
            raise InputError(
                f"{self.source}:{element.line}: {element.name} connects {len(element.nodes)} "
                f"nodes, {called.name} has {len(called.ports)} ports",
                remedy=f"ports of {called.name}: {' '.join(called.ports)}",
            )
