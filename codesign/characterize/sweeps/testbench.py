"""Decks around cells: definitions, instances, a zero-weight column with a neuron behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TypeVar

from codesign.cells import (
    Cell,
    Crossbar,
    CrossbarParameters,
    InputDriver,
    PhaseTiming,
    RCSpikeNeuron,
    ResistiveSynapseParameters,
    SynapseParameters,
)
from codesign.cells.stimulus import control_sources, pulse_source, supply_sources
from codesign.characterize.sweeps.task import Circuit
from codesign.spice import DCSweep, pwl

T = TypeVar("T")
# Two junctions, the gate of the sensing inverter and the overlaps, for a first estimate only.
_PARASITIC_F = 15e-15
_MIM_F_PER_M2 = 2e-3


def instance(name: str, cell: Cell, nodes: Mapping[str, str]) -> str:
    """An instance of a cell; a port without an entry in `nodes` goes to the node of its name."""
    ports = " ".join(nodes.get(port, port) for port in cell.port_names)
    return f"x{name} {ports} {cell.name}"


def membrane_node(neuron: RCSpikeNeuron, name: str = "xn") -> str:
    """The membrane of a neuron's instance as a node of the deck."""
    return f"{name}.{neuron.membrane}" if neuron.membrane != "dend" else "dend"


def chunks(items: Sequence[T], size: int) -> list[tuple[T, ...]]:
    """Items in groups of at most `size`."""
    rest = iter(items)
    return list(iter(lambda: tuple(islice(rest, size)), ()))


def sweep_over(
    source: str,
    values: Sequence[float],
    save: tuple[str, ...],
    outer: str | None = None,
    levels: Sequence[float] = (),
) -> DCSweep:
    """Sweep of evenly spaced `values`, for each of the evenly spaced `levels` of `outer`."""
    around = (outer, *_axis(levels)) if outer else None
    return DCSweep(source, *_axis(values), save, outer=around)


def _axis(values: Sequence[float]) -> tuple[float, float, float]:
    step = values[1] - values[0] if len(values) > 1 else 1.0
    return values[0], values[-1] + step / 2, step


def zero_weight(synapse: SynapseParameters) -> SynapseParameters:
    """The synapse without a weight: no device for a resistive one; biases do it for the others."""
    if isinstance(synapse, ResistiveSynapseParameters):
        return synapse.model_copy(update={"g_n": 0.0, "g_p": 0.0})
    return synapse


def capacitance_estimate(circuit: Circuit) -> float:
    """Rough membrane capacitance in F, to size the currents of a test."""
    capacitor = circuit.network.neuron.capacitor
    return _MIM_F_PER_M2 * capacitor.w * capacitor.l + _PARASITIC_F


def static_neuron(circuit: Circuit, levels: Mapping[str, float]) -> tuple[RCSpikeNeuron, list[str]]:
    """A neuron `xn` with every control at a constant level, in the firing phase unless `levels`
    says otherwise: reset off, gate open, isolated dendrite held at v0. Its lines are out, outb."""
    neuron = RCSpikeNeuron(circuit.network.neuron)
    vdd = circuit.supply_V
    firing = {"rstb": vdd, "ph": vdd, "phb": 0.0, "gate": 0.0, "gateb": vdd, "clampb": 0.0}
    lines = supply_sources(circuit.network.neuron, vdd)
    for port, level in {**firing, **levels}.items():
        if port in neuron.port_names:
            lines.append(f"v{port} {port} 0 {level:.12g}")
    lines.append(instance("n", neuron, {"sp": "out", "spb": "outb"}))
    return neuron, lines


def zero_weight_column(
    circuit: Circuit,
    fan_in: int,
    timing: PhaseTiming,
    frames: Sequence[float],
    lines_V: Mapping[int, Sequence[tuple[float, float]]],
    injected_A: Sequence[tuple[float, float]],
) -> tuple[list[Cell], list[str]]:
    """A column of `fan_in` zero-weight synapses on real line drivers, and a neuron `xn` behind it.

    Controls as in the network over the given frames (s). `lines_V`: corner points (s, V) of the
    pulse of each input that moves (from 1; the others stay low). `injected_A`: corner points
    (s, A) of an ideal current into the dendrite. Saves: `v(<membrane_node>)`.
    """
    network = circuit.network
    neuron, driver = RCSpikeNeuron(network.neuron), InputDriver(network.neuron.driver)
    column = Crossbar(
        CrossbarParameters(rows=fan_in, columns=1, synapse=zero_weight(network.synapse)), "column"
    )
    lines = [
        *supply_sources(network.neuron, circuit.supply_V),
        *control_sources(network.neuron, timing, frames, circuit.supply_V),
        f"iinject 0 dend {pwl(injected_A)}",
    ]
    for row in range(1, fan_in + 1):
        lines.append(
            f"vpulse_{row} pulse_{row} 0 {pwl(lines_V[row])}"
            if row in lines_V
            else pulse_source(f"pulse_{row}", (), (), timing, circuit.supply_V)
        )
        nodes = {"pulse": f"pulse_{row}", "sp": f"sp_{row}", "spb": f"spb_{row}"}
        lines.append(instance(f"in_{row}", driver, nodes))
    off = {"dend_1": "dend"}
    for *_, port_n, port_p in column.bias_ports():
        off |= {port_n: "vss", port_p: "vdd"}
    lines += [
        instance("column", column, off),
        instance("n", neuron, {"sp": "out", "spb": "outb"}),
    ]
    return [driver, column, neuron], lines
