"""Layout against schematic: an exact search for a pairing, and a diagnosis where there is none."""

from __future__ import annotations

from collections.abc import Iterator

from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs.diagnosis import Diagnosis, diagnose
from codesign.layout.lvs.pairing import Pairing, pair
from codesign.layout.lvs.pins import pin_problems
from codesign.layout.lvs.prepare import device_nets, prepared
from codesign.layout.lvs.reductions import Level, levels
from codesign.layout.lvs.report import LVSReport, Problem

ENGINE = "klayout"


def compare(extracted: FlatCircuit, schematic: FlatCircuit) -> LVSReport:
    """Compare what was extracted from a layout with its schematic.

    Models, connections, widths and lengths must agree, and ports by name; source and drain may be
    exchanged. Devices are compared as drawn first; if that fails, parallel transistors of the same
    length, then resistors in series, then the fingers of stacks are taken together on both sides.
    After a match the report's `nets` pairs every net, for renaming the extracted netlist. Raises
    InputError for circuits with ideal resistors.
    """
    layout, meant = prepared(extracted, schematic)
    pins = pin_problems(layout, meant)
    tried = []
    pairing = None
    for level in levels(layout, meant):
        tried.append(level)
        pairing = pair(level.layout, level.schematic)
        if pairing is not None:
            break
    if pairing is not None:
        nets, devices = _all_nets(pairing, layout), pairing.devices
        problems, notes = (*pins, *_shorts(tried[-1], pairing)), tried[-1].notes
    else:
        found = _explained(tried)
        nets, devices = found.nets, found.devices
        problems, notes = (*pins, *found.problems), found.notes
    return LVSReport(
        cell=schematic.name,
        engine=ENGINE,
        match=pairing is not None and not problems,
        device_count=(len(extracted.devices), len(schematic.devices)),
        net_count=(len(device_nets(layout)), len(device_nets(schematic))),
        problems=problems,
        nets={net: nets[name] for net, name in _called(extracted, layout) if name in nets},
        devices=dict(sorted(devices.items())),
        notes=notes,
    )


def _called(extracted: FlatCircuit, layout: FlatCircuit) -> Iterator[tuple[str, str]]:
    """Every net of the extracted circuit with its name in the comparison."""
    names: dict[str, str] = {}
    for before, after in zip(extracted.devices, layout.devices, strict=True):
        names |= zip(before.nodes, after.nodes, strict=True)
    names |= zip(extracted.ports, layout.ports, strict=False)
    return ((net, names[net]) for net in device_nets(extracted))


def _all_nets(pairing: Pairing, extracted: FlatCircuit) -> dict[str, str]:
    """Every net of the layout with its name in the schematic; one that was taken together with
    another keeps a name of its own."""
    nets = dict(pairing.nets)
    taken = {name.lower() for name in nets.values()}
    for net in device_nets(extracted):
        if net not in nets:
            name = net
            while name.lower() in taken:
                name += "_"
            taken.add(name.lower())
            nets[net] = name
    return nets


def _shorts(level: Level, pairing: Pairing) -> Iterator[Problem]:
    """Inner nets of stacks that the layout joins: they would be at one potential, but the schematic
    keeps them apart."""
    for drawn, meant in level.shorts(pairing.nets):
        text = (
            f"{' and '.join(meant)} of the schematic are {len(drawn)} net"
            f"{'s' * (len(drawn) > 1)}, {' and '.join(drawn)}, in the layout"
        )
        yield Problem("short", text, drawn, meant)


def _explained(tried: list[Level]) -> Diagnosis:
    """What differs, where the circuits differ least: as drawn, or with everything taken together
    that may be."""
    found = [diagnose(level) for level in (tried if len(tried) == 1 else (tried[0], tried[-1]))]
    return min(found, key=lambda diagnosis: len(diagnosis.problems))
