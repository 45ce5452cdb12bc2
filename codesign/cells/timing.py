"""The phases of a layer and the control signals that make them.

Times in a layer's own frame, seconds after its start; layer l+1 runs one phase later, so that it
accumulates while layer l fires. With the defaults, in ns:
reset 2-95, gate between dendrite and membrane on 4-1095, accumulation 100-1095, inputs fall at
1100, firing 1100-2100, clamp on the isolated dendrite 1120-2190, next frame at 2200.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from codesign.levels import Level, volts
from codesign.records import Record
from codesign.units import Seconds


class PhaseTiming(Record):
    """Durations in seconds. `t_phase` is the published T = 1 us."""

    t_phase: Seconds = Field(1e-6, description="one phase: accumulation, then firing")
    t_reset_start: Seconds = Field(2e-9, description="reset of the membrane begins")
    t_reset_end: Seconds = Field(95e-9, description="reset of the membrane ends")
    t_gate_on: Seconds = Field(4e-9, description="dendrite and membrane are connected")
    t_accumulate: Seconds = Field(100e-9, description="accumulation begins: spikes count from here")
    gate_lead: Seconds = Field(5e-9, description="how long before firing the membrane is isolated")
    clamp_delay: Seconds = Field(
        20e-9, description="from the start of firing until the isolated dendrite is held"
    )
    guard: Seconds = Field(10e-9, description="from the end of the clamp to the next frame")
    t_period: Seconds = Field(2.2e-6, description="one sample to the next")
    t_edge: Seconds = Field(1e-9, description="rise and fall time of control signals and pulses")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        edge = self.t_edge
        order = [
            ("t_edge", 1e-12),
            ("t_reset_start", edge),
            ("t_gate_on", self.t_reset_start + edge),
            ("t_reset_end", self.t_gate_on + edge),
            ("t_accumulate", self.t_reset_end + edge),
            ("t_phase", 10 * edge),
            ("gate_lead", edge),
            ("clamp_delay", edge),
            ("guard", edge),
            ("t_period", self.t_accumulate + 2 * self.t_phase + self.guard),
        ]
        for key, least in order:
            if getattr(self, key) < least * (1 - 1e-9):
                raise ValueError(f"{key} = {getattr(self, key):g} s must be at least {least:g} s")
        return self

    @property
    def t_fire(self) -> float:
        """Start of the firing phase in the layer's frame."""
        return self.t_accumulate + self.t_phase

    @property
    def t_end(self) -> float:
        """End of firing in the layer's frame."""
        return self.t_fire + self.t_phase

    def frame(self, layer: int, sample: int) -> float:
        """Start of a layer's frame (layer counted from 0) for a sample of a run, in seconds."""
        return sample * self.t_period + layer * self.t_phase

    def run_length(self, layers: int, samples: int) -> float:
        """Time that `samples` samples take: the last layer has fired, the last period is over."""
        fired = self.frame(layers - 1, samples - 1) + self.t_end
        return max(fired, self.frame(0, samples)) + self.guard


@dataclass(frozen=True)
class Control:
    """A control signal of a layer: level at rest, and the changes in one frame as (time, level).

    Levels are in V or "supply", times in s in the layer's frame.
    """

    port: str
    rest: Level
    toggles: tuple[tuple[float, Level], ...]

    @classmethod
    def logic(cls, port: str, rest_high: bool, *toggles: tuple[float, bool]) -> Control:
        """A signal between ground and supply."""
        high: dict[bool, Level] = {True: "supply", False: 0.0}
        return cls(port, high[rest_high], tuple((time, high[level]) for time, level in toggles))

    def level_at(self, time: float, supply_V: float) -> float:
        """Voltage at a time of the frame."""
        level = self.rest
        for when, then in self.toggles:
            level = then if when <= time else level
        return volts(level, supply_V)


def layer_controls(timing: PhaseTiming, *, gate: bool, clamp: bool) -> tuple[Control, ...]:
    """The control signals a layer of neurons needs, by neuron port."""
    t = timing
    gate_off = t.t_fire - t.gate_lead
    controls = [
        Control.logic("rstb", True, (t.t_reset_start, False), (t.t_reset_end, True)),
        Control.logic("ph", False, (t.t_fire, True), (t.t_end, False)),
        Control.logic("phb", True, (t.t_fire, False), (t.t_end, True)),
    ]
    if gate:
        controls += [
            Control.logic("gate", False, (t.t_gate_on, True), (gate_off, False)),
            Control.logic("gateb", True, (t.t_gate_on, False), (gate_off, True)),
        ]
    if clamp:
        clamp_on, clamp_off = t.t_fire + t.clamp_delay, t.t_period - t.guard
        controls.append(Control.logic("clampb", True, (clamp_on, False), (clamp_off, True)))
    return tuple(controls)


def toggle_points(
    control: Control, frames: Sequence[float], supply_V: float, t_edge: float
) -> list[tuple[float, float]]:
    """Corner points (s, V) of a control over several frames; edges centred on the toggle times."""
    changes = [
        (frame + time, volts(level, supply_V))
        for frame in frames
        for time, level in control.toggles
    ]
    return level_points(volts(control.rest, supply_V), changes, t_edge)


def edge_points(
    start_high: bool, toggles: Sequence[tuple[float, bool]], supply_V: float, t_edge: float
) -> list[tuple[float, float]]:
    """Corner points (s, V) of a logic waveform; `toggles` in order, edges centred on their
    times."""
    changes = [(time, supply_V if high else 0.0) for time, high in toggles]
    return level_points(supply_V if start_high else 0.0, changes, t_edge)


def level_points(
    start_V: float, changes: Sequence[tuple[float, float]], t_edge: float
) -> list[tuple[float, float]]:
    """Corner points (s, V) of a waveform of levels; `changes` (s, V) in order, edges centred on
    their times."""
    level = start_V
    points = [(0.0, level)]
    for time, target in changes:
        if target != level:
            points += [(time - t_edge / 2, level), (time + t_edge / 2, target)]
        level = target
    return points
