"""Extraction from a GDS file to a flat circuit, our own engine."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit, Parasitic
from codesign.layout.extract.assemble import (
    check_gates,
    choose_ports,
    flat_devices,
    header,
    undriven,
    with_substrate,
)
from codesign.layout.extract.audit import audit_ports, port_faults
from codesign.layout.extract.checks import check_drawing
from codesign.layout.extract.connect import PLANES, Connected, connect
from codesign.layout.extract.labels import check_labels
from codesign.layout.extract.mim import MIMCapacitor, mim_capacitors
from codesign.layout.extract.names import Names, label_notes, name_nets
from codesign.layout.extract.reader import Drawing, read_gds, take_layout
from codesign.layout.extract.reduce import RCLimits
from codesign.layout.extract.settle import MIN_CAPACITANCE_F, settle
from codesign.pdk import Interconnect, ParasiticTable, Process, ResistanceTable, default_process


class Mode(StrEnum):
    """Which parasitics: none, capacitances, or capacitances and resistances."""

    NONE = "none"
    C = "c"
    RC = "rc"


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
    process: Process | None = None,
) -> FlatCircuit:
    """Extract cell `top` of a GDS or OASIS file (or of a klayout Layout), the only top cell unless
    given.

    ports: the ports in netlist order; each must be there and reach a device, except those in
    `unconnected`, else CheckFailed. Without it every pin of the top cell is a port, in natural
    order, and every label where none lies on a pin. Couplings below `min_capacitance_F` go to the
    substrate; `rc_limits` says what mode rc may reduce (RCLimits(0, 0, 0): nothing). `law`:
    constant coefficients, as magic has them, or the foundry's tables over width and space
    (docs/capacitance.md). `process`: whose layers and parasitics these are, the default one unless
    given. Raises InputError for a layout that cannot be extracted.
    """
    mode, corner = Mode(mode), Interconnect(corner)
    process = process or default_process()
    table = process.parasitics(corner, law)
    read = read_gds if isinstance(gds, Path) else take_layout
    drawing = read(gds, top, technology=process.technology)
    check_drawing(drawing)
    found_labels = check_labels(drawing, ports, unconnected)
    connected = connect(drawing)
    capacitors = tuple(mim_capacitors(drawing, connected))
    names = name_nets(drawing, connected, found_labels, ports or ())
    chosen = choose_ports(names, ports, unconnected)
    check_gates(drawing, connected, names.ports)
    found = _Found(connected, capacitors, names, undriven(connected, capacitors, names.ports))
    comments = (
        f"extracted by codesign from cell {drawing.cell.name}: mode {mode}, interconnect {corner}"
        + (f", law {law}" if law != "constant" else ""),
        *header(connected, names, (len(connected.transistors), len(capacitors))),
        *label_notes(names, drawing),
    )
    bare = FlatCircuit(
        cell_name(drawing), chosen, (), comments=comments, model_prefix=process.model_prefix,
        labels=names.labels,
    )
    if mode is Mode.RC:
        limits = rc_limits or RCLimits(min_capacitance_F=min_capacitance_F)
        circuit = _with_rc(bare, found, process.resistances(corner), table, limits)
    else:
        circuit = _without_r(bare, found, table if mode is Mode.C else None, min_capacitance_F)
    if ports is not None:
        audit_ports(circuit, ports, unconnected)
        return circuit
    circuit = with_substrate(circuit, names.names[connected.substrate])
    return _with_notes_of_loose_ports(circuit, names)


@dataclass(frozen=True)
class _Found:
    """What the layout holds; `floating` are nets that nothing drives."""

    connected: Connected
    capacitors: tuple[MIMCapacitor, ...]
    names: Names
    floating: Collection[int]


def _with_rc(
    bare: FlatCircuit,
    found: _Found,
    resistance: ResistanceTable,
    capacitance: ParasiticTable,
    limits: RCLimits,
) -> FlatCircuit:
    from codesign.layout.extract.rc import extract_rc

    connected, capacitors, names = found.connected, found.capacitors, found.names
    rc = extract_rc(
        connected, capacitors, names, found.floating, resistance, capacitance, limits
    )
    return replace(
        bare,
        devices=flat_devices(rc.transistors, rc.mims, rc.names),
        capacitors=rc.capacitors,
        resistors=rc.resistors,
        comments=(*bare.comments, *rc.notes),
    )


def _without_r(
    bare: FlatCircuit, found: _Found, table: ParasiticTable | None, threshold_F: float
) -> FlatCircuit:
    """Devices, and capacitances where a table is given."""
    capacitors: tuple[Parasitic, ...] = ()
    notes: list[str] = []
    if table is not None:
        capacitors, notes = _capacitors(found, table, threshold_F)
    return replace(
        bare,
        devices=flat_devices(found.connected.transistors, found.capacitors, found.names.names),
        capacitors=capacitors,
        comments=(*bare.comments, *notes),
    )


def _capacitors(
    found: _Found, table: ParasiticTable, threshold_F: float
) -> tuple[tuple[Parasitic, ...], list[str]]:
    from codesign.layout.extract.capacitance import NetShapes, capacitances

    connected = found.connected
    planes = {name: connected.plane(name) for name in PLANES}
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
