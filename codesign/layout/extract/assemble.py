"""From nets and devices by number to a flat circuit with names, ports and parasitics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit, FlatDevice
from codesign.layout.extract.connect import Connected, Transistor
from codesign.layout.extract.mim import MIMCapacitor
from codesign.layout.extract.names import Names
from codesign.layout.extract.part import Part
from codesign.layout.extract.reader import Drawing

_LETTERS = {"res": "r", "diode": "d", "varactor": "v", "bipolar": "q", "box": "x"}
_WORDS = {
    "res": "resistors",
    "diode": "diodes",
    "varactor": "varactors",
    "bipolar": "bipolar transistors",
    "box": "other devices",
}


def flat_devices(
    transistors: Sequence[Transistor],
    capacitors: Sequence[MIMCapacitor],
    parts: Sequence[Part],
    names: Sequence[str],
) -> tuple[FlatDevice, ...]:
    """Transistors m1, m2, ..., MIM capacitors c1, c2, ... and other devices, from the lowest left
    one up."""
    fets = sorted(transistors, key=lambda t: (round(t.y_um, 3), t.x_um))
    plates = sorted(capacitors, key=lambda c: (round(c.y_um, 3), c.x_um, c.model))
    return (
        *(
            FlatDevice(
                name=f"m{number}",
                kind=t.kind,
                model=t.model,
                nodes=tuple(names[net] for net in t.nets),
                w_um=round(t.w_um, 6),
                l_um=round(t.l_um, 6),
                as_um2=round(t.as_um2, 6),
                ad_um2=round(t.ad_um2, 6),
                ps_um=round(t.ps_um, 6),
                pd_um=round(t.pd_um, 6),
                x_um=round(t.x_um, 6),
                y_um=round(t.y_um, 6),
                subcircuit=t.subcircuit,
            )
            for number, t in enumerate(fets, start=1)
        ),
        *(
            FlatDevice(
                name=f"c{number}",
                kind="cap",
                model=c.model,
                nodes=tuple(names[net] for net in c.nets),
                w_um=c.w_um,
                l_um=c.l_um,
                x_um=round(c.x_um, 6),
                y_um=round(c.y_um, 6),
            )
            for number, c in enumerate(plates, start=1)
        ),
        *_others(parts, names),
    )


def _others(parts: Sequence[Part], names: Sequence[str]) -> Iterator[FlatDevice]:
    counts = dict.fromkeys(_LETTERS, 0)
    for part in sorted(parts, key=lambda p: (round(p.y_um, 3), p.x_um, p.model)):
        counts[part.kind] += 1
        yield FlatDevice(
            name=f"{_LETTERS[part.kind]}{counts[part.kind]}",
            kind=part.kind,
            model=part.model,
            nodes=tuple(names[net] for net in part.nets),
            w_um=part.w_um,
            l_um=part.l_um,
            x_um=round(part.x_um, 6),
            y_um=round(part.y_um, 6),
            parameters=part.parameters,
            card=part.card,
            subcircuit=part.subcircuit,
        )


def choose_ports(
    names: Names, wanted: Sequence[str] | None, unconnected: Collection[str]
) -> tuple[str, ...]:
    """The circuit's ports: those wanted that the layout has, in their order, or every port of the
    layout in natural order."""
    if wanted is None:
        return names.port_names
    have = set(names.port_names) | set(unconnected)
    return tuple(port for port in wanted if port in have)


def with_substrate(circuit: FlatCircuit, substrate: str) -> FlatCircuit:
    """The circuit with its substrate as the last port, where no label made it one and something is
    on it: whoever uses the circuit must connect it."""
    if substrate in circuit.ports or substrate not in circuit.nets:
        return circuit
    return replace(circuit, ports=(*circuit.ports, substrate))


def check_gates(
    drawing: Drawing,
    connected: Connected,
    ports: Collection[int],
) -> None:
    """Raise InputError for a gate whose net nothing can drive: no port, source, drain or well."""
    driven = set(ports) | {connected.substrate}
    for plane in ("nwell", "diff"):
        driven.update(connected.plane(plane)[1].tolist())
    floating = [t for t in connected.transistors if t.nets[1] not in driven]
    if floating:
        first = floating[0]
        raise InputError(
            f"{drawing.source}: floating gate: {len(floating)} transistors have a gate that no "
            f"port, source or drain drives, the first a {first.model} at "
            f"({first.x_um:.4g}, {first.y_um:.4g}) um",
            remedy="connect the gate, or label its net",
        )


def undriven(
    connected: Connected,
    capacitors: Sequence[MIMCapacitor],
    parts: Sequence[Part],
    ports: Collection[int],
) -> set[int]:
    """Nets that are neither ports nor on any terminal: conductors that float."""
    used = set(ports) | {connected.substrate}
    used.update(net for t in connected.transistors for net in t.nets)
    used.update(net for c in capacitors for net in c.nets)
    used.update(net for part in parts for net in part.nets)
    return set(range(connected.n_nets)) - used


def header(
    connected: Connected, names: Names, capacitors: int, parts: Sequence[Part]
) -> Iterator[str]:
    """Lines that say what was extracted and how the substrate is named."""
    kinds = Counter(part.kind for part in parts)
    others = "".join(f"{kinds[kind]} {words}, " for kind, words in _WORDS.items() if kinds[kind])
    yield (
        f"{len(connected.transistors)} transistors, {capacitors} MIM capacitors, {others}"
        f"{connected.n_nets} nets, {len(names.labelled)} labelled"
    )
    substrate = names.names[connected.substrate]
    if connected.substrate in names.labelled:
        yield f"substrate: net {substrate}"
    else:
        yield (
            f"substrate: no p-tap or text names it, its net is called {substrate}; connect it to "
            "the lowest voltage"
        )
    tapped = {*names.labelled, *connected.owners["ntap"].tolist()}
    wells = {t.nets[3] for t in connected.transistors if t.kind == "p"} - tapped
    if wells:
        shown = ", ".join(sorted(names.names[net] for net in wells)[:10])
        yield f"{len(wells)} n-wells with transistors have neither tap nor label: {shown}"
    if connected.slanted:
        yield (
            f"{connected.slanted} trapezoids with slanted sides count as slabs of their mean "
            "width in capacitances"
        )
