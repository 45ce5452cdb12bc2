"""A cell's schematic without hierarchy: what layout against schematic compares with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from codesign.cells.base import Cell
from codesign.cells.transistor import DIFFUSION_LENGTH_M, TransistorParameters
from codesign.cells.user_cell import UserCell
from codesign.layout.circuit import FlatCircuit, FlatDevice, Parasitic

_UM_PER_M = 1e6


def flat_circuit(cell: Cell) -> FlatCircuit:
    """All devices of a cell between named nets.

    Names inside instances are ngspice's: net `mem` of instance `Xn_1_1` is `xn_1_1.mem`, and so are
    those of devices; ports of the cell keep their names. Ideal resistors, the programmable elements
    of a resistive synapse, come as `resistors`, ideal capacitors of a user's cell as `capacitors`.
    """
    devices: list[FlatDevice] = []
    ideal: dict[str, list[Parasitic]] = {"r": [], "c": []}
    for prefix, drawn, nets in _instances(cell, "", {}):

        def net(node: str, prefix: str = prefix, nets: Mapping[str, str] = nets) -> str:
            return nets.get(node) or f"{prefix}{node}"

        if isinstance(drawn, UserCell):
            for part in drawn.flat(prefix, nets):
                if isinstance(part, FlatDevice):
                    devices.append(part)
                else:
                    ideal[part[0]].append(part[1])
        for transistor in drawn.schematic.transistors:
            nodes = tuple(net(node) for node in transistor.nodes)
            devices.append(_transistor(prefix + transistor.name, nodes, transistor.size))
        for mim in drawn.schematic.capacitors:
            size = mim.size
            nodes = tuple(net(node) for node in mim.nodes)
            w_um, l_um = _um(size.w), _um(size.l)
            devices.append(FlatDevice(prefix + mim.name, "cap", size.model, nodes, w_um, l_um))
        for resistor in drawn.schematic.resistors:
            node_a, node_b = (net(node) for node in resistor.nodes)
            ideal["r"].append(Parasitic(node_a, node_b, resistor.resistance_ohm))
    return FlatCircuit(
        cell.name, cell.port_names, tuple(devices), tuple(ideal["c"]), tuple(ideal["r"])
    )


def _instances(
    cell: Cell, prefix: str, nets: Mapping[str, str]
) -> Iterator[tuple[str, Cell, Mapping[str, str]]]:
    """The cell and everything in it: name prefix, cell, and flat nets of its ports."""
    nets = nets or {port: port for port in cell.port_names}
    yield prefix, cell, nets
    for placed in cell.schematic.instances:
        outside = [nets.get(node) or f"{prefix}{node}" for node in placed.nodes]
        inside = dict(zip(placed.cell.port_names, outside, strict=True))
        yield from _instances(placed.cell, f"{prefix}x{placed.name.lower()}.", inside)


def _transistor(name: str, nodes: tuple[str, ...], size: TransistorParameters) -> FlatDevice:
    w_um, l_um = _um(size.w), _um(size.l)
    extension = DIFFUSION_LENGTH_M * _UM_PER_M
    area, perimeter = round(w_um * extension, 6), round(2 * (w_um + extension), 6)
    junctions = (area, area, perimeter, perimeter)
    return FlatDevice(name, size.model[0], size.model, nodes, w_um, l_um, *junctions)


def _um(length_m: float) -> float:
    return round(length_m * _UM_PER_M, 6)
