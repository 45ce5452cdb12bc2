"""Waveforms of spike lines and of neighbours, as few points as tell them.

The edges of a line are measured once behind its driver and its load, and moved to where the spikes
are: circuits do not know the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from codesign.bench.setup import Setup

Points = list[tuple[float, float]]
# Around an edge: long enough for the driver's slowest stage.
_BEFORE_S, _AFTER_S = 2e-9, 8e-9
# Time grid and tolerance. Lines fall together, after the membrane is isolated: coarser, so that
# their points fall on one another.
_RISE, _FALL = (1e-12, 150e-3), (20e-12, 150e-3)
_AT_REST_V = 40e-3
# A spike later than this before the phase's end has no room for its edges.
_ROOM_S = 2e-9
# Times of all waveforms are multiples of this: the simulator stops at every point of every source,
# and gives up where two stand closer than it can step.
_GRID_S = 1e-12


@dataclass(frozen=True)
class LineEdges:
    """Edges of a line (`sp`) and of its complement (`spb`): arrays (point, 2) of s after the spike,
    or after the end of the phase, and V."""

    rise: Mapping[str, np.ndarray]
    fall: Mapping[str, np.ndarray]

    def delay_s(self, supply_V: float) -> float:
        """From the spike to where the line passes half the supply."""
        t, v = self.rise["sp"].T
        return float(np.interp(supply_V / 2, v, t))

    def arrays(self) -> dict[str, np.ndarray]:
        """For storing; `of_arrays` is the way back."""
        both = {"rise": self.rise, "fall": self.fall}
        return {f"{edge}_{line}": v for edge, lines in both.items() for line, v in lines.items()}

    @classmethod
    def of_arrays(cls, stored: Mapping[str, np.ndarray]) -> LineEdges | None:
        """Edges out of stored arrays; None where the line never rose."""
        found: dict[str, dict[str, np.ndarray]] = {"rise": {}, "fall": {}}
        for key, value in stored.items():
            edge, _, line = key.partition("_")
            if edge in found:
                found[edge][line] = value
        return cls(found["rise"], found["fall"]) if found["rise"] else None


def measured_edges(
    time_s: np.ndarray,
    waves: Mapping[str, np.ndarray],
    spike_s: float,
    end_s: float,
    supply_V: float,
) -> LineEdges:
    """Edges of the lines in `waves` (sp, spb): one spike at `spike_s`, the phase over at
    `end_s`."""
    resting = {line: 0.0 if line == "sp" else supply_V for line in waves}
    spiking = {line: supply_V - volts for line, volts in resting.items()}
    rise = _edge(time_s, waves, spike_s, resting, spiking, _RISE)
    return LineEdges(rise, _edge(time_s, waves, end_s, spiking, resting, _FALL))


def _edge(
    time_s: np.ndarray,
    waves: Mapping[str, np.ndarray],
    at_s: float,
    before: Mapping[str, float],
    after: Mapping[str, float],
    accuracy: tuple[float, float],
) -> dict[str, np.ndarray]:
    """Points of both lines at common times."""
    step_s, tolerance_V = accuracy
    t = np.arange(-_BEFORE_S, _AFTER_S + step_s / 2, step_s)
    sampled = {line: np.interp(at_s + t, time_s, wave) for line, wave in waves.items()}
    # Without the long tails: every point is a stop for the simulator.
    left = min(int((np.abs(v - before[line]) > _AT_REST_V).argmax()) for line, v in sampled.items())
    arrived = (np.abs(v - after[line])[::-1] > _AT_REST_V for line, v in sampled.items())
    right = len(t) - min(int(away.argmax()) for away in arrived)
    left, right = max(left - 1, 0), min(right, len(t) - 1)
    inside = slice(left, right + 1)
    t, sampled = t[inside], {line: v[inside] for line, v in sampled.items()}
    for line, v in sampled.items():
        v[0], v[-1] = before[line], after[line]
    kept = _simplified(t, np.stack(list(sampled.values())), tolerance_V)
    return {line: np.stack([t[kept], v[kept]], axis=1) for line, v in sampled.items()}


def _simplified(t: np.ndarray, v: np.ndarray, tolerance_V: float) -> np.ndarray:
    """Indices of points between which straight lines stay within the tolerance of all rows."""
    kept = [0, len(t) - 1]
    work = [(0, len(t) - 1)]
    while work:
        a, b = work.pop()
        if b - a < 2:
            continue
        share = (t[a + 1 : b] - t[a]) / (t[b] - t[a])
        line = v[:, a, None] + (v[:, b] - v[:, a])[:, None] * share
        distance = np.abs(v[:, a + 1 : b] - line).max(axis=0)
        worst = int(distance.argmax())
        if distance[worst] > tolerance_V:
            middle = a + 1 + worst
            kept.append(middle)
            work += [(a, middle), (middle, b)]
    return np.array(sorted(kept))


def line_points(
    setup: Setup, line: str, edges: LineEdges | None, spikes_s: Sequence[float],
    frames: Sequence[float],
) -> Points:  # fmt: skip
    """A line (`sp`) or its complement (`spb`) over the frames of the layer it feeds: spikes in s
    after accumulation starts, nan for none; it falls when the phase ends."""
    timing = setup.timing
    points: Points = [(0.0, 0.0 if line == "sp" else setup.supply_V)]
    if edges is None:
        return points
    for spike, frame in zip(spikes_s, frames, strict=True):
        if not spike < timing.t_phase - _ROOM_S:
            continue
        start = frame + timing.t_accumulate
        fall = edges.fall[line] + [start + timing.t_phase, 0.0]
        rise = edges.rise[line] + [start + spike, 0.0]
        _extend(points, rise[rise[:, 0] < fall[0, 0]])
        _extend(points, fall)
    return points


@dataclass(frozen=True)
class NeighbourWave:
    """A neighbour in one frame: its dendrite in V at `t_s`, s after accumulation starts, up to the
    end of accumulation, and when it fires, s into its firing phase (nan: never)."""

    t_s: np.ndarray
    v_V: np.ndarray
    spike_s: float


def neighbour_points(
    setup: Setup, waves: Sequence[NeighbourWave], frames: Sequence[float], membrane: bool
) -> Points:
    """A neighbour's dendrite, or its membrane, over its frames.

    Both follow the synapses during accumulation. Then the membrane falls evenly towards the
    threshold, which it passes when the neuron fires; a dendrite that is isolated from it is held
    at the reset voltage.
    """
    timing, v0 = setup.timing, setup.neuron.v0
    isolated = setup.neuron.accumulation_end(timing) < timing.t_fire
    points: Points = [(0.0, v0)]
    for wave, frame in zip(waves, frames, strict=True):
        reset = frame + timing.t_reset_start
        _extend(points, [(reset, points[-1][1]), (reset + 10 * timing.t_edge, v0)])
        start = frame + timing.t_accumulate
        _extend(points, np.stack([wave.t_s + start, wave.v_V], axis=1))
        end_V = float(wave.v_V[-1])
        fire = frame + timing.t_fire
        if isolated and not membrane:
            clamp = fire + timing.clamp_delay
            _extend(points, [(clamp, end_V), (clamp + timing.t_edge, v0)])
        else:
            # A third of the reset voltage: where the threshold is, nearly.
            falls_s = wave.spike_s if wave.spike_s > 0 else timing.t_phase
            final = end_V + (v0 / 3 - end_V) * timing.t_phase / falls_s
            _extend(points, [(fire, end_V), (fire + falls_s, v0 / 3)])
            _extend(points, [(fire + timing.t_phase, max(final, 0.0))])
    return points


def _extend(points: Points, more: Sequence[tuple[float, float]] | np.ndarray) -> None:
    """Adds points that come after the last one, on the grid of times."""
    for t, v in more:
        on_grid = round(float(t) / _GRID_S) * _GRID_S
        if on_grid > points[-1][0] + _GRID_S / 2:
            points.append((on_grid, float(v)))
