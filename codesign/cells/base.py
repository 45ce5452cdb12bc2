"""What every cell is: a name, ports in order, and a schematic view drawn from typed parameters."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from codesign.cells.schematic import Schematic, microns
from codesign.errors import InputError
from codesign.layout.sketch import Sketch
from codesign.pdk import Device, Process
from codesign.records import Record
from codesign.spice.deck import spice_identifier

if TYPE_CHECKING:
    from codesign.cells.given_layout import GivenLayout


class View(StrEnum):
    """The views of a cell that can be simulated: as drawn up, or as extracted from its layout."""

    SCHEMATIC = "schematic"
    LAYOUT = "layout"


@dataclass(frozen=True)
class Port:
    """One terminal of a cell. `direction`: input, output, inout, bias or supply."""

    name: str
    direction: str
    description: str


class Cell(ABC):
    """A circuit block: `ports` in netlist order and `draw`, which places devices and sub-cells."""

    what: ClassVar[str]
    # Whether its netlist was given as text.
    is_given: bool = False
    # Whether there is a layout view, drawn or given.
    has_layout: bool = True
    # Whether the layout view can be drawn as one; else its parts are extracted one by one.
    abuts: bool = True
    # Why it does not abut, where that is the cell's own fault.
    obstacle: str | None = None

    def __init__(self, name: str, parameters: Record) -> None:
        self.name = spice_identifier(name, "cell name")
        self.parameters = parameters

    @property
    @abstractmethod
    def ports(self) -> tuple[Port, ...]:
        """Terminals in the order of the subcircuit's nodes."""

    @abstractmethod
    def draw(self, schematic: Schematic) -> None:
        """Place the cell's devices and sub-cells."""

    def draw_layout(self, sketch: Sketch) -> None:
        """Draw the layout view. Raises InputError where a cell has none."""
        raise InputError(
            f"cell {self.name} ({self.what}) has no layout view",
            remedy='use view = "schematic"',
        )

    @cached_property
    def layout(self) -> Sketch:
        """The drawn layout view."""
        drawn = Sketch(self.name)
        self.draw_layout(drawn)
        return drawn

    @cached_property
    def schematic(self) -> Schematic:
        """The drawn schematic view."""
        drawn = Schematic(self)
        self.draw(drawn)
        return drawn

    @property
    def given_layout(self) -> GivenLayout | None:
        """The layout file that the cell came with; None for cells that draw themselves."""
        return None

    @property
    def defaults(self) -> Mapping[str, float]:
        """Parameters of the subcircuit, with their defaults."""
        return {}

    @property
    def port_names(self) -> tuple[str, ...]:
        return tuple(port.name for port in self.ports)

    def cells(self) -> Iterator[Cell]:
        """Every distinct cell below and including this one, sub-cells first.

        Raises InputError when a cell has the name of one inside it: SPICE would call itself.
        """
        seen: dict[str, Cell] = {}
        for child in self.schematic.children:
            for cell in child.cells():
                seen.setdefault(cell.name, cell)
        # SPICE does not tell upper from lower case.
        if self.name.lower() in {name.lower() for name in seen}:
            raise InputError(
                f"cell name {self.name!r} is the name of a cell inside it",
                remedy="choose another name",
            )
        yield from seen.values()
        yield self

    def devices(self) -> frozenset[Device]:
        """Every (model, W, L) that the netlist uses."""
        return frozenset(device for cell in self.cells() for device in cell.schematic.devices)

    def check_devices(self, process: Process) -> None:
        """Raises InputError for a device of the cell itself that the process does not have, or not
        that small."""
        for device in sorted(self.schematic.devices):
            process.check(device)

    def check_supply(self, supply_V: float) -> None:  # noqa: B027
        """Raises InputError for voltages of the cell that do not fit the supply."""

    def netlist(self) -> str:
        """Subcircuit definitions of the cell and everything in it, sub-cells first."""
        return "\n".join(f"{_header(cell)}{cell.schematic.text}" for cell in self.cells())


def port_list(cell: Cell) -> str:
    """The machine-readable port list of a cell (JSON): name, what it is, ports in order."""
    ports = [
        {"name": port.name, "direction": port.direction, "description": port.description}
        for port in cell.ports
    ]
    return json.dumps({"cell": cell.name, "what": cell.what, "ports": ports}, indent=1) + "\n"


def _header(cell: Cell) -> str:
    lines = [f"* cell {cell.name}: {cell.what}"]
    lines += [f"*   {key} = {value}" for key, value in _flat(cell.parameters.model_dump(), "")]
    lines += _wrapped("* ports:", cell.port_names)
    return "\n".join(lines) + "\n"


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and {"model", "w", "l"} == set(value):
            w, l = (microns(value[side]) for side in "wl")
            yield f"{prefix}{key}", f"{value['model']} {w:g}/{l:g} um"
        elif isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", f"{value:.6g}" if isinstance(value, float) else value


def _wrapped(first: str, words: tuple[str, ...], width: int = 100) -> list[str]:
    lines, line = [], first
    for word in words:
        if len(line) + len(word) + 1 > width:
            lines.append(line)
            line = "*  "
        line += f" {word}"
    return [*lines, line]
