"""The flat circuit of what magic found: names of nets, devices, capacitances."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from codesign.errors import ToolError
from codesign.layout.circuit import FlatCircuit, FlatDevice, Parasitic
from codesign.layout.extract.audit import port_faults
from codesign.layout.extract.capacitance import NetCapacitances
from codesign.layout.extract.labels import natural_key
from codesign.layout.extract.magic_ext import ExtDevice, ExtFile
from codesign.layout.extract.names import UNNAMED_SUBSTRATE
from codesign.layout.extract.settle import MIN_CAPACITANCE_F, settle

_KINDS = {"nfet": "n", "pfet": "p", "cap_": "cap"}


def circuit_of(
    found: ExtFile,
    top: str,
    ports: Sequence[str] | None,
    unconnected: Collection[str],
    *,
    with_capacitors: bool,
    pins: Collection[str] | None = None,
) -> FlatCircuit:
    """The circuit of a .ext file; `pins`: which labels are, all of them unless given. Raises
    ToolError for other devices."""
    groups = _labels(found)
    chosen_first = {name.lower() for name in ports or ()}
    is_pin = {text for group in groups.values() for text in group if pins is None or text in pins}
    for group in groups.values():
        group.sort(key=lambda text: (text.lower() not in chosen_first, text not in is_pin))
    names = _names(found, groups)
    on = {text: names[node] for node, group in groups.items() for text in group}
    labels = sorted({on[text] for text in is_pin}, key=natural_key)
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
        have = {*labels, *(on[text] for text in on if text.lower() in chosen_first), *unconnected}
        chosen = tuple(port for port in ports if port in have)
    circuit = FlatCircuit(top, chosen, devices, labels=tuple(sorted(on.items())))
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
    return replace(circuit, capacitors=capacitors, comments=tuple(comments))


def _labels(found: ExtFile) -> dict[str, list[str]]:
    """The labels of every node that has some, in natural order."""
    groups = {}
    for node, group in found.groups().items():
        spoken = sorted({n for n in group if not n.endswith("#") and "/" not in n})
        if labels := [n for n in spoken if n not in ("VSUBS", "None")]:
            groups[node] = sorted(labels, key=natural_key)
    return groups


def _names(found: ExtFile, labels: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Net name of every node: its first label where there is one, else n1, n2, ..."""
    names, number = {}, 0
    spoken = {n for group in found.groups().values() for n in group}
    for node in found.groups():
        if node in labels:
            names[node] = labels[node][0]
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
