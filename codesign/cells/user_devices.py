"""What a user's subcircuit expands to: how many elements, which devices in which sizes, and the
flat circuit that a layout is compared with.

Counted and sized per subcircuit, not per instance, so that a hierarchy that doubles at each level
costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from codesign.errors import InputError
from codesign.layout.circuit import FlatDevice, Parasitic
from codesign.layout.multiples import MAX_COPIES, MULTIPLES, copies, multiplicity
from codesign.pdk import Device, Process
from codesign.spice.expressions import evaluate
from codesign.spice.netlist import Element, Netlist, Subcircuit

Values = Mapping[str, float]


class KnobValue(NamedTuple):
    """A value that a knob gives a parameter of the top subcircuit; `key` is where the design says
    so, such as `knobs.n.off`."""

    key: str
    parameter: str
    value: float

    def error(self, error: InputError) -> InputError:
        """What goes wrong at this value."""
        last = self.key.rpartition(".")[2]
        return InputError(
            f"{self.key} ({self.parameter} = {self.value:g}): {error.message}",
            remedy=f"choose {last} so that the devices can have it, or let the parameter set "
            "something else, such as a multiplicity or a length",
        )


class Place(NamedTuple):
    """Where a device stands, and at which knob's value it has its size, if not at all."""

    card: str
    knob: KnobValue | None = None

    def error(self, error: InputError) -> InputError:
        """What is wrong with the device."""
        new = InputError(f"{self.card}: {error.message}", remedy=error.remedy)
        return new if self.knob is None else self.knob.error(new)


_MULTIPLE = ("m", "mult")


