"""sensing_threshold: DC transfer of the powered sensing inverter, from membrane to spike line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from codesign.bench import Setup, inner_node, voltage
from codesign.bench.decks import NEURON, SPIKE
from codesign.characterize.plan import SensingThresholdSweep
from codesign.characterize.sweeps.task import MeasuredTask, Row, Waveforms
from codesign.characterize.sweeps.testbench import (
    chunks,
    membrane_of,
    static_neuron,
    sweep_over,
)
from codesign.spice import crossing_times

_LEVELS_PER_TASK = 8
_SAVE = (voltage(SPIKE), "i(vvdd)")


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
    saved: tuple[str, ...]

    def coordinates(self) -> list[Row]:
        return [{"v_sense_V": gate, "v_mem_V": v} for gate in self.v_sense_V for v in self.v_mem_V]

    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        rows: list[Row] = []
        for sensed, line, supply in zip(
            *(np.atleast_2d(waves[0][name]) for name in self.saved), strict=True
        ):
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


def tasks(sweep: SensingThresholdSweep, setup: Setup) -> list[SensingThresholdTask]:
    """Tasks of the sweep: groups of gate voltages around the design's; none for a neuron that does
    not say which node senses the membrane."""
    neuron = setup.neuron
    if neuron.sensed is None:
        return []
    builder = static_neuron(setup, "sensing threshold")
    deck = builder.cards(f"vmem {membrane_of(setup)} 0 {neuron.v0:.12g}").deck()
    v_mem, bias = sweep.v_mem.values, neuron.sense_bias
    groups: list[tuple[float, ...]] = [(0.0,)]
    if bias is not None:
        design = neuron.biases[bias]
        levels = [round(design + offset, 9) for offset in sweep.v_sense_offset.values]
        groups = chunks(levels, _LEVELS_PER_TASK)
    saved = (voltage(inner_node(neuron.sensed, NEURON)), *_SAVE)
    return [
        SensingThresholdTask(
            deck=deck,
            analyses=(sweep_over("vmem", v_mem, saved, f"v{bias}" if bias else None, group),),
            timeout_s=sweep.timeout,
            v_sense_V=group,
            v_mem_V=v_mem,
            supply_V=setup.supply_V,
            saved=saved,
        )
        for group in groups
    ]
