"""Which netlist stands for a cell in a simulation: its schematic, or its extracted layout."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from codesign.cells.base import Cell
from codesign.cells.flatten import flat_circuit
from codesign.errors import CheckFailed
from codesign.layout.circuit import FlatCircuit, wrapped
from codesign.pdk import Device, Interconnect

# ngspice 39 gives up on a subcircuit with more than about a thousand nodes (N_GLOBAL_NODES).
_MOST_PORTS = 900
# Couplings below this go to ground at both ends: a third less time in ngspice; on a membrane of
# 175 fF a neighbour's volt through such a coupling is 0.06 mV.
SIMULATED_FROM_F = 1e-17


class View(StrEnum):
    """The views of a cell that can be simulated."""

    SCHEMATIC = "schematic"
    LAYOUT = "layout"


@dataclass(frozen=True)
class CellViews:
    """Netlists of cells in one view; extraction at the given interconnect corner."""

    view: View = View.SCHEMATIC
    interconnect: Interconnect = Interconnect.NOM

    def definitions(self, cells: Iterable[Cell]) -> list[str]:
        """Subcircuit definitions that the cells need, each once, sub-cells first."""
        texts: dict[str, str] = {}
        for cell in cells:
            if self.view is View.LAYOUT:
                texts.setdefault(cell.name, extracted(cell, self.interconnect).spice())
                continue
            for part in cell.cells():
                texts.setdefault(part.name, part.schematic.text)
        return list(texts.values())

    def placed(self, cell: Cell, instance: str) -> tuple[list[str], list[str]]:
        """Definitions, and the cards that place a cell as `instance`, each port on the node of its
        name."""
        if self.view is View.LAYOUT and len(cell.port_names) > _MOST_PORTS:
            return [], extracted(cell, self.interconnect).cards(instance)
        return self.definitions([cell]), wrapped(instance, [*cell.port_names, cell.name])

    def devices(self, cells: Iterable[Cell]) -> frozenset[Device]:
        """Every (model, W, L) that the cells use."""
        if self.view is View.LAYOUT:
            return frozenset(d for c in cells for d in extracted(c, self.interconnect).sizes())
        return frozenset(device for cell in cells for device in cell.devices())


def extracted(cell: Cell, interconnect: Interconnect = Interconnect.NOM) -> FlatCircuit:
    """The circuit that a cell's layout extracts to, with capacitances, its nets named as in the
    flattened schematic (`xn_1_1.mem`).

    Draws, extracts and compares with the schematic; the same cell is extracted once. Raises
    CheckFailed when layout and schematic differ, InputError for a cell without a layout view.
    """
    key = (type(cell).__qualname__, cell.name, cell.parameters.model_dump_json())
    if (known := _extracted().get((*key, interconnect))) is None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{cell.name}.gds"
            cell.layout.write_gds(path)
            known = extract_named(cell, path, interconnect)
        _extracted()[(*key, interconnect)] = known
    return known


def extract_named(cell: Cell, gds: Path, interconnect: Interconnect) -> FlatCircuit:
    """`extracted`, from a layout file of the cell."""
    from codesign.layout.extract import extract_circuit
    from codesign.layout.lvs import compare

    found = extract_circuit(
        gds, cell.name, mode="c", corner=interconnect, ports=cell.port_names,
        min_capacitance_F=SIMULATED_FROM_F,
    )  # fmt: skip
    report = compare(found, flat_circuit(cell))
    if not report.match:
        raise CheckFailed(f"layout of {cell.name} is not its schematic\n{report.text()}")
    return found.renamed(report.nets)


@cache
def _extracted() -> dict[tuple[str, ...], FlatCircuit]:
    return {}
