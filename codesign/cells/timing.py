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

from pydantic import model_validator

from codesign.records import Record
from codesign.units import Seconds


class PhaseTiming(Record):
    """Durations in seconds. `t_phase` is the published T = 1 us."""

    t_phase: Seconds = 1e-6
    t_reset_start: Seconds = 2e-9
    t_reset_end: Seconds = 95e-9
    t_gate_on: Seconds = 4e-9
    t_accumulate: Seconds = 100e-9
    gate_lead: Seconds = 5e-9
    clamp_delay: Seconds = 20e-9
    guard: Seconds = 10e-9
    t_period: Seconds = 2.2e-6
    t_edge: Seconds = 1e-9

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
    """A control signal of a layer: level at rest, and the toggles in one frame as (time, high)."""

    port: str
    rest_high: bool
    toggles: tuple[tuple[float, bool], ...]


def layer_controls(timing: PhaseTiming, *, gate: bool, clamp: bool) -> tuple[Control, ...]:
    """The control signals a layer of neurons needs, by neuron port."""
    t = timing
    gate_off = t.t_fire - t.gate_lead
    controls = [
        Control("rstb", True, ((t.t_reset_start, False), (t.t_reset_end, True))),
        Control("ph", False, ((t.t_fire, True), (t.t_end, False))),
        Control("phb", True, ((t.t_fire, False), (t.t_end, True))),
    ]
    if gate:
        controls += [
            Control("gate", False, ((t.t_gate_on, True), (gate_off, False))),
            Control("gateb", True, ((t.t_gate_on, False), (gate_off, True))),
        ]
    if clamp:
        clamp_on, clamp_off = t.t_fire + t.clamp_delay, t.t_period - t.guard
        controls.append(Control("clampb", True, ((clamp_on, False), (clamp_off, True))))
    return tuple(controls)


def toggle_points(
    control: Control, frames: Sequence[float], supply_V: float, t_edge: float
) -> list[tuple[float, float]]:
    """Corner points (s, V) of a control over several frames; edges centred on the toggle times."""
    toggles = [(frame + time, high) for frame in frames for time, high in control.toggles]
    return edge_points(control.rest_high, toggles, supply_V, t_edge)


def edge_points(
    start_high: bool, toggles: Sequence[tuple[float, bool]], supply_V: float, t_edge: float
) -> list[tuple[float, float]]:
    """Corner points (s, V) of a logic waveform; `toggles` in order, edges centred on their
    times."""
    level = supply_V if start_high else 0.0
    points = [(0.0, level)]
    for time, high in toggles:
        target = supply_V if high else 0.0
        if target != level:
            points += [(time - t_edge / 2, level), (time + t_edge / 2, target)]
        level = target
    return points
