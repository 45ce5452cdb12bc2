"""What a verification by columns knows of itself: the cost of the cut, and errors of a sample of
neurons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from codesign.verify.circuit import CircuitResult
from codesign.verify.metrics import LayerErrors

_RESAMPLED, _SEED = 2000, 1
_LEVEL = 0.95


def cut_metrics(columns: CircuitResult, whole: CircuitResult) -> dict[str, Any]:
    """Spike times by columns against those of the whole network, on the samples that both have.

    A neuron that fires in only one of them counts in `spikes_missed`.
    """
    count = len(whole.status)
    differences, missed = [], 0
    for layer, times in enumerate(whole.t_spike_s):
        ok = columns.compared(layer)[:count] & (whole.status == "ok")[:, None]
        found = columns.t_spike_s[layer][:count]
        missed += int((np.isfinite(found) ^ np.isfinite(times))[ok].sum())
        both = ok & np.isfinite(found) & np.isfinite(times)
        differences.append((found - times)[both])
    joined = np.concatenate(differences) * 1e9
    samples = len(columns.status)
    return {
        "samples": count,
        "rms_ns": float(np.sqrt(np.mean(joined**2))) if len(joined) else None,
        "max_ns": float(np.abs(joined).max()) if len(joined) else None,
        "spikes_missed": missed,
        "failed_simulations": whole.failed,
        "cpu_s_per_sample_columns": _number(columns.cpu_s / samples),
        "cpu_s_per_sample_whole": _number(whole.cpu_s / count),
    }


def sample_metrics(
    errors: Sequence[LayerErrors], simulated: Sequence[np.ndarray]
) -> dict[str, Any]:
    """Which part was simulated, and intervals of the rms errors that it was drawn from; replaces
    what a part cannot tell.

    Percentile bootstrap over neurons and samples at once.
    """
    found: dict[str, Any] = {"neurons_simulated": [int(mask.sum()) for mask in simulated]}
    for key, layers in (("", [-1]), ("hidden_", range(len(errors) - 1))):
        parts = [errors[layer].error_s[:, simulated[layer]] for layer in layers]
        found[f"rmse_{key}spike_time_interval_ns"] = _interval(parts)
    if not simulated[-1].all():
        found |= {"accuracy_spice": None, "prediction_agreement": None}
    return found


def _interval(parts: Sequence[np.ndarray]) -> list[float] | None:
    parts = [part for part in parts if np.isfinite(part).any()]
    if not parts:
        return None
    rng = np.random.default_rng(_SEED)
    means = []
    for _ in range(_RESAMPLED):
        squares = []
        for part in parts:
            rows, columns = (rng.integers(n, size=n) for n in part.shape)
            squares.append((part[rows][:, columns] ** 2).ravel())
        drawn = np.concatenate(squares)
        means.append(np.mean(drawn[np.isfinite(drawn)]) if np.isfinite(drawn).any() else np.nan)
    ends = np.nanquantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return [float(value) for value in np.sqrt(ends) * 1e9]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
