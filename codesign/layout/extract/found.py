"""What a layout holds before its parasitics: nets, devices, names, and what was noticed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from codesign.layout.extract.assemble import check_gates, header, undriven
from codesign.layout.extract.checks import check_drawing
from codesign.layout.extract.connect import Connected, connect
from codesign.layout.extract.labels import check_labels
from codesign.layout.extract.mim import MIMCapacitor, mim_capacitors
from codesign.layout.extract.names import Names, label_notes, name_nets
from codesign.layout.extract.part import Part
from codesign.layout.extract.parts import find_parts
from codesign.layout.extract.reader import Drawing
from codesign.layout.extract.unknown import Unknown, unknown_layers
from codesign.pdk import Process
from codesign.progress import ProgressCallback, silent

# What a progress display shows: the work's name, and how many stages it has.
WORK, STAGES = "extraction", 5


@dataclass(frozen=True)
class Found:
    """Nets, devices and names of a layout. `floating`: nets that nothing drives; `notes`: lines for
    the header of a netlist."""

    connected: Connected
    capacitors: tuple[MIMCapacitor, ...]
    parts: tuple[Part, ...]
    names: Names
    floating: Collection[int]
    notes: tuple[str, ...]


def find(
    drawing: Drawing,
    process: Process,
    ports: Sequence[str] | None,
    unconnected: Collection[str],
    unknown: Unknown,
    progress: ProgressCallback = silent,
) -> Found:
    """Everything but parasitics; arguments as those of `extract_circuit`. What can be said of
    layers, shapes and labels alone is said first. Raises InputError and CheckFailed."""
    progress(0, STAGES, f"{WORK} | layers and labels")
    layers = unknown_layers(drawing, unknown)
    check_drawing(drawing)
    labels = check_labels(drawing, ports, unconnected)
    progress(1, STAGES, f"{WORK} | nets and transistors")
    connected = connect(drawing, process.recognition, unknown)
    progress(2, STAGES, f"{WORK} | other devices and names")
    capacitors = tuple(mim_capacitors(drawing, connected))
    parts, without_model = find_parts(drawing, connected, process.recognition, unknown)
    names = name_nets(drawing, connected, labels, ports or ())
    check_gates(drawing, connected, names.ports | {net for part in parts for net in part.nets})

    def notes() -> Iterator[str]:
        yield from header(connected, names, len(capacitors), parts)
        yield from label_notes(names, drawing)
        yield from (*layers, *connected.notes, *without_model)

    floating = undriven(connected, capacitors, parts, names.ports)
    return Found(connected, capacitors, parts, names, floating, tuple(notes()))
