"""The schematic view of a cell under construction: devices and sub-cells, as a netlist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from codesign.cells.transistor import (
    DIFFUSION_LENGTH_M,
    MIMCapacitorParameters,
    TransistorParameters,
)
from codesign.pdk import Device, default_process

if TYPE_CHECKING:
    from PySpice.Spice.Netlist import SubCircuit


MICRO = 1e-6


class SubCell(Protocol):
    """What a schematic knows of the cell it belongs to, and of those that it places."""

    name: str

    @property
    def port_names(self) -> tuple[str, ...]: ...

    @property
    def defaults(self) -> Mapping[str, float]: ...


def microns(length_m: float) -> float:
    """Metres to micrometres, rounded to 1e-6 um."""
    return round(length_m / MICRO, 6)


@dataclass(frozen=True)
class PlacedTransistor:
    """A transistor of a schematic: nodes drain, gate, source, bulk."""

    name: str
    nodes: tuple[str, str, str, str]
    size: TransistorParameters


@dataclass(frozen=True)
class PlacedCapacitor:
    """A MIM capacitor of a schematic: nodes top plate, bottom plate."""

    name: str
    nodes: tuple[str, str]
    size: MIMCapacitorParameters


@dataclass(frozen=True)
class PlacedResistor:
    """An ideal resistor of a schematic."""

    name: str
    nodes: tuple[str, str]
    resistance_ohm: float


@dataclass(frozen=True)
class PlacedCell:
    """A sub-cell of a schematic: nodes in the order of its ports."""

    name: str
    cell: Any
    nodes: tuple[str, ...]


class Schematic:
    """The schematic view of one cell under construction, on PySpice's netlist classes."""

    def __init__(self, cell: SubCell) -> None:
        from PySpice.Spice.Netlist import SubCircuit

        defaults = {key: f"{value:.12g}" for key, value in cell.defaults.items()}
        self.defaults = cell.defaults
        self.sub: SubCircuit = SubCircuit(cell.name, *cell.port_names, **defaults)
        self.devices: set[Device] = set()
        self.children: list[Any] = []
        self.transistors: list[PlacedTransistor] = []
        self.capacitors: list[PlacedCapacitor] = []
        self.resistors: list[PlacedResistor] = []
        self.instances: list[PlacedCell] = []

    @property
    def text(self) -> str:
        """The `.subckt` definition."""
        return str(self.sub)

    def fet(self, name: str, nodes: tuple[str, str, str, str], size: TransistorParameters) -> None:
        """A transistor; `nodes` are drain, gate, source, bulk. Junctions as drawn (um, um^2)."""
        w, l = microns(size.w), microns(size.l)
        extension = DIFFUSION_LENGTH_M / MICRO
        area, perimeter = round(w * extension, 6), round(2 * (w + extension), 6)
        junctions = {"ad": area, "as": area, "pd": perimeter, "ps": perimeter}
        model = default_process().subcircuit(size.model)
        self.transistors.append(PlacedTransistor(name, nodes, size))
        self.sub.X(name, model, *nodes, w=w, l=l, **junctions)
        self.devices.add(Device(size.model, w, l))

    def inverter(
        self,
        name: str,
        node_in: str,
        node_out: str,
        nmos: TransistorParameters,
        pmos: TransistorParameters,
    ) -> None:
        """A static inverter between vdd and vss."""
        self.fet(f"n{name}", (node_out, node_in, "vss", "vss"), nmos)
        self.fet(f"p{name}", (node_out, node_in, "vdd", "vdd"), pmos)

    def mim(self, name: str, nodes: tuple[str, str], size: MIMCapacitorParameters) -> None:
        """A MIM capacitor."""
        w, l = microns(size.w), microns(size.l)
        self.capacitors.append(PlacedCapacitor(name, nodes, size))
        self.sub.X(name, default_process().subcircuit(size.model), *nodes, w=w, l=l)
        self.devices.add(Device(size.model, w, l))

    def resistor(self, name: str, nodes: tuple[str, str], resistance_ohm: float) -> None:
        """An ideal linear resistor."""
        self.resistors.append(PlacedResistor(name, nodes, resistance_ohm))
        self.sub.R(name, *nodes, resistance_ohm)

    def conductance(self, name: str, nodes: tuple[str, str], parameter: str) -> None:
        """An ideal linear conductance that a parameter of the subcircuit sets, in S; recorded at
        the parameter's default."""
        self.resistors.append(PlacedResistor(name, nodes, 1 / self.defaults[parameter]))
        self.sub.R(name, *nodes, raw_spice=f"r={{1/{parameter}}}")

    def instance(
        self,
        name: str,
        cell: SubCell,
        nodes: Mapping[str, str],
        values: Mapping[str, float] | None = None,
        expressions: Mapping[str, str] | None = None,
    ) -> None:
        """A sub-cell; nodes by port name, all of them; `values` of its subcircuit's parameters, or
        `expressions` in this cell's own, `{wn}`."""
        if set(nodes) != set(cell.port_names):
            missing = sorted(set(cell.port_names) ^ set(nodes))
            raise ValueError(f"{cell.name}: ports {missing} are not connected or do not exist")
        placed = PlacedCell(name, cell, tuple(nodes[port] for port in cell.port_names))
        self.instances.append(placed)
        given = {key: f"{value:.12g}" for key, value in (values or {}).items()}
        given |= expressions or {}
        self.sub.X(name, cell.name, *placed.nodes, **given)
        if all(child.name != cell.name for child in self.children):
            self.children.append(cell)
