"""leak: droop of the membrane while nothing is on, at zero weight with the transmission gate on.

Most of it is no steady current: the node between the discharger's two transistors, emptied in the
firing phase before, fills from the membrane, ever more slowly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from codesign.bench import Setup
from codesign.characterize.plan import LeakSweep
from codesign.characterize.sweeps.held_column import (
    HELD_FROM,
    PROBE_AT,
    TARGETS_PER_TASK,
    HeldColumnTask,
    held_column,
)
from codesign.characterize.sweeps.task import Row, Waveforms
from codesign.characterize.sweeps.testbench import chunks


@dataclass(frozen=True, kw_only=True)
class LeakTask(HeldColumnTask):
    """Some membrane voltages of one fan-in.

    `droop_V` is what the membrane loses in one phase, `i_leak_A` the current out of it,
    `leak_per_s` the rate of loss relative to the membrane's voltage, i / (C v_mem).
    """

    measured: ClassVar[tuple[str, ...]] = (
        "v_mem_V",
        "droop_V",
        "i_leak_A",
        "leak_per_s",
        "c_eff_F",
    )

    def coordinates(self) -> list[Row]:
        return [{"fan_in": self.fan_in, "v_target_V": target} for target in self.v_target_V]

    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        rows: list[Row] = []
        for index in range(len(self.v_target_V)):
            before = self.voltage(waves[0], index, HELD_FROM)
            held_V = before - self.voltage(waves[0], index, PROBE_AT)
            droop_V = held_V / (PROBE_AT - HELD_FROM)
            c_eff_F = self.capacitance(waves[0], index)
            leak = None if c_eff_F is None else c_eff_F * droop_V / self.t_phase_s
            rows.append(
                {
                    "v_mem_V": before,
                    "droop_V": droop_V,
                    "i_leak_A": leak,
                    "leak_per_s": droop_V / self.t_phase_s / before,
                    "c_eff_F": c_eff_F,
                }
            )
        return rows


def tasks(sweep: LeakSweep, setup: Setup) -> list[LeakTask]:
    """Tasks of the sweep: groups of membrane voltages per fan-in."""
    made = []
    for fan_in in setup.fan_ins:
        for targets in chunks(sweep.v_mem.values, TARGETS_PER_TASK):
            column = held_column(setup, fan_in, targets, "membrane leak")
            made.append(
                LeakTask(
                    **vars(column),
                    timeout_s=sweep.timeout,
                    fan_in=fan_in,
                    v_target_V=targets,
                    t_phase_s=setup.timing.t_phase,
                )
            )
    return made
