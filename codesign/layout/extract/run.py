"""Extraction from a GDS file to a flat circuit, our own engine."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit, Parasitic
from codesign.layout.extract.assemble import choose_ports, flat_devices, with_substrate
from codesign.layout.extract.audit import audit_ports, port_faults
from codesign.layout.extract.connect import PLANES
from codesign.layout.extract.found import STAGES, WORK, Found, find
from codesign.layout.extract.models import with_library_names
from codesign.layout.extract.names import Names
from codesign.layout.extract.part import without_held
from codesign.layout.extract.reader import Drawing, read_gds, take_layout
from codesign.layout.extract.reduce import RCLimits
from codesign.layout.extract.settle import MIN_CAPACITANCE_F, settle
from codesign.layout.extract.unknown import Unknown
from codesign.pdk import Interconnect, ParasiticTable, Process, ResistanceTable, default_process
from codesign.progress import ProgressCallback, silent


class Mode(StrEnum):
    """Which parasitics: none, capacitances, or capacitances and resistances."""

    NONE = "none"
    C = "c"
    RC = "rc"


_PARASITICS = {
    Mode.NONE: "netlist",
    Mode.C: "capacitances",
    Mode.RC: "resistances and capacitances",
}


def extract_circuit(
    gds: Path | Any,
    top: str | None = None,
    *,
    mode: Mode | str = Mode.C,
    corner: Interconnect | str = Interconnect.NOM,
    ports: Sequence[str] | None = None,
    unconnected: Collection[str] = (),
    min_capacitance_F: float = MIN_CAPACITANCE_F,
    rc_limits: RCLimits | None = None,
    law: str = "constant",
    unknown: Unknown | str = Unknown.REFUSE,
    process: Process | None = None,
    progress: ProgressCallback = silent,
) -> FlatCircuit:
    """Extract cell `top` of a GDS or OASIS file (or of a klayout Layout), the only top cell unless
    given.

    ports: the ports in netlist order; each must be there and reach a device, except those in
    `unconnected`, else CheckFailed. Without it every pin of the top cell is a port, in natural
    order, and every label where none lies on a pin. Couplings below `min_capacitance_F` go to the
    substrate; `rc_limits` says what mode rc may reduce (RCLimits(0, 0, 0): nothing). `law`:
    constant coefficients, as magic has them, or the foundry's tables over width and space
    (docs/capacitance.md). `unknown`: whether layers and devices that the process does not know are
    refused or left out, which the comments say. `process`: whose layers and parasitics these are,
    the default one unless given. `progress` is called at every stage. Raises InputError for a
    layout that cannot be extracted.
    """
    mode, corner = Mode(mode), Interconnect(corner)
    process = process or default_process()
    table = process.parasitics(corner, law)
    read = read_gds if isinstance(gds, Path) else take_layout
    drawing = read(gds, top, technology=process.technology)
    found = find(drawing, process, ports, unconnected, Unknown(unknown), progress)
    title = (
        f"extracted by codesign from cell {drawing.cell.name}: mode {mode}, interconnect {corner}"
        + (f", law {law}" if law != "constant" else "")
    )
    bare = FlatCircuit(
        cell_name(drawing),
        choose_ports(found.names, ports, unconnected),
        (),
        comments=(title, *found.notes),
        model_prefix=process.model_prefix,
        labels=found.names.labels,
    )
    progress(3, STAGES, f"{WORK} | {_PARASITICS[mode]}")
    if mode is Mode.RC:
        limits = rc_limits or RCLimits(min_capacitance_F=min_capacitance_F)
        circuit = _with_rc(bare, found, process.resistances(corner), table, limits)
    else:
        circuit = _without_r(bare, found, table if mode is Mode.C else None, min_capacitance_F)
    progress(STAGES, STAGES, WORK)
    circuit = with_library_names(circuit, process)
    if ports is not None:
        audit_ports(circuit, ports, unconnected)
        return circuit
    circuit = with_substrate(circuit, found.names.names[found.connected.substrate])
    return _with_notes_of_loose_ports(circuit, found.names)


def _with_rc(
    bare: FlatCircuit,
    found: Found,
    resistance: ResistanceTable,
    capacitance: ParasiticTable,
    limits: RCLimits,
) -> FlatCircuit:
    from codesign.layout.extract.rc import extract_rc

    connected, capacitors, names = found.connected, found.capacitors, found.names
    tables = (resistance, capacitance, limits)
    rc = extract_rc(connected, capacitors, names, found.floating, *tables, found.parts)
    return replace(
        bare,
        devices=flat_devices(rc.transistors, rc.mims, rc.parts, rc.names),
        capacitors=rc.capacitors,
        resistors=rc.resistors,
        comments=(*bare.comments, *rc.notes),
    )


def _without_r(
    bare: FlatCircuit, found: Found, table: ParasiticTable | None, threshold_F: float
) -> FlatCircuit:
    """Devices, and capacitances where a table is given."""
    capacitors: tuple[Parasitic, ...] = ()
    notes: list[str] = []
    if table is not None:
        capacitors, notes = _capacitors(found, table, threshold_F)
    return replace(
        bare,
        devices=flat_devices(
            found.connected.transistors, found.capacitors, found.parts, found.names.names
        ),
        capacitors=capacitors,
        comments=(*bare.comments, *notes),
    )


def _capacitors(
    found: Found, table: ParasiticTable, threshold_F: float
) -> tuple[tuple[Parasitic, ...], list[str]]:
    from codesign.layout.extract.capacitance import NetShapes, capacitances

    connected = found.connected
    planes = {name: without_held(found.parts, *connected.plane(name)) for name in PLANES}
    boxes = {name: boxes for name, (boxes, _) in planes.items()}
    owners = {name: owners for name, (_, owners) in planes.items()}
    shapes = NetShapes(connected.dbu_um, boxes, owners, connected.n_nets)
    of_nets, substrate = capacitances(shapes, table), connected.substrate
    if same := found.names.same:
        stands_for = np.arange(connected.n_nets)
        stands_for[list(same)] = list(same.values())
        of_nets, substrate = of_nets.joined(stands_for), same.get(substrate, substrate)
    settled = settle(
        of_nets,
        found.names.names,
        substrate,
        found.floating,
        threshold_F,
    )
    return settled.capacitors, list(settled.notes(threshold_F))


def _with_notes_of_loose_ports(circuit: FlatCircuit, names: Names) -> FlatCircuit:
    labelled = set(names.port_names)
    loose = [
        f"port {fault}"
        for fault in port_faults(circuit, circuit.ports)
        if fault.split(":")[0] in labelled
    ]
    return replace(circuit, comments=(*circuit.comments, *loose))


def cell_name(drawing: Drawing) -> str:
    """The cell's name, for a subcircuit. Raises InputError for one that SPICE does not take."""
    name = str(drawing.cell.name)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.$-]*", name):
        raise InputError(
            f"{drawing.source}: cell name {name!r} cannot be the name of a subcircuit",
            remedy="rename the cell: letters, digits and _ . $ -, the first no sign",
        )
    return name
