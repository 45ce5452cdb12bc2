"""sensing_delay: from the membrane passing the static threshold to the spike line, for ramps.

The membrane is driven by an ideal ramp, so that the delay belongs to the sensing inverter and the
output stage alone. The static threshold is measured in the same deck; the line carries the synapses
of a next layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from codesign.bench import Setup, inner_node, voltage
from codesign.bench.decks import NEURON, SPIKE
from codesign.characterize.plan import SensingDelaySweep
from codesign.characterize.sweeps.sensing_threshold import threshold_voltage
from codesign.characterize.sweeps.task import MeasuredTask, Row, Waveforms
from codesign.characterize.sweeps.testbench import membrane_of, static_neuron
from codesign.spice import DCSweep, Transient, crossing_times, pwl, value_at

# Shares of the reset voltage.
_RAMP_FROM, _RAMP_TO, _RAMP_START_S = 0.85 / 1.3, 0.2 / 1.3, 20e-9
_MAX_STEP_S, _MIN_POINTS = 5e-9, 500


@dataclass(frozen=True, kw_only=True)
class SensingDelayTask(MeasuredTask):
    """One slope of the membrane, one load of the spike line."""

    measured: ClassVar[tuple[str, ...]] = ("t_delay_s", "v_threshold_V", "v_fire_V")
    fan_out: int
    slope_V_per_s: float
    supply_V: float
    membrane: str
    sensed: str

    def coordinates(self) -> list[Row]:
        return [{"fan_out": self.fan_out, "slope_V_per_s": self.slope_V_per_s}]

    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        static, ramp = waves
        threshold = threshold_voltage(static["sweep"], static[self.sensed], self.supply_V)
        rises = crossing_times(ramp["time"], ramp[voltage(SPIKE)], self.supply_V / 2, rising=True)
        row: Row = {"t_delay_s": None, "v_threshold_V": threshold, "v_fire_V": None}
        if threshold is not None and len(rises):
            row["v_fire_V"] = value_at(ramp["time"], ramp[self.membrane], float(rises[0]))
            row["t_delay_s"] = (threshold - row["v_fire_V"]) / self.slope_V_per_s
        return [row]


def tasks(sweep: SensingDelaySweep, setup: Setup) -> list[SensingDelayTask]:
    """Tasks of the sweep: one per slope and load; none for a neuron that does not say which node
    senses the membrane."""
    if setup.neuron.sensed is None:
        return []
    return [
        _task(sweep, setup, fan_out, slope)
        for fan_out in setup.fan_outs
        for slope in sweep.slopes
    ]


def _task(
    sweep: SensingDelaySweep, setup: Setup, fan_out: int, slope_V_per_s: float
) -> SensingDelayTask:
    neuron = setup.neuron
    from_V, to_V = _RAMP_FROM * neuron.v0, _RAMP_TO * neuron.v0
    stop_s = _RAMP_START_S + (from_V - to_V) / slope_V_per_s
    ramp = [(0.0, from_V), (_RAMP_START_S, from_V), (stop_s, to_V)]
    title = f"sensing delay at {slope_V_per_s:g} V/s, load of {fan_out}"
    membrane = membrane_of(setup)
    builder = static_neuron(setup, title).cards(f"vmem {membrane} 0 {pwl(ramp)}")
    sensed = voltage(inner_node(str(neuron.sensed), NEURON))
    step_s = min(_MAX_STEP_S, stop_s / _MIN_POINTS)
    return SensingDelayTask(
        deck=builder.line_load(fan_out).deck(),
        analyses=(
            DCSweep("vmem", to_V, from_V, 1e-3, (sensed,)),
            Transient(stop_s, step_s, (voltage(membrane), voltage(SPIKE))),
        ),
        timeout_s=sweep.timeout,
        fan_out=fan_out,
        slope_V_per_s=slope_V_per_s,
        supply_V=setup.supply_V,
        membrane=voltage(membrane),
        sensed=sensed,
    )
