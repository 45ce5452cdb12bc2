"""A subcircuit of a user's netlist as a cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from codesign.cells.base import Cell, Port
from codesign.cells.user_devices import Expansion
from codesign.cells.user_netlist import UserNetlist
from codesign.errors import InputError
from codesign.layout.circuit import FlatDevice, Parasitic
from codesign.pdk import Device, Process
from codesign.records import Record
from codesign.spice.netlist import Netlist, Subcircuit


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

    @property
    def _is_top(self) -> bool:
        return self.cell.name.lower() == self.given.top.lower()

    @cached_property
    def schematic(self) -> GivenSchematic:  # type: ignore[override]
        known = self.given.netlist.subcircuits
        called = sorted({str(e.calls) for e in self.cell.elements if e.calls in known})
        children: list[Cell] = [UserCell(self.given, known[name]) for name in called]
        # Sizes of what is called depend on the call, so all of them are the top one's.
        devices = set(self.given.devices) if self._is_top else set()
        return GivenSchematic(self._emitted.text + "\n", devices, children)

    def check_devices(self, process: Process) -> None:
        if not self._is_top:
            return
        self.given.expansion.check_nodes(self.given.top, process)
        for device, place in self.given.devices.items():
            try:
                process.check(device)
            except InputError as error:
                raise place.error(error) from error

    def flat(
        self, prefix: str, nets: Mapping[str, str]
    ) -> Iterator[FlatDevice | tuple[str, Parasitic]]:
        """All devices below it, named as ngspice names them: see `Expansion.flat`."""
        cells = [self.given.emitted(cell) for cell in self.given.subcircuits]
        netlist = Netlist(self.given.netlist.source, {cell.name: cell for cell in cells})
        expansion = Expansion(netlist, self.given.model_prefix)
        yield from expansion.flat(self._emitted, {}, prefix, nets)
