"""Closed-loop verification of a trained network: both mappings, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codesign.characterize.model import FORMS, FittedModel
from codesign.errors import DataError
from codesign.mapping import knob_layers
from codesign.pnn import PNNParameters
from codesign.progress import ProgressCallback, silent
from codesign.spice import WorkerPool, Workers
from codesign.verify.ann_scale import ScaleSearch, fit_ann_scale
from codesign.verify.circuit import CircuitResult, TrainedCircuit, simulate_samples
from codesign.verify.columns import ColumnRunner, simulate_columns
from codesign.verify.metrics import energy_metrics, error_metrics, layer_errors, mapping_metrics
from codesign.verify.prediction import circuit_prediction, model_spikes
from codesign.verify.result import MappingResult, Verification, VerificationSetting
from codesign.verify.sampled import cut_metrics, sample_metrics
from codesign.verify.simulation import network_cut

if TYPE_CHECKING:
    from codesign.training.datasets import Dataset

ANN_REVERSAL = 100.0
# Which neurons of a large network are simulated: the same ones every time.
_NEURONS_SEED = 20261
Weights = Sequence[np.ndarray]


def verify_mappings(
    setting: VerificationSetting,
    weights: Mapping[str, Weights],
    model: FittedModel,
    dataset: Dataset,
    *,
    cache_dir: Path | None = None,
    workers: Workers = None,
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
    phase = setting.setup.timing.t_phase
    with WorkerPool() as pool:
        run = _Run(
            setting,
            model,
            spikes_s=test.times.numpy()[: setting.samples] * phase,
            calibration_s=calibration.times.numpy()[: setting.calibration_samples] * phase,
            labels=test.labels.numpy()[: setting.samples],
            n_classes=dataset.n_classes,
            cache_dir=cache_dir,
            workers=workers,
            progress=progress,
            pool=pool,
        )
        mappings = {
            name: run.ann(trained) if name == "ann" else run.pnn(name, trained)
            for name, trained in weights.items()
        }
        cut = run.cut(next(iter(mappings.values())))
    rows = np.asarray(test.rows)[: setting.samples]
    method = "columns" if run.by_columns else "whole"
    return Verification(setting, rows, run.spikes_s, run.labels, mappings, method, cut)


@dataclass(frozen=True)
class _Run:
    """What the mappings of a verification share."""

    setting: VerificationSetting
    model: FittedModel
    spikes_s: np.ndarray
    calibration_s: np.ndarray
    labels: np.ndarray
    n_classes: int
    cache_dir: Path | None
    workers: Workers
    progress: ProgressCallback
    pool: WorkerPool

    @property
    def phase(self) -> float:
        return self.setting.setup.timing.t_phase

    def pnn(self, name: str, trained: Weights) -> MappingResult:
        """The fitted model's mapping, compared with each of its forms."""
        circuit = self._circuit(trained, (1.0, 1.0))
        predictions = {
            form: circuit_prediction(circuit.layers, self.model, self.spikes_s, form)
            for form in FORMS
        }
        return self._compare(name, circuit, predictions, "extended", (1.0,), None)

    def ann(self, trained: Weights) -> MappingResult:
        """The ideal sum's mapping, its two scales fitted to SPICE."""
        ideal = ann_parameters()
        target = model_spikes(trained, ideal, self.calibration_s, self.phase)

        def at_scale(pair: tuple[float, float]) -> Sequence[np.ndarray]:
            circuit = self._circuit(trained, pair)
            return self._simulate(circuit, self.calibration_s, "ann scales").t_spike_s

        search = fit_ann_scale(target, trained, self.model, self.calibration_s, at_scale)
        circuit = self._circuit(trained, search.scale)
        predictions = {"ideal": model_spikes(trained, ideal, self.spikes_s, self.phase)}
        return self._compare("ann", circuit, predictions, "ideal", search.scale, search)

    def _circuit(self, weights: Weights, scale: tuple[float, float]) -> TrainedCircuit:
        layers = knob_layers(weights, self.model, scale=scale)
        return TrainedCircuit(self.setting.setup, layers)

    def _simulate(
        self, circuit: TrainedCircuit, samples: np.ndarray, label: str
    ) -> CircuitResult:
        # Each deck leads in with a discarded sample: few long ones, yet work for every worker.
        size = 10 if len(samples) > 20 else -(-len(samples) // 2)
        if self.by_columns:
            runner = ColumnRunner(self.cache_dir, self.workers, self.progress, label, self.pool)
            return simulate_columns(
                circuit, self.model, samples, self.calibration_s[0], runner, self.chosen
            )
        return self._whole(circuit, samples, label, size)

    def _whole(
        self, circuit: TrainedCircuit, samples: np.ndarray, label: str, size: int
    ) -> CircuitResult:
        return simulate_samples(
            circuit, samples, self.calibration_s[0], cache_dir=self.cache_dir, chunk=size,
            workers=self.workers, progress=self.progress, label=label,
        )  # fmt: skip

    @cached_property
    def by_columns(self) -> bool:
        """Whether the network is simulated column by column; not every one can be taken apart."""
        if self.setting.method != "columns":
            return False
        return network_cut(self.setting.setup, self.model) is not None

    @cached_property
    def chosen(self) -> list[np.ndarray] | None:
        """Neurons of each layer that are simulated; None for all."""
        most, sizes = self.setting.neurons, self.setting.setup.network.layers[1:]
        if most is None or max(sizes) <= most:
            return None
        rng = np.random.default_rng(_NEURONS_SEED)
        return [np.sort(rng.permutation(size)[:most]) for size in sizes]

    def cut(self, mapping: MappingResult) -> dict[str, Any] | None:
        """The first samples by columns against the whole network."""
        count = min(self.setting.whole_samples, len(self.spikes_s))
        if not self.by_columns or not count:
            return None
        whole = self._whole(mapping.circuit, self.spikes_s[:count], "whole network", count)
        return cut_metrics(mapping.result, whole)

    def _compare(
        self,
        name: str,
        circuit: TrainedCircuit,
        predictions: Mapping[str, list[np.ndarray]],
        leading: str,
        scale: tuple[float, ...],
        search: ScaleSearch | None,
    ) -> MappingResult:
        result = self._simulate(circuit, self.spikes_s, name)
        ok = result.status == "ok"
        forms = {
            form: [
                layer_errors(m, c, result.compared(layer), self.phase)
                for layer, (m, c) in enumerate(zip(times, result.t_spike_s, strict=True))
            ]
            for form, times in predictions.items()
        }
        metrics = mapping_metrics(
            forms[leading], predictions[leading][-1], result.t_spike_s[-1], self.labels, ok,
            self.n_classes, scale,
        )  # fmt: skip
        synapses = sum(pre * post for pre, post in self.setting.setup.network.connections)
        metrics |= energy_metrics(result.energy_J, result.control_J, ok, synapses)
        if result.simulated:
            metrics |= sample_metrics(forms[leading], result.simulated)
        metrics["models"] = {form: error_metrics(layers) for form, layers in forms.items()}
        if search is not None:
            metrics["scale_calibration_rmse_ns"] = search.rmse_ns
            metrics["scale_simulations"] = len(search.history)
        return MappingResult(
            circuit, result, predictions[leading], forms[leading], forms, scale, search, metrics
        )


def ann_parameters() -> PNNParameters:
    """The conventional model that the baseline is trained with: |E| = 100, linear firing."""
    return PNNParameters(e_plus=ANN_REVERSAL, e_minus=-ANN_REVERSAL)
