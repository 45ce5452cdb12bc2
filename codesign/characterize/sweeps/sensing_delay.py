"""sensing_delay: from the membrane passing the static threshold to the spike line, for ramps.

The membrane is driven by an ideal ramp, so that the delay belongs to the sensing inverter and the
output stage alone. The static threshold is measured in the same deck; the line carries the synapses
of a next layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from codesign.cells import Cell, Crossbar, CrossbarParameters
from codesign.characterize.plan import SensingDelaySweep
from codesign.characterize.sweeps.sensing_threshold import threshold_voltage
from codesign.characterize.sweeps.task import Circuit, MeasuredTask, Row, Waveforms
from codesign.characterize.sweeps.testbench import (
    instance,
    membrane_node,
    static_neuron,
)
from codesign.spice import DCSweep, Deck, Transient, crossing_times, pwl, value_at

_RAMP_FROM_V, _RAMP_TO_V, _RAMP_START_S = 0.85, 0.2, 20e-9
_MAX_STEP_S, _MIN_POINTS = 5e-9, 500


@dataclass(frozen=True, kw_only=True)
class SensingDelayTask(MeasuredTask):
    """One slope of the membrane, one load of the spike line."""

    measured: ClassVar[tuple[str, ...]] = ("t_delay_s", "v_threshold_V", "v_fire_V")
    fan_out: int
    slope_V_per_s: float
    supply_V: float
    membrane: str

    def coordinates(self) -> list[Row]:
        return [{"fan_out": self.fan_out, "slope_V_per_s": self.slope_V_per_s}]

    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        static, ramp = waves
        threshold = threshold_voltage(static["sweep"], static["v(xn.sensed)"], self.supply_V)
        rises = crossing_times(ramp["time"], ramp["v(out)"], self.supply_V / 2, rising=True)
        row: Row = {"t_delay_s": None, "v_threshold_V": threshold, "v_fire_V": None}
        if threshold is not None and len(rises):
            row["v_fire_V"] = value_at(ramp["time"], ramp[self.membrane], float(rises[0]))
            row["t_delay_s"] = (threshold - row["v_fire_V"]) / self.slope_V_per_s
        return [row]


def tasks(sweep: SensingDelaySweep, circuit: Circuit) -> list[SensingDelayTask]:
    """Tasks of the sweep: one per slope and load."""
    return [
        _task(sweep, circuit, fan_out, slope)
        for fan_out in circuit.fan_outs
        for slope in sweep.slopes
    ]


def _task(
    sweep: SensingDelaySweep, circuit: Circuit, fan_out: int, slope_V_per_s: float
) -> SensingDelayTask:
    neuron, lines = static_neuron(circuit, {})
    cells: list[Cell] = [neuron]
    stop_s = _RAMP_START_S + (_RAMP_FROM_V - _RAMP_TO_V) / slope_V_per_s
    ramp = [(0.0, _RAMP_FROM_V), (_RAMP_START_S, _RAMP_FROM_V), (stop_s, _RAMP_TO_V)]
    lines.append(f"vmem {membrane_node(neuron)} 0 {pwl(ramp)}")
    if fan_out:
        load = Crossbar(
            CrossbarParameters(rows=1, columns=fan_out, synapse=circuit.network.synapse), "load"
        )
        tied = {"sp_1": "out", "spb_1": "outb"}
        tied |= {f"dend_{column}": "v0" for column in range(1, fan_out + 1)}
        for *_, port_n, port_p in load.bias_ports():
            tied |= {port_n: "vss", port_p: "vdd"}
        cells.append(load)
        lines.append(instance("load", load, tied))
    membrane = f"v({membrane_node(neuron)})"
    return SensingDelayTask(
        deck=Deck(
            f"sensing delay at {slope_V_per_s:g} V/s, load of {fan_out}",
            "\n".join([*circuit.views.definitions(cells), *lines]),
            circuit.views.devices(cells),
            circuit.conditions,
        ),
        analyses=(
            DCSweep("vmem", _RAMP_TO_V, _RAMP_FROM_V, 1e-3, ("v(xn.sensed)",)),
            Transient(stop_s, min(_MAX_STEP_S, stop_s / _MIN_POINTS), (membrane, "v(out)")),
        ),
        timeout_s=sweep.timeout,
        fan_out=fan_out,
        slope_V_per_s=slope_V_per_s,
        supply_V=circuit.supply_V,
        membrane=membrane,
    )
