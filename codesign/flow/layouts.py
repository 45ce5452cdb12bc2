"""Drawing, checking and extracting the layouts of a design's cells."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codesign.bench import Setup
from codesign.bench.extracted import SIMULATED_FROM_F
from codesign.bench.views import EXTRACTED, split_definitions
from codesign.cells import Cell, design_cells
from codesign.cells.flatten import flat_circuit
from codesign.cells.network_view import areas_um2
from codesign.errors import CheckFailed, MissingToolError
from codesign.files import write_atomic
from codesign.layout.circuit import FlatCircuit
from codesign.layout.drc import DRCReport
from codesign.layout.lvs import LVSReport
from codesign.pdk import Interconnect, Process

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


def write_layouts(setup: Setup, run_dir: Path, progress: Progress) -> dict[str, Any]:
    """Draw, check and extract every cell of a design; returns figures for the manifest.

    Writes layout/<cell>.gds and .png, layout/drc.json, layout/lvs.json (with the port audit),
    layout/areas.json and netlist/<cell>.extracted.spice. A cell that cannot be drawn as one, since
    a user's layout in it has no abutment box, gets an extracted netlist of its parts, wired without
    the wiring's parasitics. Raises CheckFailed, with the reports written, when a rule is violated,
    a layout is not its schematic or a port is missing.
    """
    network = setup.cell
    cells = design_cells(setup.name, setup.network)
    checked = []
    for index, cell in enumerate(cells):
        progress(index, len(cells), f"layout of {cell.name}")
        extracted_text = None
        if cell.given_layout is not None or cell.abuts:
            gds = _place_gds(cell, run_dir / "layout")
            result, circuit = check_layout(cell, gds, setup.conditions.interconnect, setup.process)
            checked.append(result)
            if cell.given_layout is not None and not result.ok:
                # What is drawn from it would only say the same again.
                break
            if circuit is not None:
                wrapper = f"\n{cell.schematic.text}" if cell.given_layout is not None else ""
                extracted_text = circuit.spice() + wrapper
        if extracted_text is not None:
            write_atomic(run_dir / "netlist" / f"{cell.name}{EXTRACTED}", extracted_text)
    progress(len(cells), len(cells), "layouts")
    _write_reports(run_dir / "layout", checked)
    if failed := [result for result in checked if not result.ok]:
        raise CheckFailed(
            "\n  ".join(_complaint(result) for result in failed),
            remedy=f"see drc.json and lvs.json in {run_dir / 'layout'}",
        )
    for cell in cells:
        if cell.given_layout is None and not cell.abuts:
            _write_parts(cell, run_dir / "netlist")
    obstacles = {
        cell.name: cell.obstacle for cell in (network.synapse, network.neuron) if cell.obstacle
    }
    areas: dict[str, float] = {}
    if network.abuts:
        drawn = run_dir / "layout" / f"{network.name}.gds"
        areas = areas_um2(network.floorplan[1]) | {"network_um2": _box_um2(drawn)}
        write_atomic(run_dir / "layout" / "areas.json", json.dumps(areas, indent=1) + "\n")
    return {
        "layouts": [result.cell for result in checked],
        "extraction": "network" if network.abuts else "cells",
        "drc_violations": sum(result.drc.total for result in checked),
        "lvs_match": all(report.match for result in checked for report in result.lvs),
        "ports_audited": sum(result.ports for result in checked),
        **({"not_abutting": obstacles} if obstacles else {}),
        **areas,
    }


def _box_um2(gds: Path) -> float:
    """Area of the box around a layout, in um^2."""
    import klayout.db as kdb

    layout = kdb.Layout()
    layout.read(str(gds))
    box = layout.top_cell().dbbox()
    return float(box.width() * box.height())


def _place_gds(cell: Cell, folder: Path) -> Path:
    """The cell's layout file in the run directory, drawn or as the user gave it, with a picture."""
    from codesign.layout.picture import write_picture

    gds = folder / f"{cell.name}.gds"
    top = cell.name
    if cell.given_layout is not None:
        top = cell.given_layout.top
        write_atomic(gds, cell.given_layout.path.read_bytes())
    else:
        cell.layout.write_gds(gds)
    write_picture(gds, top, gds.with_suffix(".png"))
    return gds


def _write_parts(cell: Cell, folder: Path) -> None:
    """The netlist of a cell from its parts' extracted ones, which were written before."""
    parts: dict[str, str] = {}
    for child in cell.schematic.children:
        text = (folder / f"{child.name}{EXTRACTED}").read_text(encoding="utf-8")
        parts |= split_definitions(text)
    header = "* parts extracted one by one, wired without the wiring's parasitics\n"
    text = "\n".join([*parts.values(), cell.schematic.text])
    write_atomic(folder / f"{cell.name}{EXTRACTED}", header + text)


def _write_reports(folder: Path, checked: list[CheckedLayout]) -> None:
    _write(folder / "drc.json", {c.cell: c.drc.as_json() for c in checked}, checked)
    _write(
        folder / "lvs.json",
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


def check_layout(
    cell: Cell, gds: Path, interconnect: Interconnect, process: Process | None = None
) -> tuple[CheckedLayout, FlatCircuit | None]:
    """Design rules, extraction, port audit and comparison of one cell; the extracted circuit with
    the schematic's net names, None when layout and schematic differ."""
    from codesign.layout.drc import check_drc
    from codesign.layout.extract import extract_circuit, port_faults
    from codesign.layout.lvs import compare, compare_with_netgen

    given = cell.given_layout
    named = cell if given is None else cell.schematic.children[0]
    top = cell.name if given is None else given.top
    ports = cell.port_names if given is None else given.ports
    drc = check_drc(gds, top, process=process)
    circuit = extract_circuit(
        gds, top, mode="c", corner=interconnect, min_capacitance_F=SIMULATED_FROM_F,
        process=process,
    ).called(ports)  # fmt: skip
    faults = [f for f in port_faults(circuit, ports) if not f.startswith("order")]
    if not faults:
        circuit = replace(circuit, ports=tuple(ports))
    if given is not None:
        names = dict(zip(ports, named.port_names, strict=True))
        circuit = replace(circuit.renamed(names), name=named.name)
    schematic = flat_circuit(named)
    reports = [compare(circuit, schematic)]
    # An independent second opinion, where netgen is installed and does not take minutes.
    if len(circuit.devices) <= _MOST_FOR_NETGEN:
        with contextlib.suppress(MissingToolError):
            reports.append(compare_with_netgen(circuit, schematic))
    found = circuit.renamed(reports[0].nets) if reports[0].match else None
    return CheckedLayout(cell.name, drc, tuple(reports), tuple(faults), len(ports)), found


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
