"""The flat circuit of what magic found: names of nets, devices, capacitances."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

from codesign.errors import InputError, ToolError
from codesign.layout.circuit import FlatCircuit, FlatDevice, Parasitic
from codesign.layout.extract.audit import port_faults
from codesign.layout.extract.capacitance import NetCapacitances
from codesign.layout.extract.magic_ext import ExtDevice, ExtFile
from codesign.layout.extract.names import UNNAMED_SUBSTRATE, natural_key
from codesign.layout.extract.settle import MIN_CAPACITANCE_F, settle

_KINDS = {"nfet": "n", "pfet": "p", "cap_": "cap"}


def circuit_of(
    found: ExtFile,
    top: str,
    ports: Sequence[str] | None,
    unconnected: Collection[str],
    *,
    with_capacitors: bool,
) -> FlatCircuit:
    """The circuit of a .ext file. Raises InputError for shorts, ToolError for other devices."""
    names = _names(found)
    labels = sorted(
        {n for n in names.values() if not re.fullmatch(r"n\d+|" + UNNAMED_SUBSTRATE, n)},
        key=natural_key,
    )
    devices = tuple(
        _flat_device(device, number, found, names)
        for number, device in enumerate(
            sorted(found.devices, key=lambda d: (round(d.y_um, 3), d.x_um)), start=1
        )
    )
    substrate = names[found.node(found.substrate)]
    if ports is None:
        chosen = tuple(labels) + ((substrate,) if substrate == UNNAMED_SUBSTRATE else ())
    else:
        chosen = tuple(port for port in ports if port in {*labels, *unconnected})
    circuit = FlatCircuit(top, chosen, devices)
    comments = [f"substrate: net {substrate}"]
    capacitors: tuple[Parasitic, ...] = ()
    if with_capacitors:
        order = {node: number for number, node in enumerate(names)}
        pairs = [(order[found.node(a)], order[found.node(b)], c) for a, b, c in found.couplings]
        arrays = NetCapacitances(
            np.array([found.nodes.get(node, 0.0) for node in names]),
            np.array([pair[:2] for pair in pairs], np.int64).reshape(-1, 2),
            np.array([pair[2] for pair in pairs]),
        )
        used = {node for device in devices for node in device.nodes} | set(chosen)
        floating = [order[node] for node, name in names.items() if name not in used]
        settled = settle(
            arrays, tuple(names.values()), order[found.node(found.substrate)], floating
        )
        capacitors = settled.capacitors
        comments += settled.notes(MIN_CAPACITANCE_F)
    comments += [f"port {fault}" for fault in port_faults(circuit, chosen)] if not ports else []
    return FlatCircuit(top, chosen, devices, capacitors, comments=tuple(comments))


def _names(found: ExtFile) -> dict[str, str]:
    """Net name of every node: its label where there is one, else n1, n2, ..."""
    names, number = {}, 0
    spoken = {n for group in found.groups().values() for n in group}
    for node, group in found.groups().items():
        labels = sorted({n for n in group if not n.endswith("#") and "/" not in n})
        labels = [n for n in labels if n not in ("VSUBS", "None")] or labels
        if len(labels) > 1:
            raise InputError(
                f"labels {' and '.join(labels)} are on one net (a short)",
                remedy="separate the nets, or keep one of the labels",
            )
        if labels and labels[0] != "VSUBS":
            names[node] = labels[0]
        elif node == found.node(found.substrate):
            names[node] = UNNAMED_SUBSTRATE
        else:
            number += 1
            while f"n{number}" in spoken:
                number += 1
            names[node] = f"n{number}"
    return names


def _flat_device(
    device: ExtDevice, number: int, found: ExtFile, names: dict[str, str]
) -> FlatDevice:
    kind = _KINDS.get(device.model[:4])
    if kind is None or len(device.terminals) != (1 if kind == "cap" else 2):
        raise ToolError(
            f"magic found a {device.model} with {len(device.terminals)} terminals at "
            f"({device.x_um:.4g}, {device.y_um:.4g}) um, which codesign does not know",
            remedy="known are nfet_*, pfet_* and cap_mim_*",
        )
    gate, *others = (names[found.node(n)] for n in (device.gate, *device.terminals))
    place = (round(device.x_um, 4), round(device.y_um, 4))
    w, l = round(device.w_um, 6), round(device.l_um, 6)
    if kind == "cap":
        plates = (gate, others[0])
        return FlatDevice(
            f"c{number}", kind, device.model, plates, w, l, x_um=place[0], y_um=place[1]
        )
    (source, drain), bulk = others, names[found.node(device.substrate)]
    (as_um2, ps_um), (ad_um2, pd_um) = (junction or (None, None) for junction in device.junctions)
    nodes = (drain, gate, source, bulk)
    junctions = (as_um2, ad_um2, ps_um, pd_um)
    return FlatDevice(f"m{number}", kind, device.model, nodes, w, l, *junctions, *place)
