"""Layout against schematic with klayout's comparer, and a diagnosis where they differ."""

from __future__ import annotations

from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs.diagnosis import diagnose
from codesign.layout.lvs.engine import Outcome, is_isomorphism, run_comparer
from codesign.layout.lvs.prepare import check_comparable, device_nets, merge_parallel
from codesign.layout.lvs.report import LVSReport, Problem

ENGINE = "klayout"


def compare(extracted: FlatCircuit, schematic: FlatCircuit) -> LVSReport:
    """Compare what was extracted from a layout with its schematic.

    Models, connections, widths and lengths must agree, and ports by name; source and drain may be
    exchanged. Devices are compared as drawn first; if that fails, parallel transistors of the same
    length are taken together on both sides. After a match the report's `nets` pairs every net, for
    renaming the extracted netlist. Raises InputError for circuits with resistors.
    """
    extracted = extracted.called(schematic.ports)
    check_comparable(extracted, "layout")
    check_comparable(schematic, "schematic")
    pins = _pin_problems(extracted, schematic)
    outcome = run_comparer(extracted, schematic)
    notes: tuple[str, ...] = ()
    if not outcome.match and not pins:
        folded = run_comparer(merge_parallel(extracted), merge_parallel(schematic))
        if folded.match:
            outcome, notes = folded, ("parallel transistors were taken together",)
    problems = pins
    if not outcome.match:
        problems = (*pins, *diagnose(extracted, schematic, outcome))
    elif not notes and not is_isomorphism(extracted, schematic, outcome.nets):
        problems = (*pins, Problem("other", "the comparer's pairing of nets is not consistent"))
    if not outcome.match and not problems:
        problems = (Problem("other", "the comparer found a difference and did not say which"),)
    return LVSReport(
        cell=schematic.name,
        engine=ENGINE,
        match=outcome.match and not problems,
        device_count=(len(extracted.devices), len(schematic.devices)),
        net_count=(len(device_nets(extracted)), len(device_nets(schematic))),
        problems=problems,
        nets=_sorted(outcome, extracted),
        devices=dict(sorted(outcome.devices.items())),
        notes=notes,
    )


def _pin_problems(extracted: FlatCircuit, schematic: FlatCircuit) -> tuple[Problem, ...]:
    drawn = {port.lower() for port in extracted.ports}
    meant = {port.lower() for port in schematic.ports}
    on = {label.lower(): net for label, net in extracted.labels}
    missing = [
        Problem("missing pin", f"the layout has no pin {port}", (), (port,))
        if port.lower() not in on
        else Problem(
            "short",
            f"the layout has pin {port} on the net of pin {on[port.lower()]}",
            (on[port.lower()],),
            (port,),
        )
        for port in schematic.ports
        if port.lower() not in drawn
    ]
    extra = [
        Problem("extra pin", f"the schematic has no pin {port}", (port,), ())
        for port in extracted.ports
        if port.lower() not in meant
    ]
    return (*missing, *extra)


def _sorted(outcome: Outcome, extracted: FlatCircuit) -> dict[str, str]:
    """The pairing in the order of the layout's nets."""
    return {net: outcome.nets[net] for net in device_nets(extracted) if net in outcome.nets}
