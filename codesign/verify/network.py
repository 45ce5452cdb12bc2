"""Closed-loop verification of a trained network: both mappings, sample by sample."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from codesign.cells import CellViews, Network, NetworkParameters, PhaseTiming
from codesign.characterize.model import FORMS, FittedModel
from codesign.errors import DataError
from codesign.files import atomic_path, write_atomic
from codesign.mapping import bias_layers, write_biases, write_trained_netlist
from codesign.pdk import Conditions, Process
from codesign.progress import ProgressCallback, silent
from codesign.verify.ann_scale import ScaleSearch, fit_ann_scale
from codesign.verify.circuit import Circuit, CircuitResult, simulate_samples
from codesign.verify.metrics import (
    SCHEMA_VERSION,
    LayerErrors,
    error_metrics,
    layer_errors,
    mapping_metrics,
)
from codesign.verify.prediction import circuit_prediction, model_spikes

if TYPE_CHECKING:
    from codesign.training.datasets import Dataset

ANN_REVERSAL = 100.0


@dataclass(frozen=True)
class VerificationSetting:
    """What is verified, and how."""

    name: str
    network: NetworkParameters
    timing: PhaseTiming
    conditions: Conditions
    supply_V: float
    samples: int
    calibration_samples: int
    views: CellViews = field(default_factory=CellViews)

    @property
    def view(self) -> str:
        """The view of the cells that is simulated."""
        return self.views.view.value


@dataclass(frozen=True)
class MappingResult:
    """One mapping's circuit and model, in the same order of samples.

    `model_s`, `errors`: per layer; `forms`: errors of every model form (pnn mapping only).
    """

    circuit: Circuit
    result: CircuitResult
    model_s: list[np.ndarray]
    errors: list[LayerErrors]
    forms: dict[str, list[LayerErrors]]
    scale: tuple[float, ...]
    search: ScaleSearch | None
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Verification:
    """Everything a report needs; `mappings` by name."""

    setting: VerificationSetting
    samples: np.ndarray
    spikes_s: np.ndarray
    labels: np.ndarray
    mappings: dict[str, MappingResult]
    metrics: dict[str, Any]


def verify_mappings(
    setting: VerificationSetting,
    weights: dict[str, Sequence[np.ndarray]],
    model: FittedModel,
    dataset: Dataset,
    process: Process,
    *,
    cache_dir: Path | None = None,
    workers: int | None = None,
    progress: ProgressCallback = silent,
) -> Verification:
    """Simulate the test samples for each mapping in `weights` ("pnn", "ann") and compare.

    Nothing is fitted to test samples: the ann scales come from the calibration subset of the
    training samples.
    """
    test, calibration = dataset.test, dataset.calibration
    if setting.samples > len(test):
        raise DataError(
            f"{setting.samples} samples are asked for; the test set has {len(test)}",
            remedy="lower verify.samples or raise training.test_samples",
        )
    phase = setting.timing.t_phase
    spikes = test.times.numpy()[: setting.samples] * phase
    labels = test.labels.numpy()[: setting.samples]
    calibration_spikes = calibration.times.numpy()[: setting.calibration_samples] * phase
    warmup = calibration_spikes[0]

    def simulate(circuit: Circuit, samples: np.ndarray, label: str) -> CircuitResult:
        # Each deck leads in with a discarded sample: few long ones, yet work for every worker.
        size = 10 if len(samples) > 20 else -(-len(samples) // 2)
        return simulate_samples(
            circuit, samples, warmup, process, cache_dir=cache_dir, chunk=size, workers=workers,
            progress=progress, label=label,
        )  # fmt: skip

    def circuit_for(scaled: Sequence[np.ndarray], scale: tuple[float, float]) -> Circuit:
        layers = bias_layers(scaled, model, scale=scale)
        return Circuit(
            setting.name, setting.network, setting.timing, setting.conditions, layers, setting.views
        )

    mappings = {}
    for name, trained in weights.items():
        search = None
        scale: tuple[float, ...] = (1.0,)
        if name == "ann":
            ideal = ann_parameters()
            target = model_spikes(trained, ideal, calibration_spikes, phase)

            def at_scale(
                pair: tuple[float, float], own: Sequence[np.ndarray] = trained
            ) -> Sequence[np.ndarray]:
                circuit = circuit_for(own, pair)
                return simulate(circuit, calibration_spikes, "ann scales").t_spike_s

            search = fit_ann_scale(target, trained, model, calibration_spikes, at_scale)
            scale = search.scale
            circuit = circuit_for(trained, search.scale)
            predictions = {"ideal": model_spikes(trained, ideal, spikes, phase)}
        else:
            circuit = circuit_for(trained, (1.0, 1.0))
            predictions = {
                form: circuit_prediction(circuit.layers, model, spikes, form) for form in FORMS
            }
        result = simulate(circuit, spikes, name)
        ok = result.status == "ok"
        forms = {
            form: [
                layer_errors(m, c, ok, phase) for m, c in zip(times, result.t_spike_s, strict=True)
            ]
            for form, times in predictions.items()
        }
        leading = "ideal" if name == "ann" else "extended"
        metrics = mapping_metrics(
            forms[leading], predictions[leading][-1], result.t_spike_s[-1], labels, ok,
            dataset.n_classes, result.energy_J, scale,
        )  # fmt: skip
        metrics["models"] = {form: error_metrics(layers) for form, layers in forms.items()}
        if search is not None:
            metrics["scale_calibration_rmse_ns"] = search.rmse_ns
            metrics["scale_simulations"] = len(search.history)
        mappings[name] = MappingResult(
            circuit, result, predictions[leading], forms[leading], forms, scale, search, metrics
        )
    return Verification(
        setting,
        np.asarray(test.rows)[: setting.samples],
        spikes,
        labels,
        mappings,
        _metrics(setting, mappings),
    )


def ann_parameters() -> Any:
    """The conventional model that the baseline is trained with: |E| = 100, linear firing."""
    from codesign.pnn import PNNParameters

    return PNNParameters(e_plus=ANN_REVERSAL, e_minus=-ANN_REVERSAL)


def spike_table(verification: Verification) -> pd.DataFrame:
    """One row per view, mapping, sample, layer and neuron: t_model_s, t_spice_s (nan silent),
    status."""
    frames = []
    for name, mapping in verification.mappings.items():
        pairs = zip(mapping.model_s, mapping.result.t_spike_s, strict=True)
        for layer, (model_s, circuit_s) in enumerate(pairs, start=1):
            samples, neurons = model_s.shape
            frames.append(
                pd.DataFrame(
                    {
                        "view": verification.setting.view,
                        "mapping": name,
                        "sample": np.repeat(verification.samples, neurons),
                        "label": np.repeat(verification.labels, neurons),
                        "layer": layer,
                        "neuron": np.tile(np.arange(1, neurons + 1), samples),
                        "t_model_s": model_s.ravel(),
                        "t_spice_s": circuit_s.ravel(),
                        "status": np.repeat(mapping.result.status, neurons),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def write_verification(
    verification: Verification, run_dir: Path, compared: Sequence[Verification] = ()
) -> None:
    """Write mapping/biases.csv, the trained netlist, verify/spikes.parquet and
    verify/metrics.json. `compared`: the same network in other views, for the last two."""
    for name, mapping in verification.mappings.items():
        network = Network(mapping.circuit.network, verification.setting.name)
        suffix = "" if name == "pnn" else f".{name}"
        for folder in ("mapping", "netlist", "verify"):
            (run_dir / folder).mkdir(parents=True, exist_ok=True)
        write_biases(run_dir / "mapping" / f"biases{suffix}.csv", mapping.circuit.layers)
        netlist = run_dir / "netlist" / f"{verification.setting.name}{suffix}.trained.spice"
        write_trained_netlist(
            netlist, network, mapping.circuit.layers, verification.setting.views
        )
    with atomic_path(run_dir / "verify" / "spikes.parquet") as temporary:
        tables = [spike_table(one) for one in (verification, *compared)]
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)
    metrics = {**verification.metrics, "views": dict(verification.metrics["views"])}
    for other in compared:
        metrics["views"] |= other.metrics["views"]
    text = json.dumps(metrics, indent=1, allow_nan=False) + "\n"
    write_atomic(run_dir / "verify" / "metrics.json", text)


def _metrics(setting: VerificationSetting, mappings: dict[str, MappingResult]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "design": setting.name,
        "kind": "network",
        "views": {
            setting.view: {
                "corner": setting.conditions.corner.value,
                "interconnect": setting.conditions.interconnect.value,
                "temperature_C": setting.conditions.temperature_C,
                "t_phase_s": setting.timing.t_phase,
                "samples": setting.samples,
                "mappings": {name: mapping.metrics for name, mapping in mappings.items()},
            }
        },
    }
