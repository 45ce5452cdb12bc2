"""Extraction from a GDS file to a flat circuit, our own engine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit, Parasitic
from codesign.layout.extract.assemble import (
    check_gates,
    choose_ports,
    flat_devices,
    header,
    undriven,
)
from codesign.layout.extract.audit import audit_ports, port_faults
from codesign.layout.extract.checks import check_drawing
from codesign.layout.extract.connect import PLANES, Connected, connect
from codesign.layout.extract.mim import MIMCapacitor, mim_capacitors
from codesign.layout.extract.models import with_library_names
from codesign.layout.extract.names import Names, name_nets, stray_notes
from codesign.layout.extract.part import Part
from codesign.layout.extract.parts import find_parts
from codesign.layout.extract.reader import Drawing, read_gds, take_layout
from codesign.layout.extract.reduce import RCLimits
from codesign.layout.extract.settle import MIN_CAPACITANCE_F, settle
from codesign.layout.extract.unknown import Unknown, unknown_layers
from codesign.pdk import Interconnect, ParasiticTable, Process, ResistanceTable, default_process


class Mode(StrEnum):
    """Which parasitics: none, capacitances, or capacitances and resistances."""

    NONE = "none"
    C = "c"
    RC = "rc"


def extract_circuit(
    gds: Path | Any,
    top: str,
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
) -> FlatCircuit:
    """Extract cell `top` of a GDS file (or of a klayout Layout).

    ports: the ports in netlist order; each must be there and reach a device, except those in
    `unconnected`, else CheckFailed. Without it every label of the top cell is a port, in natural
    order. Couplings below `min_capacitance_F` go to the substrate; `rc_limits` says what mode rc
    may reduce (RCLimits(0, 0, 0): nothing). `law`: constant coefficients, as magic has them, or the
    foundry's tables over width and space (docs/capacitance.md). `unknown`: whether layers
    and devices that the process does not know are refused or left out, which the comments say.
    `process`: whose layers and parasitics these are, the default one unless given. Raises
    InputError for a layout that cannot be extracted.
    """
    mode, corner = Mode(mode), Interconnect(corner)
    process = process or default_process()
    table = process.parasitics(corner, law)
    read = read_gds if isinstance(gds, Path) else take_layout
    drawing = read(gds, top, technology=process.technology)
    left_out = unknown_layers(drawing, unknown)
    check_drawing(drawing)
    connected = connect(drawing, process.recognition, Unknown(unknown))
    capacitors = tuple(mim_capacitors(drawing, connected))
    parts, without_model = find_parts(
        drawing, connected, process.recognition, Unknown(unknown)
    )
    names = name_nets(drawing, connected)
    substrate = names.names[connected.substrate]
    chosen = choose_ports(names, ports, unconnected, substrate)
    by_name = {name: net for net, name in enumerate(names.names)}
    port_nets = {by_name[port] for port in chosen if port in by_name}
    check_gates(drawing, connected, port_nets | {net for part in parts for net in part.nets})
    floating = undriven(connected, capacitors, parts, port_nets)
    found = _Found(connected, capacitors, parts, names, floating)
    comments = (
        f"extracted by codesign from cell {drawing.cell.name}: mode {mode}, interconnect {corner}"
        + (f", law {law}" if law != "constant" else ""),
        *header(connected, names, len(capacitors), parts),
        *stray_notes(names, drawing),
        *left_out,
        *connected.notes,
        *without_model,
    )
    bare = FlatCircuit(
        cell_name(drawing), chosen, (), comments=comments, model_prefix=process.model_prefix
    )
    if mode is Mode.RC:
        limits = rc_limits or RCLimits(min_capacitance_F=min_capacitance_F)
        circuit = _with_rc(bare, found, process.resistances(corner), table, limits)
    else:
        circuit = _without_r(bare, found, table if mode is Mode.C else None, min_capacitance_F)
    circuit = with_library_names(circuit, process)
    if ports is not None:
        audit_ports(circuit, ports, unconnected)
        return circuit
    return _with_notes_of_loose_ports(circuit, names)


@dataclass(frozen=True)
class _Found:
    """What the layout holds; `floating` are nets that nothing drives."""

    connected: Connected
    capacitors: tuple[MIMCapacitor, ...]
    parts: tuple[Part, ...]
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
    bare: FlatCircuit, found: _Found, table: ParasiticTable | None, threshold_F: float
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
    found: _Found, table: ParasiticTable, threshold_F: float
) -> tuple[tuple[Parasitic, ...], list[str]]:
    from codesign.layout.extract.capacitance import NetShapes, capacitances

    connected = found.connected
    planes = {name: connected.plane(name) for name in PLANES}
    boxes = {name: boxes for name, (boxes, _) in planes.items()}
    owners = {name: owners for name, (_, owners) in planes.items()}
    shapes = NetShapes(connected.dbu_um, boxes, owners, connected.n_nets)
    settled = settle(
        capacitances(shapes, table),
        found.names.names,
        connected.substrate,
        found.floating,
        threshold_F,
    )
    return settled.capacitors, list(settled.notes(threshold_F))


def _with_notes_of_loose_ports(circuit: FlatCircuit, names: Names) -> FlatCircuit:
    labelled = set(names.label_names)
    loose = [
        f"port {fault}"
        for fault in port_faults(circuit, circuit.ports)
        if fault.split(":")[0] in labelled
    ]
    return replace(circuit, comments=(*circuit.comments, *loose))


def cell_name(drawing: Drawing) -> str:
    name = str(drawing.cell.name)
    if not name.isascii() or not name.replace("_", "").isalnum() or name[0].isdigit():
        raise InputError(
            f"{drawing.source}: cell name {name!r} is not a SPICE identifier",
            remedy="rename the cell: a letter, then letters, digits and underscores",
        )
    return name
