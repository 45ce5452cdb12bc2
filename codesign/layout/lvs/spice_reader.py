"""Reading a SPICE or CDL netlist of the process's devices as one flat circuit.

What is read: `.subckt` with X instances of the library's models and of other subcircuits of the
file, M, R, C, D and Q elements with these models, C and R between nets; `.param`, parameters of
subcircuits, expressions; `m`, `mult`, `mf` of devices and subcircuits; `.option scale`; the top
subcircuit that xschem writes as a comment. What stands in subcircuits that are not part of the
circuit, and outside of all, does not matter. Names are those ngspice gives: net `mem` of instance
`Xn_1` is `xn_1.mem`.

Widths and lengths are in um, as the continuous models take them; a value below 1e-3 is taken as
metres.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit, FlatDevice, Parasitic
from codesign.layout.lvs.elements import Elements, Place
from codesign.layout.lvs.models import Models
from codesign.layout.multiples import MAX_COPIES
from codesign.pdk import Process, default_process
from codesign.spice.loose import LooseCard, LooseNetlist, LooseSubcircuit, parse_loose, values_of

MAX_DEVICES = 2_000_000


def read_circuit(
    path: Path, top: str | None = None, *, process: Process | None = None
) -> FlatCircuit:
    """The subcircuit `top` of a netlist file (the last of the file by default), flattened.

    `process`: whose models these are, the default one unless given.
    Raises InputError, naming file and line, for what cannot be read: no subcircuit, unknown models,
    wrong numbers of nodes, subcircuits that contain themselves.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="strict")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the netlist {path}: {error}") from error
    process = process or default_process()
    return _Reader(parse_loose(text, str(path)), process).flat(top)


class _Reader:
    def __init__(self, netlist: LooseNetlist, process: Process) -> None:
        self.netlist, self.prefix = netlist, process.model_prefix
        self.elements = Elements(netlist, Models(process))

    @cached_property
    def globals(self) -> dict[str, float]:
        """Values of the parameters outside all subcircuits."""
        return values_of(self.netlist.parameters, {})

    def flat(self, top: str | None) -> FlatCircuit:
        cell = self.netlist.subcircuit(top)
        nets = {port.lower(): port for port in cell.ports}
        devices: list[FlatDevice] = []
        parasitics: dict[str, list[Parasitic]] = {"c": [], "r": []}
        place = Place("", nets, self._scope(cell, {}), (cell.name.lower(),))
        for card, where in self._expanded(cell, place):
            found = self.elements.read(card, where)
            if isinstance(found, Parasitic):
                parasitics[card.name[0].lower()].append(found)
            else:
                devices += found
            if len(devices) > MAX_DEVICES:
                raise self.elements.fail(
                    f"subcircuit {cell.name} has more than {MAX_DEVICES} devices"
                )
        capacitors, resistors = (tuple(parasitics[kind]) for kind in "cr")
        return FlatCircuit(
            *(cell.name, cell.ports, tuple(devices), capacitors, resistors),
            model_prefix=self.prefix,
        )

    def _expanded(self, cell: LooseSubcircuit, place: Place) -> Iterator[tuple[LooseCard, Place]]:
        """All elements that are no subcircuits of the file, and where they stand."""
        for card in cell.cards:
            called = card.words[-1].lower() if card.words else ""
            inner = self.netlist.subcircuits.get(called) if card.name[0] in "xX" else None
            if inner is None or self.elements.models.is_listed(called):
                yield card, place
                continue
            if called in place.path:
                raise self.elements.fail(f"subcircuit {called} contains itself", card.line)
            given = self.elements.values(card, card.parameters, place.names)
            count = 1.0 if "m" in inner.defaults else given.get("m", 1.0)
            if not 1 <= round(count) <= MAX_COPIES or round(count) != count:
                raise self.elements.fail(
                    f"{card.name} is there {count:g} times", card.line, "give a whole m"
                )
            nodes = self.elements.nodes(card, len(inner.ports), place, exact=True)
            below = dict(zip((port.lower() for port in inner.ports), nodes, strict=True))
            names = self._scope(inner, given)
            for number in range(1, round(count) + 1):
                name = card.name.lower() + (f"#{number}" if number > 1 else "")
                inside = Place(f"{place.prefix}{name}.", below, names, (*place.path, called))
                yield from self._expanded(inner, inside)

    def _scope(self, cell: LooseSubcircuit, given: Mapping[str, float]) -> Mapping[str, float]:
        """Values of the parameters that a subcircuit's elements may use."""
        if not cell.defaults and not cell.assigned:
            return self.globals
        passed = {key: value for key, value in given.items() if key in cell.defaults}
        left = {key: text for key, text in cell.defaults.items() if key not in passed}
        own = passed | values_of(left, {**_without(self.globals, left), **passed})
        assigned = values_of(cell.assigned, {**_without(self.globals, cell.assigned), **own})
        return {**self.globals, **own, **assigned}


def _without(names: Mapping[str, float], keys: Mapping[str, str]) -> dict[str, float]:
    return {key: value for key, value in names.items() if key not in keys}
