"""Drawing, checking and extracting the layouts of a design's cells."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codesign.cells.base import Cell
from codesign.cells.flatten import flat_circuit
from codesign.cells.network import Network, NetworkParameters
from codesign.cells.network_view import areas_um2
from codesign.bench.views import SIMULATED_FROM_F
from codesign.cells.write import design_cells
from codesign.errors import CheckFailed, MissingToolError
from codesign.files import write_atomic
from codesign.layout.circuit import FlatCircuit
from codesign.layout.drc import DRCReport
from codesign.layout.lvs import LVSReport
from codesign.pdk import Interconnect

SCHEMA_VERSION = 1
_MOST_FOR_NETGEN = 5000
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class CheckedLayout:
    """One cell's layout after its checks: faults of the port audit, one line each."""

    cell: str
    drc: DRCReport
    lvs: tuple[LVSReport, ...]
    port_faults: tuple[str, ...]
    ports: int

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return self.drc.ok and all(report.match for report in self.lvs) and not self.port_faults


def write_layouts(
    name: str,
    parameters: NetworkParameters,
    run_dir: Path,
    interconnect: Interconnect,
    progress: Progress,
) -> dict[str, Any]:
    """Draw, check and extract every cell of a design; returns figures for the manifest.

    Writes layout/<cell>.gds and .png, layout/drc.json, layout/lvs.json (with the port audit),
    layout/areas.json and netlist/<cell>.extracted.spice. Raises CheckFailed, with the reports
    written, when a rule is violated, a layout is not its schematic or a port is missing.
    """
    from codesign.layout.picture import write_picture

    network = Network(parameters, name)
    cells = (network.input_driver, *design_cells(name, parameters))
    checked = []
    for index, cell in enumerate(cells):
        progress(index, len(cells), f"layout of {cell.name}")
        gds = run_dir / "layout" / f"{cell.name}.gds"
        cell.layout.write_gds(gds)
        write_picture(gds, cell.name, gds.with_suffix(".png"))
        result, circuit = check_layout(cell, gds, interconnect)
        checked.append(result)
        if circuit is not None:
            write_atomic(run_dir / "netlist" / f"{cell.name}.extracted.spice", circuit.spice())
    progress(len(cells), len(cells), "layouts")
    _write(run_dir / "layout" / "drc.json", {c.cell: c.drc.as_json() for c in checked}, checked)
    _write(
        run_dir / "layout" / "lvs.json",
        {
            c.cell: {
                **c.lvs[0].as_json(),
                "engines": {report.engine: report.match for report in c.lvs},
                "port_audit": {"ports": c.ports, "faults": list(c.port_faults)},
            }
            for c in checked
        },
        checked,
    )
    areas = areas_um2(network.floorplan[1])
    write_atomic(run_dir / "layout" / "areas.json", json.dumps(areas, indent=1) + "\n")
    if failed := [result for result in checked if not result.ok]:
        raise CheckFailed(
            "\n  ".join(_complaint(result) for result in failed),
            remedy=f"see drc.json and lvs.json in {run_dir / 'layout'}",
        )
    return {
        "layouts": [result.cell for result in checked],
        "drc_violations": sum(result.drc.total for result in checked),
        "lvs_match": all(report.match for result in checked for report in result.lvs),
        "ports_audited": sum(result.ports for result in checked),
        **areas,
    }


def check_layout(
    cell: Cell, gds: Path, interconnect: Interconnect
) -> tuple[CheckedLayout, FlatCircuit | None]:
    """Design rules, extraction, port audit and comparison of one cell; the extracted circuit with
    the schematic's net names, None when layout and schematic differ."""
    from codesign.layout.drc import check_drc
    from codesign.layout.extract import extract_circuit, port_faults
    from codesign.layout.lvs import compare, compare_with_netgen

    drc = check_drc(gds, cell.name)
    circuit = extract_circuit(
        gds, cell.name, mode="c", corner=interconnect, min_capacitance_F=SIMULATED_FROM_F
    )
    faults = [f for f in port_faults(circuit, cell.port_names) if not f.startswith("order")]
    if not faults:
        circuit = replace(circuit, ports=cell.port_names)
    schematic = flat_circuit(cell)
    reports = [compare(circuit, schematic)]
    # An independent second opinion, where netgen is installed and does not take minutes.
    if len(circuit.devices) <= _MOST_FOR_NETGEN:
        with contextlib.suppress(MissingToolError):
            reports.append(compare_with_netgen(circuit, schematic))
    named = circuit.renamed(reports[0].nets) if reports[0].match else None
    ports = len(cell.port_names)
    return CheckedLayout(cell.name, drc, tuple(reports), tuple(faults), ports), named


def _complaint(result: CheckedLayout) -> str:
    parts = []
    if not result.drc.ok:
        parts.append(result.drc.text(3))
    parts += [report.text(5) for report in result.lvs if not report.match]
    if result.port_faults:
        parts.append(f"{result.cell}: port audit: {'; '.join(result.port_faults)}")
    return "\n  ".join(parts)


def _write(path: Path, cells: dict[str, Any], checked: list[CheckedLayout]) -> None:
    ok = all(result.ok for result in checked)
    content = {"schema_version": SCHEMA_VERSION, "ok": ok, "cells": cells}
    write_atomic(path, json.dumps(content, indent=1) + "\n")
