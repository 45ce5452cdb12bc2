"""charge_injection: charge that one spike moves onto the membrane of a zero-weight column.

Measured when the line rises and when it falls, with the transmission gate on; q = C dV with the C
that the same frame measures. Positive charge raises the membrane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from codesign.bench import Setup
from codesign.characterize.plan import ChargeInjectionSweep
from codesign.characterize.sweeps.held_column import (
    TARGETS_PER_TASK,
    HeldColumnTask,
    held_column,
)
from codesign.characterize.sweeps.task import Row, Waveforms
from codesign.characterize.sweeps.testbench import chunks

# In phases into accumulation: the line's edges, and around each: the last moment before it, how
# long the membrane settles after it, and over how long the drift is taken on either side.
_RISES, _FALLS = 0.3, 0.55
_BEFORE, _SETTLES, _DRIFT = 0.01, 0.06, 0.1


@dataclass(frozen=True, kw_only=True)
class ChargeInjectionTask(HeldColumnTask):
    """Some membrane voltages of one fan-in: both edges of one spike line."""

    measured: ClassVar[tuple[str, ...]] = (
        "v_mem_V",
        "dv_arriving_V",
        "dv_falling_V",
        "q_arriving_C",
        "q_falling_C",
        "c_eff_F",
    )

    def coordinates(self) -> list[Row]:
        return [{"fan_in": self.fan_in, "v_target_V": target} for target in self.v_target_V]

    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        rows: list[Row] = []
        for index in range(len(self.v_target_V)):
            c_eff_F = self.capacitance(waves[0], index)
            row: Row = {
                "v_mem_V": self.voltage(waves[0], index, _RISES - _BEFORE),
                "dv_arriving_V": self._step(waves[0], index, _RISES),
                "dv_falling_V": self._step(waves[0], index, _FALLS),
                "c_eff_F": c_eff_F,
            }
            for event in ("arriving", "falling"):
                charge = None if c_eff_F is None else c_eff_F * row[f"dv_{event}_V"]
                row[f"q_{event}_C"] = charge
            rows.append(row)
        return rows

    def _step(self, waves: Waveforms, index: int, edge: float) -> float:
        """Step of the membrane at an edge, V, less the drift that it would have had anyway."""
        before, after = edge - _BEFORE, edge + _SETTLES
        drifts = [
            self.voltage(waves, index, end) - self.voltage(waves, index, end - _DRIFT)
            for end in (before, after + _DRIFT)
        ]
        step = self.voltage(waves, index, after) - self.voltage(waves, index, before)
        return step - sum(drifts) / 2 * (after - before) / _DRIFT


def tasks(sweep: ChargeInjectionSweep, setup: Setup) -> list[ChargeInjectionTask]:
    """Tasks of the sweep: groups of membrane voltages per fan-in."""
    made = []
    for fan_in in setup.fan_ins:
        for targets in chunks(sweep.v_mem.values, TARGETS_PER_TASK):
            column = held_column(setup, fan_in, targets, "charge injection", (_RISES, _FALLS))
            made.append(
                ChargeInjectionTask(
                    **vars(column),
                    timeout_s=sweep.timeout,
                    fan_in=fan_in,
                    v_target_V=targets,
                    t_phase_s=setup.timing.t_phase,
                )
            )
    return made
