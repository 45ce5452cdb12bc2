"""The honest baseline: current scales of a conventionally mapped network, fitted to SPICE.

The network is trained with |E| = 100, that is, on ideal weighted sums. Its positive and negative
currents get one factor each, chosen to minimise the spike-time error against SPICE on calibration
samples [arXiv:2412.09010]. The fitted circuit model gives the starting point; then Gauss-Newton
steps on the simulated spike times of all layers themselves, until they no longer help.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from codesign.characterize.model import FittedModel
from codesign.verify.prediction import model_spikes

_PROBE = 0.02
_STEPS = 3

Simulate = Callable[[tuple[float, float]], Sequence[np.ndarray]]


@dataclass(frozen=True)
class ScaleSearch:
    """The scales found, their simulated error, and every simulated point (s+, s-, rms in ns)."""

    scale: tuple[float, float]
    rmse_ns: float
    history: tuple[tuple[float, float, float], ...]


def fit_ann_scale(
    target_s: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    model: FittedModel,
    spikes_s: np.ndarray,
    simulate: Simulate,
) -> ScaleSearch:
    """Scales (positive, negative) that bring the simulated spike times closest to `target_s`.

    `target_s`: what the ideal model gives for the calibration samples `spikes_s`, per layer
    (sample, neuron) in s; `simulate(scale)` gives the circuit's. Error over all layers; a spike
    missing on one side counts one phase.
    """
    phase = model.t_phase_s

    def residual(times: Sequence[np.ndarray]) -> np.ndarray:
        parts = []
        for found, wanted in zip(times, target_s, strict=True):
            one = np.isfinite(found) ^ np.isfinite(wanted)
            error = np.where(one, phase, np.nan_to_num(found - wanted))
            parts.append(error[np.isfinite(found) | np.isfinite(wanted)])
        return np.concatenate(parts)

    def surrogate(scale: np.ndarray) -> float:
        scaled = [w * np.where(w >= 0, *scale) for w in weights]
        times = model_spikes(scaled, model.parameters(), spikes_s, phase)
        return float(np.sqrt(np.mean(residual(times) ** 2)) * 1e9)

    start = minimize(surrogate, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-4}).x
    best = np.array(start)
    history = []

    def measured(scale: np.ndarray) -> tuple[Sequence[np.ndarray], float]:
        times = simulate((float(scale[0]), float(scale[1])))
        error = float(np.sqrt(np.mean(residual(times) ** 2)) * 1e9)
        history.append((float(scale[0]), float(scale[1]), error))
        return times, error

    times, error = measured(best)
    for _ in range(_STEPS):
        probes = [measured(best * (1 + _PROBE * direction))[0] for direction in np.eye(2)]
        step = _gauss_newton(times, probes, target_s, best * _PROBE)
        tried = best + np.clip(step, -0.1, 0.1)
        new_times, new_error = measured(tried)
        if not new_error < error:
            break
        gain = 1 - new_error / error
        best, times, error = tried, new_times, new_error
        if gain < 0.01:
            break
    # A probe may have been the best point seen.
    s_plus, s_minus, least = min(history, key=lambda point: point[2])
    return ScaleSearch((s_plus, s_minus), least, tuple(history))


def _gauss_newton(
    times: Sequence[np.ndarray],
    probes: Sequence[Sequence[np.ndarray]],
    target_s: Sequence[np.ndarray],
    delta: np.ndarray,
) -> np.ndarray:
    """Step of the scales over the spikes that are there at every point."""
    now = np.concatenate([layer.ravel() for layer in times])
    wanted = np.concatenate([layer.ravel() for layer in target_s])
    moved = [np.concatenate([layer.ravel() for layer in probe]) for probe in probes]
    usable = np.isfinite(now) & np.isfinite(wanted) & np.isfinite(moved).all(axis=0)
    slope = np.stack([(m - now)[usable] / d for m, d in zip(moved, delta, strict=True)], axis=1)
    step, *_ = np.linalg.lstsq(slope, (wanted - now)[usable], rcond=None)
    return np.asarray(step)
