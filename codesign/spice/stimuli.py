"""Source waveforms as netlist text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from codesign.errors import InputError


def dc(value: float) -> str:
    """Constant source value."""
    return f"dc {_number(value)}"


def pwl(points: Sequence[tuple[float, float]]) -> str:
    """Piecewise-linear source through (time in s, value) points; constant before and after.

    Times must rise strictly: ngspice takes other lists and simulates something else.
    """
    if not points:
        raise InputError("a piecewise-linear source needs at least one point")
    times = [t for t, _ in points]
    for before, after in pairwise(times):
        if not after > before:
            raise InputError(
                f"times of a piecewise-linear source must rise: {after:g} after {before:g} s"
            )
    if times[0] < 0:
        raise InputError(f"a piecewise-linear source cannot start at {times[0]:g} s")
    shown = [(_number(t), _number(v)) for t, v in points]
    if any(a[0] == b[0] for a, b in pairwise(shown)):
        raise InputError("points of a piecewise-linear source lie too close in time to be written")
    pairs = [f"{t} {v}" for t, v in shown]
    # Continuation lines keep every line far below ngspice's limits.
    lines = [" ".join(pairs[i : i + 8]) for i in range(0, len(pairs), 8)]
    return "pwl(" + "\n+ ".join(lines) + ")"


def step_points(
    levels: Sequence[tuple[float, float]], initial: float, edge_s: float
) -> list[tuple[float, float]]:
    """Points of a signal that starts at `initial` and, from each (time, level) on, ramps to that
    level within `edge_s`."""
    if not edge_s > 0:
        raise InputError(f"an edge of {edge_s:g} s is not positive")
    points = [(0.0, initial)]
    value = initial
    for time_s, level in levels:
        if time_s > points[-1][0]:
            points.append((time_s, value))
        elif time_s < points[-1][0]:
            raise InputError(f"edge at {time_s:g} s starts before the one before it has ended")
        points.append((time_s + edge_s, level))
        value = level
    return points


def pulse(
    low: float,
    high: float,
    delay_s: float,
    rise_s: float,
    fall_s: float,
    width_s: float,
    period_s: float,
) -> str:
    """Periodic pulse source."""
    if min(rise_s, fall_s, width_s) <= 0 or period_s < rise_s + fall_s + width_s:
        raise InputError("a pulse needs positive rise, fall and width that fit into its period")
    values = (low, high, delay_s, rise_s, fall_s, width_s, period_s)
    return "pulse(" + " ".join(map(_number, values)) + ")"


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise InputError(f"{value!r} cannot be a source value")
    return f"{float(value):.12g}"
