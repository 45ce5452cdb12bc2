"""Circuits that layouts extract to, their nets named as in the schematic."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from codesign.cells.base import Cell
from codesign.cells.flatten import flat_circuit
from codesign.cells.given_layout import GivenLayout
from codesign.errors import CheckFailed
from codesign.layout.circuit import FlatCircuit
from codesign.pdk import Interconnect, Process, default_process

# Couplings below this go to ground at both ends: a third less time in ngspice; on a membrane of
# 175 fF a neighbour's volt through such a coupling is 0.06 mV.
SIMULATED_FROM_F = 1e-17


def extracted(
    cell: Cell,
    interconnect: Interconnect = Interconnect.NOM,
    process: Process | None = None,
) -> FlatCircuit:
    """The circuit that a cell's layout extracts to, with capacitances, its nets named as in the
    flattened schematic (`xn_1_1.mem`).

    Draws, extracts and compares with the schematic; the same cell is extracted once. Raises
    CheckFailed when layout and schematic differ, InputError for a cell without a layout view.
    """
    process = process or default_process()
    parameters = cell.parameters.model_dump_json()
    # What a user's files say is in no parameter.
    given = "".join(part.given_layout.digest for part in cell.cells() if part.given_layout)
    if any(part.is_given for part in cell.cells()):
        given += cell.netlist()
    kind = type(cell).__qualname__
    key = (kind, cell.name, parameters, given, interconnect, str(process.folder))
    if (known := _extracted().get(key)) is None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{cell.name}.gds"
            cell.layout.write_gds(path)
            known = extract_named(cell, path, interconnect, process)
        _extracted()[key] = known
    return known


def extract_named(
    cell: Cell, gds: Path, interconnect: Interconnect, process: Process | None = None
) -> FlatCircuit:
    """`extracted`, from a layout file of the cell."""
    from codesign.layout.extract import extract_circuit
    from codesign.layout.lvs import compare

    found = extract_circuit(
        gds, cell.name, mode="c", corner=interconnect, ports=cell.port_names,
        min_capacitance_F=SIMULATED_FROM_F, process=process,
    )  # fmt: skip
    report = compare(found, flat_circuit(cell))
    if not report.match:
        raise CheckFailed(f"layout of {cell.name} is not its schematic\n{report.text()}")
    return found.renamed(report.nets)


def extracted_given(cell: Cell, interconnect: Interconnect, process: Process | None) -> FlatCircuit:
    """The extracted circuit of a layout that was given, under the name and with the ports of the
    subcircuit inside the cell. Raises CheckFailed when it differs from the netlist."""
    layout = cell.given_layout
    assert layout is not None
    inside = cell.schematic.children[0]
    circuit = extract_given(layout, inside, interconnect, process)
    from codesign.layout.lvs import compare

    report = compare(circuit, flat_circuit(inside))
    if not report.match:
        raise CheckFailed(f"layout {layout.path} is not its netlist\n{report.text()}")
    return circuit.renamed(report.nets)


def extract_given(
    layout: GivenLayout, inside: Cell, interconnect: Interconnect, process: Process | None
) -> FlatCircuit:
    """Extract a given layout; named as the subcircuit it belongs to."""
    from codesign.layout.extract import extract_circuit

    found = extract_circuit(
        layout.path, layout.top, mode="c", corner=interconnect, ports=layout.ports,
        min_capacitance_F=SIMULATED_FROM_F, process=process,
    )  # fmt: skip
    names = dict(zip(layout.ports, inside.port_names, strict=True))
    return replace(found.renamed(names), name=inside.name)


@cache
def _extracted() -> dict[tuple[str, ...], FlatCircuit]:
    return {}
