"""sensing_threshold: DC transfer of the powered sensing inverter, from membrane to spike line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from codesign.characterize.plan import SensingThresholdSweep
from codesign.characterize.sweeps.task import Circuit, MeasuredTask, Row, Waveforms
from codesign.characterize.sweeps.testbench import (
    chunks,
    membrane_node,
    static_neuron,
    sweep_over,
)
from codesign.spice import Deck, crossing_times

_LEVELS_PER_TASK = 8
_SAVE = ("v(xn.sensed)", "v(out)", "i(vvdd)")


def threshold_voltage(v_mem_V: np.ndarray, v_sensed_V: np.ndarray, supply_V: float) -> float | None:
    """Membrane voltage at which the sensing inverter's output is at half the supply.

    `v_mem_V` rises; None when the output does not cross that level.
    """
    crossings = crossing_times(v_mem_V, v_sensed_V, supply_V / 2, rising=False)
    return float(crossings[0]) if len(crossings) else None


@dataclass(frozen=True, kw_only=True)
class SensingThresholdTask(MeasuredTask):
    """Some gate voltages of the current limiter at all membrane voltages.

    `v_threshold_V`, where the inverter's output is at half the supply, stands in every row of its
    curve.
    """

    measured: ClassVar[tuple[str, ...]] = ("v_sensed_V", "v_line_V", "i_supply_A", "v_threshold_V")
    v_sense_V: tuple[float, ...]
    v_mem_V: tuple[float, ...]
    supply_V: float

    def coordinates(self) -> list[Row]:
        return [{"v_sense_V": gate, "v_mem_V": v} for gate in self.v_sense_V for v in self.v_mem_V]

    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        rows: list[Row] = []
        for sensed, line, supply in zip(*(waves[0][name] for name in _SAVE), strict=True):
            threshold = threshold_voltage(np.array(self.v_mem_V), sensed, self.supply_V)
            rows += [
                {
                    "v_sensed_V": float(v_sensed),
                    "v_line_V": float(v_line),
                    "i_supply_A": float(-i),
                    "v_threshold_V": threshold,
                }
                for v_sensed, v_line, i in zip(sensed, line, supply, strict=True)
            ]
        return rows


def tasks(sweep: SensingThresholdSweep, circuit: Circuit) -> list[SensingThresholdTask]:
    """Tasks of the sweep: groups of gate voltages around the design's v_sense."""
    neuron, lines = static_neuron(circuit, {})
    lines.append(f"vmem {membrane_node(neuron)} 0 {circuit.network.neuron.v0:.12g}")
    deck = Deck(
        "sensing threshold",
        "\n".join([*circuit.views.definitions([neuron]), *lines]),
        circuit.views.devices([neuron]),
        circuit.conditions,
    )
    design = circuit.network.neuron.v_sense
    levels = [round(design + offset, 9) for offset in sweep.v_sense_offset.values]
    v_mem = sweep.v_mem.values
    return [
        SensingThresholdTask(
            deck=deck,
            analyses=(sweep_over("vmem", v_mem, _SAVE, "vvsense", group),),
            timeout_s=sweep.timeout,
            v_sense_V=group,
            v_mem_V=v_mem,
            supply_V=circuit.supply_V,
        )
        for group in chunks(levels, _LEVELS_PER_TASK)
    ]
