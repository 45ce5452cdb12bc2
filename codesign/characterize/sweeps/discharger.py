"""discharger: DC current that the membrane loses in the firing phase, against its voltage.

It includes the leakage of everything else on the membrane, since that too discharges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from codesign.characterize.plan import DischargerSweep
from codesign.characterize.sweeps.task import Circuit, MeasuredTask, Row, Waveforms
from codesign.characterize.sweeps.testbench import (
    chunks,
    membrane_node,
    static_neuron,
    sweep_over,
)
from codesign.spice import Deck

_LEVELS_PER_TASK = 8


@dataclass(frozen=True, kw_only=True)
class DischargerTask(MeasuredTask):
    """Some gate voltages of the discharger at all membrane voltages."""

    measured: ClassVar[tuple[str, ...]] = ("i_discharge_A",)
    v_discharge_V: tuple[float, ...]
    v_mem_V: tuple[float, ...]

    def coordinates(self) -> list[Row]:
        return [
            {"v_discharge_V": gate, "v_mem_V": v}
            for gate in self.v_discharge_V
            for v in self.v_mem_V
        ]

    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        return [{"i_discharge_A": float(-i)} for i in waves[0]["i(vmem)"].ravel()]


def tasks(sweep: DischargerSweep, circuit: Circuit) -> list[DischargerTask]:
    """Tasks of the sweep: groups of gate voltages around the design's."""
    neuron, lines = static_neuron(circuit, {})
    lines.append(f"vmem {membrane_node(neuron)} 0 {circuit.network.neuron.v0:.12g}")
    deck = Deck(
        "discharger current",
        "\n".join([*circuit.views.definitions([neuron]), *lines]),
        circuit.views.devices([neuron]),
        circuit.conditions,
    )
    design = circuit.network.neuron.v_discharge
    levels = [round(design + offset, 9) for offset in sweep.v_discharge_offset.values]
    v_mem = sweep.v_mem.values
    return [
        DischargerTask(
            deck=deck,
            analyses=(sweep_over("vmem", v_mem, ("i(vmem)",), "vvdis", group),),
            timeout_s=sweep.timeout,
            v_discharge_V=group,
            v_mem_V=v_mem,
        )
        for group in chunks(levels, _LEVELS_PER_TASK)
    ]