@dataclass(frozen=True)
class Expansion:
    """A netlist whose device models begin with `model_prefix`."""

    netlist: Netlist
    model_prefix: str
    _sized: dict[tuple[str, tuple[tuple[str, float], ...]], dict[Device, str]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def count(self, top: str) -> int:
        """Elements of the expanded subcircuit."""
        counts: dict[str, int] = {}
        for cell in self.netlist.below(top):
            called = (counts.get(element.calls or "", 0) for element in cell.elements)
            counts[cell.name.lower()] = len(cell.elements) + sum(called)
        return counts[top.lower()]

    def devices(self, top: str, given: Values) -> dict[Device, str]:
        """Devices of the process with their drawn sizes, and where each stands; `given`: parameters
        of the top subcircuit. Raises InputError for sizes that are missing or no numbers."""
        cell = self.netlist.subcircuit(top)
        key = (cell.name.lower(), tuple(sorted(given.items())))
        if key not in self._sized:
            found: dict[Device, str] = {}
            names = self.scope(cell, given)
            for element in cell.elements:
                if element.calls in self.netlist.subcircuits:
                    found = self.devices(str(element.calls), self.passed(element, names)) | found
                elif element.calls:
                    found.setdefault(self._device(element, names), self.place(element))
            self._sized[key] = found
        return self._sized[key]

    def devices_at(self, top: str, knobs: Iterable[KnobValue]) -> dict[Device, Place]:
        """Devices at the parameters' defaults and at each value of a knob."""
        found = {device: Place(card) for device, card in self.devices(top, {}).items()}
        for knob in knobs:
            try:
                there = self.devices(top, {knob.parameter: knob.value})
            except InputError as error:
                raise knob.error(error) from error
            for device, card in there.items():
                found.setdefault(device, Place(card, knob))
        return found

    def check_nodes(self, top: str, process: Process) -> None:
        """Whether the process has the devices, connected as they must be. Raises InputError."""
        for cell in self.netlist.below(top):
            for element in cell.elements:
                if element.calls is None or element.calls in self.netlist.subcircuits:
                    continue
                try:
                    model = element.calls.removeprefix(self.model_prefix)
                    process.check_nodes(model, len(element.nodes))
                except InputError as error:
                    raise Place(self.place(element)).error(error) from error

    def scope(self, cell: Subcircuit, given: Values) -> dict[str, float]:
        """Values of a subcircuit's parameters."""
        names: dict[str, float] = {}
        for key, text in (*cell.defaults.items(), *cell.assigned):
            if key in given and key in cell.defaults:
                names[key] = given[key]
                continue
            try:
                names[key] = evaluate(text, names)
            except InputError as error:
                raise InputError(
                    f"{self.netlist.source}:{cell.line}: {cell.name}: {key}: {error.message}",
                    remedy=error.remedy,
                ) from None
        return names

    def passed(self, element: Element, names: Values) -> dict[str, float]:
        """What an X card hands to the subcircuit that it calls."""
        allowed = self.netlist.subcircuit(str(element.calls)).defaults
        values = {}
        for key, text in element.parameters:
            if key not in allowed and key not in _MULTIPLE:
                raise InputError(
                    f"{self.place(element)}: {element.calls} has no parameter {key}",
                    remedy=f"its parameters: {', '.join(allowed) or 'none'}",
                )
            values[key] = self.number(element, key, text, names)
        return values

    def place(self, element: Element) -> str:
        """Where a card stands, for messages."""
        return f"{self.netlist.source}:{element.line}: {element.name}"

    def number(self, element: Element, key: str, text: str, names: Values) -> float:
        """A value of a card."""
        try:
            return evaluate(text, names)
        except InputError as error:
            raise InputError(f"{self.place(element)}: {key}: {error.message}") from None

    def sizes(self, element: Element, names: Values) -> dict[str, float]:
        """Parameters of a device that matter: w, l (um), nf, m, junctions. Those of the same card
        may be used in its expressions (`ad='w/nf*0.29'`)."""
        texts = dict(element.parameters)
        if missing := {"w", "l"} - set(texts):
            raise InputError(
                f"{self.place(element)} has no {' and no '.join(sorted(missing))}",
                remedy="give w and l, in um",
            )
        values: dict[str, float] = {}
        for key in ("nf", "w", "l", *MULTIPLES, "as", "ad", "ps", "pd"):
            if key in texts:
                values[key] = self.number(element, key, texts[key], {**names, **values})
        w, l = values["w"], values["l"]
        if not min(w, l) >= 1e-3:
            why = "in metres? They are in um" if min(w, l) > 0 else "sizes must be positive"
            raise InputError(
                f"{self.place(element)}: w = {w:g}, l = {l:g}: {why}", remedy="write w=0.42 l=0.15"
            )
        return values

    def _device(self, element: Element, names: Values) -> Device:
        sizes = self.sizes(element, names)
        model = str(element.calls).removeprefix(self.model_prefix)
        fingers = max(sizes.get("nf", 1.0), 1.0)
        return Device(model, round(sizes["w"] / fingers, 6), round(sizes["l"], 6))

    def flat(
        self, cell: Subcircuit, given: Values, prefix: str, nets: Mapping[str, str]
    ) -> Iterator[FlatDevice | tuple[str, Parasitic]]:
        """All devices below a subcircuit, and ("r" or "c", its value) of ideal elements; `nets`:
        flat names of its ports; `prefix`: of names inside. Subcircuits are as they are written out.
        """
        names = self.scope(cell, given)
        for element in cell.elements:
            nodes = tuple(nets.get(node) or f"{prefix}{node}" for node in element.nodes)
            letter = element.name[0].lower()
            if element.calls in self.netlist.subcircuits:
                inner = self.netlist.subcircuit(str(element.calls))
                passed = self.passed(element, names)
                below = dict(zip(inner.ports, nodes, strict=True))
                for copy in self._copies(element, passed):
                    yield from self.flat(inner, passed, f"{prefix}{copy}.", below)
            elif letter == "x":
                yield from self._flat_devices(element, names, prefix, nodes)
            elif letter in "rc":
                text = dict(element.parameters).get(letter) or " ".join(element.words[:1])
                value = self.number(element, letter, text, names)
                yield letter, Parasitic(nodes[0], nodes[1], value)
            else:
                raise InputError(
                    f"{self.place(element)} cannot be compared with a layout",
                    remedy=f"use X instances of {self.model_prefix} models, C and R",
                )

    def _copies(self, element: Element, passed: Values) -> Iterator[str]:
        """Names of a subcircuit's instances: as many as its m says."""
        count = multiplicity(passed)
        if not 1 <= count <= MAX_COPIES or round(count) != count:
            raise InputError(
                f"{self.place(element)}: a subcircuit that is there {count:g} times cannot be "
                "compared with a layout", remedy="give a whole m",
            )  # fmt: skip
        name = element.name.lower()
        yield name
        yield from (f"{name}#{number}" for number in range(2, round(count) + 1))

    def _flat_devices(
        self, element: Element, names: Values, prefix: str, nodes: tuple[str, ...]
    ) -> tuple[FlatDevice, ...]:
        model = str(element.calls).removeprefix(self.model_prefix)
        starts = {"nfet": "n", "pfet": "p", "cap_mim": "cap"}
        kind = next((k for start, k in starts.items() if model.startswith(start)), None)
        if kind is None or len(nodes) != (2 if kind == "cap" else 4):
            raise InputError(
                f"{self.place(element)}: {model} with {len(nodes)} nodes is no transistor or MIM "
                "capacitor that a layout is compared with",
                remedy='use view = "schematic"',
            )
        sizes = self.sizes(element, names)
        junctions = (sizes.get(key) for key in ("as", "ad", "ps", "pd"))
        name = f"{prefix}{element.name[1:].lower()}"
        w_um, l_um = round(sizes["w"], 6), round(sizes["l"], 6)
        device = FlatDevice(name, kind, model, nodes, w_um, l_um, *junctions)
        try:
            return copies(device, multiplicity(sizes))
        except InputError as error:
            raise InputError(
                f"{self.place(element)}: {error.message}", remedy=error.remedy
            ) from None
