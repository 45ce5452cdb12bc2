"""Measurements on sampled waveforms, all by linear interpolation between the simulator's points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from codesign.errors import InputError


def crossing_times(time_s: ArrayLike, value: ArrayLike, level: float, rising: bool) -> np.ndarray:
    """Times at which `value` passes `level` upwards (or downwards), in order.

    A sample exactly on the level belongs to the segment that leaves the level's other side: a
    rising crossing is from below to at or above, so touching and going on counts once.
    """
    t, v = _pair(time_s, value)
    d = (v - level) if rising else (level - v)
    i = np.flatnonzero((d[:-1] < 0) & (d[1:] >= 0))
    return np.asarray(t[i] + (t[i + 1] - t[i]) * d[i] / (d[i] - d[i + 1]))


def value_at(time_s: ArrayLike, value: ArrayLike, when_s: float) -> float:
    """Value at a time within the waveform. Raises InputError outside it."""
    t, v = _pair(time_s, value)
    if not t[0] <= when_s <= t[-1]:
        raise InputError(f"{when_s:g} s is outside the waveform ({t[0]:g} to {t[-1]:g} s)")
    return float(np.interp(when_s, t, v))


def integral(
    time_s: ArrayLike, value: ArrayLike, start_s: float | None = None, stop_s: float | None = None
) -> float:
    """Integral over time, between two times within the waveform; of a current: charge in C."""
    t, v = _pair(time_s, value)
    start = t[0] if start_s is None else start_s
    stop = t[-1] if stop_s is None else stop_s
    ends = [value_at(t, v, float(start)), value_at(t, v, float(stop))]
    inside = (t > start) & (t < stop)
    ts = np.concatenate([[start], t[inside], [stop]])
    vs = np.concatenate([[ends[0]], v[inside], [ends[1]]])
    return float(np.sum(np.diff(ts) * (vs[1:] + vs[:-1]) / 2))


def _pair(time_s: ArrayLike, value: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    t, v = np.asarray(time_s, dtype=float), np.asarray(value, dtype=float)
    if t.ndim != 1 or t.shape != v.shape or t.size == 0:
        raise InputError(
            f"time and value have shapes {t.shape} and {v.shape}: need equal, one axis"
        )
    return t, v
