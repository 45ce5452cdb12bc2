"""discharger: DC current that the membrane loses in the firing phase, against its voltage.

It includes the leakage of everything else on the membrane, since that too discharges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from codesign.bench import Setup
from codesign.characterize.plan import DischargerSweep
from codesign.characterize.sweeps.task import MeasuredTask, Row, Waveforms
from codesign.characterize.sweeps.testbench import (
    chunks,
    membrane_of,
    static_neuron,
    sweep_over,
)

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


def tasks(sweep: DischargerSweep, setup: Setup) -> list[DischargerTask]:
    """Tasks of the sweep: groups of gate voltages around the design's; one of a neuron whose
    discharge no bias sets."""
    neuron = setup.neuron
    builder = static_neuron(setup, "discharger current")
    deck = builder.cards(f"vmem {membrane_of(setup)} 0 {neuron.v0:.12g}").deck()
    v_mem, bias = sweep.v_mem.values, neuron.discharge_bias
    groups: list[tuple[float, ...]] = [(0.0,)]
    if bias is not None:
        design = neuron.biases[bias]
        levels = [round(design + offset, 9) for offset in sweep.v_discharge_offset.values]
        groups = chunks(levels, _LEVELS_PER_TASK)
    outer = f"v{bias}" if bias is not None else None
    return [
        DischargerTask(
            deck=deck,
            analyses=(sweep_over("vmem", v_mem, ("i(vmem)",), outer, group),),
            timeout_s=sweep.timeout,
            v_discharge_V=group,
            v_mem_V=v_mem,
        )
        for group in groups
    ]
