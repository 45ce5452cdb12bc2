"""The few global settings that a tester has, tuned until a circuit spikes as it was meant to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# Spike times of every layer (sample, neuron) in phases, nan for none, or None where the circuit
# does not run with these settings.
Times = Sequence[np.ndarray]
Measure = Callable[[Mapping[str, float]], Times | None]
_ROUNDS, _DAMPINGS = 3, (1e-3, 1e-1, 10.0)
# A spike that one side misses, in phases.
_MISSED = 1.0
# Of the cost: a round that saves less is the last.
_DONE = 0.02


@dataclass(frozen=True)
class Knob:
    """A setting: how far it is moved to see what it does, and how far it may go from its start."""

    name: str
    step: float
    reach: float


@dataclass(frozen=True)
class Tuned:
    """Settings found; rms over all spikes in phases before and after, missed ones included."""

    values: dict[str, float]
    rms_before: float
    rms_after: float
    runs: int


def tune(
    knobs: Sequence[Knob], start: Mapping[str, float], measure: Measure, meant: Times
) -> Tuned | None:
    """Levenberg-Marquardt over a handful of settings, derivatives by differences; None where the
    circuit does not run at the start. `meant`: what the spikes should be, as `measure` gives them.
    """
    runs = 0

    def error(values: Mapping[str, float]) -> np.ndarray | None:
        nonlocal runs
        runs += 1
        found = measure(values)
        if found is None:
            return None
        pairs = zip(found, meant, strict=True)
        return np.concatenate([_errors(there, wanted).ravel() for there, wanted in pairs])

    values = dict(start)
    now = error(values)
    if now is None:
        return None
    before = now
    for _ in range(_ROUNDS):
        slopes = [_slope(error, values, knob, now) for knob in knobs]
        better = _better(error, knobs, start, values, now, np.stack(slopes, axis=1))
        if better is None:
            break
        saved = 1.0 - _rms(better[1]) / _rms(now)
        values, now = better
        if saved < _DONE:
            break
    return Tuned(values, _rms(before), _rms(now), runs)


def _errors(found: np.ndarray, meant: np.ndarray) -> np.ndarray:
    both = np.isfinite(found) & np.isfinite(meant)
    one = np.isfinite(found) ^ np.isfinite(meant)
    return np.where(both, found - meant, np.where(one, _MISSED, 0.0))


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def _slope(
    error: Callable[[Mapping[str, float]], np.ndarray | None],
    values: Mapping[str, float],
    knob: Knob,
    now: np.ndarray,
) -> np.ndarray:
    """What a knob's move does to spikes that are there on both sides of it."""
    moved = error({**values, knob.name: values[knob.name] + knob.step})
    if moved is None:
        return np.zeros_like(now)
    whole = (np.abs(now) == _MISSED) | (np.abs(moved) == _MISSED)
    return np.where(whole, 0.0, (moved - now) / knob.step)


def _better(
    error: Callable[[Mapping[str, float]], np.ndarray | None],
    knobs: Sequence[Knob],
    start: Mapping[str, float],
    values: Mapping[str, float],
    now: np.ndarray,
    slopes: np.ndarray,
) -> tuple[dict[str, float], np.ndarray] | None:
    """The first step, of ever shorter ones, that has a smaller error."""
    units = np.array([knob.step for knob in knobs])
    scaled = slopes * units
    normal = scaled.T @ scaled
    size = max(float(np.trace(normal)), 1e-30)
    for damping in _DAMPINGS:
        move = np.linalg.solve(normal + damping * size * np.eye(len(knobs)), -scaled.T @ now)
        tried = dict(values)
        for knob, steps in zip(knobs, move, strict=True):
            middle = start[knob.name]
            wanted = values[knob.name] + float(steps) * knob.step
            tried[knob.name] = min(max(wanted, middle - knob.reach), middle + knob.reach)
        found = error(tried)
        if found is not None and _rms(found) < _rms(now):
            return tried, found
    return None
