"""capacitance: effective capacitance of membrane and dendrite, all synapses at zero weight.

After reset a known current moves the membrane down, up over the whole range and back. At each
voltage C = 2 I / (|dV/dt| falling + |dV/dt| rising), where leakage cancels. Measured with the spike
lines low and high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from codesign.bench import Setup, voltage
from codesign.cells import PhaseTiming, edge_points
from codesign.characterize.plan import CapacitanceSweep
from codesign.characterize.sweeps.task import MeasuredTask, Row, Waveforms
from codesign.characterize.sweeps.testbench import membrane_of, zero_weight_column
from codesign.spice import Transient, crossing_times

# Half of the voltage over which a slope is taken, and how far beyond the range the membrane goes.
_WINDOW_V, _MARGIN_V = 0.025, 0.06
_SETTLE_S, _POINTS = 50e-9, 1000


@dataclass(frozen=True, kw_only=True)
class CapacitanceTask(MeasuredTask):
    """One fan-in, all membrane voltages; `turns_s` are the times at which the current reverses."""

    measured: ClassVar[tuple[str, ...]] = ("c_eff_F",)
    fan_in: int
    lines: str
    v_mem_V: tuple[float, ...]
    i_inject_A: float
    turns_s: tuple[float, ...]
    membrane: str

    def coordinates(self) -> list[Row]:
        return [{"fan_in": self.fan_in, "lines": self.lines, "v_mem_V": v} for v in self.v_mem_V]

    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        time, v_mem = waves[0]["time"], waves[0][self.membrane]
        start, low, high, end = self.turns_s
        legs = [(time >= a) & (time <= b) for a, b in ((start, low), (low, high), (high, end))]
        rows: list[Row] = []
        for v in self.v_mem_V:
            down = [_slope(time[leg], v_mem[leg], v, rising=False) for leg in (legs[0], legs[2])]
            falls = next((slope for slope in down if slope is not None), None)
            rises = _slope(time[legs[1]], v_mem[legs[1]], v, rising=True)
            if falls is None or rises is None:
                rows.append({"c_eff_F": None})
            else:
                rows.append({"c_eff_F": 2 * self.i_inject_A / (rises + falls)})
        return rows


def _slope(time_s: np.ndarray, v: np.ndarray, at_V: float, *, rising: bool) -> float | None:
    """|dV/dt| around a voltage on one leg, or None when the leg does not cover it."""
    times = [crossing_times(time_s, v, at_V + side, rising) for side in (-_WINDOW_V, _WINDOW_V)]
    if not all(map(len, times)):
        return None
    return 2 * _WINDOW_V / abs(float(times[1][0] - times[0][0]))


def tasks(sweep: CapacitanceSweep, setup: Setup) -> list[CapacitanceTask]:
    """Tasks of the sweep: one per fan-in and level of the spike lines."""
    return [
        _task(sweep, setup, fan_in, lines)
        for fan_in in setup.fan_ins
        for lines in ("low", "high")
    ]


def _task(sweep: CapacitanceSweep, setup: Setup, fan_in: int, lines: str) -> CapacitanceTask:
    neuron = setup.neuron
    current, v0 = sweep.i_inject, neuron.v0
    seconds_per_volt = 1.1 * neuron.capacitance_estimate_F / current
    v_low = max(sweep.v_mem.start - _MARGIN_V, 0.0)
    v_high = sweep.v_mem.stop + _MARGIN_V
    start = setup.timing.t_accumulate + _SETTLE_S
    low = start + max(v0 - v_low, 0.0) * seconds_per_volt
    high = low + (v_high - v_low) * seconds_per_volt
    end = high + max(v_high - v0 + _MARGIN_V, 0.0) * seconds_per_volt
    # One phase, as long as the current takes; everything else as in the network.
    timing = _stretched(setup.timing, end + _SETTLE_S)
    edge = timing.t_edge
    injected, level = [(0.0, 0.0)], 0.0
    turns = ((start, -current), (low, current), (high, -current), (end, 0.0))
    for (time, current_A), after in zip(turns, (low, high, end, None), strict=True):
        if time != after:  # a leg of no length, where the range starts or ends at v0
            injected += [(time - edge / 2, level), (time + edge / 2, current_A)]
            level = current_A
    rise = timing.t_accumulate + 2 * edge
    moved = edge_points(False, [(rise, lines == "high")], setup.supply_V, edge)
    moving = dict.fromkeys(range(1, fan_in + 1), moved)
    title = f"membrane capacitance, fan-in {fan_in}, lines {lines}"
    builder = zero_weight_column(setup, title, fan_in, timing, (0.0,), moving, injected)
    membrane = voltage(membrane_of(setup))
    return CapacitanceTask(
        deck=builder.deck(),
        analyses=(Transient(end, end / _POINTS, (membrane,)),),
        timeout_s=sweep.timeout,
        fan_in=fan_in,
        lines=lines,
        v_mem_V=sweep.v_mem.values,
        i_inject_A=current,
        turns_s=(start, low, high, end),
        membrane=membrane,
    )


def _stretched(timing: PhaseTiming, t_phase_s: float) -> PhaseTiming:
    longer = timing.t_period + 2 * t_phase_s
    return timing.model_copy(update={"t_phase": t_phase_s, "t_period": longer})
