"""Comparing spike times of model and circuit: the figures of verify/metrics.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class LayerErrors:
    """Model minus circuit for one layer.

    A neuron that fires inside the window in only one of them counts as an error of one phase; one
    silent in both counts nowhere. `error_s[sample, neuron]` is nan where nothing is compared.
    """

    error_s: np.ndarray
    compared: int
    missed: int

    @property
    def rmse_ns(self) -> float:
        """Root mean square error in ns; nan when nothing fired."""
        found = self.error_s[np.isfinite(self.error_s)]
        return float(np.sqrt(np.mean(found**2)) * 1e9) if len(found) else float("nan")

    @property
    def max_abs_ns(self) -> float:
        """Largest error in ns; nan when nothing fired."""
        found = np.abs(self.error_s[np.isfinite(self.error_s)])
        return float(found.max() * 1e9) if len(found) else float("nan")


def layer_errors(
    model_s: np.ndarray, circuit_s: np.ndarray, ok: np.ndarray, t_phase_s: float
) -> LayerErrors:
    """Errors of a layer from spike times (sample, neuron) in s, nan for silent.

    `ok`, (sample) or (sample, neuron): what has a result of the circuit. The rest is left out;
    failed simulations are counted elsewhere.
    """
    ok = np.broadcast_to(ok if ok.ndim == 2 else ok[:, None], model_s.shape)
    in_model = np.isfinite(model_s) & (model_s < t_phase_s)
    in_circuit = np.isfinite(circuit_s) & (circuit_s < t_phase_s)
    error = np.full(model_s.shape, np.nan)
    both = in_model & in_circuit
    error[both] = model_s[both] - circuit_s[both]
    one = in_model ^ in_circuit
    error[one] = np.where(in_model, -t_phase_s, t_phase_s)[one]
    error[~ok] = np.nan
    return LayerErrors(error, int((both | one)[ok].sum()), int(one[ok].sum()))


def classes(t_output_s: np.ndarray, n_classes: int) -> np.ndarray:
    """Predicted class: the earliest of the first `n_classes` outputs; -1 when all are silent."""
    times = np.where(np.isfinite(t_output_s), t_output_s, np.inf)[:, :n_classes]
    return np.where(np.isfinite(times).any(axis=1), times.argmin(axis=1), -1)


def error_metrics(layers: Sequence[LayerErrors]) -> dict[str, Any]:
    """The error figures of one model; `layers` in order, the last is the output layer."""
    hidden = [layer.error_s[np.isfinite(layer.error_s)] for layer in layers[:-1]]
    joined = np.concatenate(hidden) if hidden else np.array([])
    largest = [layer.max_abs_ns for layer in layers if np.isfinite(layer.max_abs_ns)]
    return {
        "rmse_spike_time_ns": _number(layers[-1].rmse_ns),
        "rmse_hidden_spike_time_ns": (
            float(np.sqrt(np.mean(joined**2)) * 1e9) if len(joined) else None
        ),
        "max_abs_error_ns": max(largest) if largest else None,
        "spikes_compared": sum(layer.compared for layer in layers),
        "spikes_missed": sum(layer.missed for layer in layers),
    }


def mapping_metrics(
    layers: Sequence[LayerErrors],
    model_output_s: np.ndarray,
    circuit_output_s: np.ndarray,
    labels: np.ndarray,
    ok: np.ndarray,
    n_classes: int,
    scale: Sequence[float],
) -> dict[str, Any]:
    """All figures of one mapping; `layers` in order, the last is the output layer."""
    in_model, in_circuit = classes(model_output_s, n_classes), classes(circuit_output_s, n_classes)

    def share(equal: np.ndarray) -> float | None:
        return float(np.mean(equal[ok])) if ok.any() else None

    return {
        **error_metrics(layers),
        "accuracy_model": float(np.mean(in_model == labels)),
        "accuracy_spice": share(in_circuit == labels),
        "prediction_agreement": share(in_circuit == in_model),
        "scale": [float(value) for value in scale],
        "failed_simulations": int((~ok).sum()),
    }


def energy_metrics(
    energy_J: np.ndarray, control_J: np.ndarray, ok: np.ndarray, synapses: int
) -> dict[str, float | None]:
    """Means over the samples that are `ok`; control_J: the part of the phase controls' drivers.

    A synaptic operation is a multiplication and an addition: two operations of TOPS/W.
    """
    if not ok.any():
        whole = controls = None
    else:
        whole, controls = _number(np.mean(energy_J[ok])), _number(np.mean(control_J[ok]))
    return {
        "energy_per_inference_J": whole,
        "energy_of_controls_J": controls,
        "energy_per_synaptic_operation_J": None if whole is None else whole / synapses,
        "efficiency_tops_per_W": None if not whole else 2e-12 * synapses / whole,
    }


def _number(value: float) -> float | None:
    """A JSON number; None (null) for what could not be computed, since JSON has no nan."""
    return float(value) if np.isfinite(value) else None
