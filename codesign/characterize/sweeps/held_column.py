"""A zero-weight column whose membrane is set to a voltage and then left alone, frame after frame.

In each frame the membrane is reset, a packet of charge takes it to a target voltage, something may
happen, and a second, known packet measures the capacitance. Each target gets two equal frames and
the second is measured: with the selector on the dendrite a synapse remembers the frame before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codesign.bench import Setup, voltage
from codesign.cells import edge_points
from codesign.characterize.sweeps.task import MeasuredTask, Waveforms
from codesign.characterize.sweeps.testbench import membrane_of, zero_weight_column
from codesign.spice import Analysis, Deck, Transient, value_at

TARGETS_PER_TASK = 5
# In units of the phase, from the start of accumulation: packets and the time they settle.
_SET_AT, _SET_LASTS, _SETTLES = 0.01, 0.06, 0.05
PROBE_AT, _PROBE_LASTS = 0.82, 0.05
HELD_FROM = _SET_AT + _SET_LASTS + _SETTLES
_PROBE_V = 0.02
_MAX_STEP_S = 10e-9


@dataclass(frozen=True, kw_only=True)
class HeldColumnTask(MeasuredTask):
    """Some target voltages of one fan-in; accumulation of their measured frames at `starts_s`."""

    fan_in: int
    v_target_V: tuple[float, ...]
    t_phase_s: float
    starts_s: tuple[float, ...]
    probe_charge_C: float
    membrane: str

    def voltage(self, waves: Waveforms, index: int, phases: float) -> float:
        """Membrane voltage of a target's frame, `phases` phases into accumulation."""
        when_s = self.starts_s[index] + phases * self.t_phase_s
        return value_at(waves["time"], waves[self.membrane], when_s)

    def capacitance(self, waves: Waveforms, index: int) -> float | None:
        """Membrane capacitance in F at a target: the known packet over the step it makes."""
        after = PROBE_AT + _PROBE_LASTS + _SETTLES
        step = self.voltage(waves, index, after) - self.voltage(waves, index, PROBE_AT)
        return self.probe_charge_C / step if step > 0 else None


@dataclass(frozen=True)
class HeldColumn:
    """The deck of some target voltages, and the fields that its task needs."""

    deck: Deck
    analyses: tuple[Analysis, ...]
    starts_s: tuple[float, ...]
    probe_charge_C: float
    membrane: str


def held_column(
    setup: Setup,
    fan_in: int,
    targets_V: Sequence[float],
    what: str,
    pulse: tuple[float, float] | None = None,
) -> HeldColumn:
    """The deck; `pulse` raises and lowers the first spike line, in phases into accumulation."""
    timing = setup.timing
    phase, edge = timing.t_phase, timing.t_edge
    visited = [target for target in targets_V for _ in range(2)]
    frames = [timing.frame(0, k) for k in range(len(visited))]
    starts = [frame + timing.t_accumulate for frame in frames]
    neuron = setup.neuron
    c_estimate = neuron.capacitance_estimate_F
    probe_C = c_estimate * _PROBE_V
    injected = [(0.0, 0.0)]
    toggles: list[tuple[float, bool]] = []
    for start, target in zip(starts, visited, strict=True):
        set_C = c_estimate * (target - neuron.v0)
        injected += _packet(start + _SET_AT * phase, _SET_LASTS * phase, set_C, edge)
        injected += _packet(start + PROBE_AT * phase + edge, _PROBE_LASTS * phase, probe_C, edge)
        if pulse is not None:
            toggles += [(start + pulse[0] * phase, True), (start + pulse[1] * phase, False)]
    moved = {1: edge_points(False, toggles, setup.supply_V, edge)} if toggles else {}
    title = f"{what}, fan-in {fan_in}, membrane at {targets_V[0]:g} to {targets_V[-1]:g} V"
    deck = zero_weight_column(setup, title, fan_in, timing, frames, moved, injected).deck()
    membrane = voltage(membrane_of(setup))
    stop_s = starts[-1] + phase
    analysis = Transient(stop_s, min(_MAX_STEP_S, phase / 100), (membrane,))
    return HeldColumn(deck, (analysis,), tuple(starts[1::2]), probe_C, membrane)


def _packet(
    start_s: float, width_s: float, charge_C: float, edge_s: float
) -> list[tuple[float, float]]:
    """Corner points (s, A) of a trapezoid of current that carries a charge."""
    current = charge_C / width_s
    corners = (start_s, start_s + edge_s, start_s + width_s, start_s + width_s + edge_s)
    return list(zip(corners, (0.0, current, current, 0.0), strict=True))
