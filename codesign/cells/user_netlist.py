"""A user's netlist: checked under the rules of a design file, and the names it is written out with.

What reaches the simulator is what was read, never the user's text: subcircuits get names that
cannot meet ours, nets called `gnd` or `0`, which a simulator takes for its own ground, get others.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from codesign.cells.user_devices import Expansion, KnobValue, Place
from codesign.cells.user_names import GROUNDS, element_name, plain_name, renamed
from codesign.errors import InputError
from codesign.pdk import Device
from codesign.spice.netlist import Element, Netlist, Subcircuit

_VALUE = re.compile(r"[\d.+\-'{]")
_MAX_ELEMENTS = 20_000


@dataclass(frozen=True)
class UserNetlist:
    """The subcircuit `top` of a netlist, with what it calls; `prefix` starts their new names.

    knob_values: values to expect of parameters of the top subcircuit, one at a time.
    """

    netlist: Netlist
    top: str
    prefix: str
    model_prefix: str
    knob_values: Sequence[KnobValue] = ()
    _written: dict[str, Subcircuit] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        count = self.expansion.count(self.top)
        if count > _MAX_ELEMENTS:
            shown = count if count < 10**9 else f"1e{len(str(count)) - 1}"
            raise InputError(
                f"{self.netlist.source}: {self.top} has {shown} elements when its subcircuits are "
                f"expanded; up to {_MAX_ELEMENTS} are allowed",
                remedy="give one cell, not an array of them",
            )
        for cell in self.subcircuits:
            self._check(cell)
        self._check_reach()

    @cached_property
    def expansion(self) -> Expansion:
        """Its devices."""
        return Expansion(self.netlist, self.model_prefix)

    @cached_property
    def subcircuits(self) -> list[Subcircuit]:
        """Called ones first."""
        return self.netlist.below(self.top)

    @property
    def cell(self) -> Subcircuit:
        """The top subcircuit."""
        return self.netlist.subcircuit(self.top)

    @property
    def ports(self) -> tuple[str, ...]:
        """Ports of the top subcircuit as the user calls them."""
        return self.cell.ports

    def emitted_name(self, name: str) -> str:
        """Name of a subcircuit as it is written out."""
        return f"{self.prefix}_{name.lower()}"

    def _fail(self, line: int, message: str, remedy: str | None = None) -> InputError:
        return InputError(f"{self.netlist.source}:{line}: {message}", remedy=remedy)

    def _check(self, cell: Subcircuit) -> None:
        if cell.name.lower().startswith(self.model_prefix):
            raise self._fail(
                cell.line, f"subcircuit {cell.name} has a name of the process's devices",
                "leave device models out: they come from the process",
            )  # fmt: skip
        names = {element.name.lower() for element in cell.elements}
        seen: set[str] = set()
        for element in cell.elements:
            self._check_element(cell, element, names)
            if element_name(element.name).lower() in seen:
                raise self._fail(element.line, f"{cell.name} has an element {element.name} already")
            seen.add(element_name(element.name).lower())
        used = {node.lower() for element in cell.elements for node in element.nodes}
        grounds = (used & GROUNDS) - {port.lower() for port in cell.ports}
        if grounds:
            raise self._fail(
                cell.line, f"{cell.name} uses the simulator's ground "
                f"({', '.join(sorted(grounds))}), which is outside of the cell",
                f"make ground a port of {cell.name}",
            )  # fmt: skip
        nets = {node.lower() for node in (*used, *cell.ports)}
        if len({plain_name(net) for net in nets}) != len(nets):
            raise self._fail(
                cell.line, f"nets of {cell.name} differ in signs alone",
                "use letters, digits, _",
            )  # fmt: skip
        self.emitted(cell)

    def _check_element(self, cell: Subcircuit, element: Element, names: set[str]) -> None:
        called, word = element.calls, element.words[0] if element.words else ""
        if called is None:
            letter = element.name[0].lower()
            is_model = letter in "dms" or (letter in "rc" and word and not _VALUE.match(word))
            if letter in "fh" and word.lower() not in names:
                raise self._fail(
                    element.line, f"{element.name}: {cell.name} has no source {word!r}",
                    "name a V element of the same subcircuit",
                )  # fmt: skip
            if is_model and word.lower() not in cell.models:
                raise self._fail(
                    element.line, f"{element.name}: {cell.name} has no model {word!r}",
                    "give its .model card in the subcircuit; transistors of the process are X "
                    f"instances of {self.model_prefix}<name>",
                )  # fmt: skip
        elif called not in self.netlist.subcircuits and not called.startswith(self.model_prefix):
            near = difflib.get_close_matches(called, self.netlist.subcircuits, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise self._fail(
                element.line, f"{element.name} calls {called}, which is neither in the file nor a "
                f"device of the process{hint}",
                f"devices of the process are called {self.model_prefix}<name>",
            )  # fmt: skip

    def _check_reach(self) -> None:
        """Whether every port of the top subcircuit comes to an element."""
        reaching: dict[str, set[str]] = {}
        for cell in self.subcircuits:
            found: set[str] = set()
            for element in cell.elements:
                nodes = [node.lower() for node in element.nodes]
                called = self.netlist.subcircuits.get(element.calls or "")
                if called is not None:
                    inside = reaching[called.name.lower()]
                    pairs = zip(nodes, called.ports, strict=True)
                    nodes = [node for node, port in pairs if port.lower() in inside]
                found.update(nodes)
            reaching[cell.name.lower()] = found
        for port in self.ports:
            if port.lower() not in reaching[self.top.lower()]:
                raise self._fail(
                    self.cell.line, f"{self.cell.name}: port {port} reaches nothing",
                    "connect it, or leave it out",
                )  # fmt: skip

    def emitted(self, cell: Subcircuit) -> Subcircuit:
        """A subcircuit under the names that it is written out with."""
        key = cell.name.lower()
        if key not in self._written:
            self._written[key] = self._write(cell)
        return self._written[key]

    def _write(self, cell: Subcircuit) -> Subcircuit:
        nets = {node.lower() for e in cell.elements for node in e.nodes}
        nets |= {port.lower() for port in cell.ports}
        names = {element.name.lower() for element in cell.elements}
        elements = []
        for element in cell.elements:
            try:
                words = tuple(renamed(word, nets, names) for word in element.words)
                values = tuple((k, renamed(text, nets, names)) for k, text in element.parameters)
            except ValueError as error:
                raise self._fail(
                    element.line, f"{element.name}: {cell.name} has no {error}",
                    "an expression may use nets and elements of its own subcircuit",
                ) from None  # fmt: skip
            if element.calls in self.netlist.subcircuits:
                words = (self.emitted_name(words[0]),)
            elif element.calls:
                words = (element.calls,)
            elif element.name[0] in "fFhH":
                words = (*map(element_name, words[:1]), *words[1:])
            nodes = tuple(map(plain_name, element.nodes))
            name = element_name(element.name)
            new = replace(element, name=name, nodes=nodes, words=words, parameters=values)
            elements.append(new)
        ports = tuple(map(plain_name, cell.ports))
        return replace(
            cell, name=self.emitted_name(cell.name), ports=ports, elements=tuple(elements)
        )

    def node(self, path: str) -> tuple[str, bool]:
        """A node `mem` or `x1.mem` by its name in the flat cell, and whether that is a port of the
        top subcircuit. Raises InputError when there is none."""
        *instances, last = path.lower().split(".")
        cell, prefix, nets = self.cell, "", {port.lower(): port for port in self.ports}
        for instance in instances:
            by_name = {e.name.lower(): e for e in cell.elements}
            called = self.netlist.subcircuits.get(getattr(by_name.get(instance), "calls", "") or "")
            if called is None:
                inside = [e.name for e in cell.elements if e.calls in self.netlist.subcircuits]
                raise InputError(
                    f"{cell.name} has no subcircuit instance {instance!r}",
                    remedy=f"there are: {', '.join(inside[:10]) or 'none'}",
                )
            outside = [node.lower() for node in by_name[instance].nodes]
            flat = [nets.get(node) or f"{prefix}{plain_name(node)}" for node in outside]
            nets = dict(zip((port.lower() for port in called.ports), flat, strict=True))
            prefix += f"{element_name(instance)}."
            cell = called
        names = sorted({n.lower() for e in cell.elements for n in e.nodes})
        if last not in names:
            raise InputError(
                f"{cell.name} has no node {last!r}", remedy=f"it has {', '.join(names[:20])}"
            )
        name = nets.get(last) or f"{prefix}{plain_name(last)}"
        return name, name in self.ports

    @cached_property
    def devices(self) -> dict[Device, Place]:
        """Every device of the process with its size, at all values of the knobs, and where."""
        return self.expansion.devices_at(self.top, self.knob_values)
