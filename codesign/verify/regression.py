"""Whether model and SPICE still agree: a small closed loop against stored tolerances.

The reference of a design (characterization/<design>/) holds its fitted model, the biases of a
trained network, a few samples, and tolerances. The check draws and extracts the network anew where
the reference is of the layout view, simulates the synapses and the whole network, and compares both
with what the stored model says: a change of the circuit, of its layout or extraction, of the device
models, of the simulator's set-up or of the network model shows as an error larger than its
tolerance. The samples are simulated column by column; the first one also as the whole network,
so that the cut is checked too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codesign.bench import Setup
from codesign.cells import View
from codesign.characterize.knob_curve import KnobCurve
from codesign.characterize.model import FittedModel
from codesign.characterize.shape import synapse_shape
from codesign.characterize.sweeps.synapse_current import synapse_deck
from codesign.errors import CheckFailed, DataError
from codesign.mapping import LayerKnobs, read_knobs
from codesign.pdk import (
    Process,
)
from codesign.progress import ProgressCallback, silent
from codesign.spice import DCSweep, WorkerPool, Workers, run_batch
from codesign.verify.circuit import CircuitResult, TrainedCircuit, simulate_samples
from codesign.verify.columns import ColumnRunner, simulate_columns
from codesign.verify.metrics import error_metrics, layer_errors
from codesign.verify.prediction import circuit_prediction
from codesign.verify.reference import RegressionReference, read_reference
from codesign.verify.sampled import cut_metrics

# Samples that are simulated as the whole network too.
_WHOLE = 1
_CURRENTS_A = (5e-9, 2e-8, 8e-8)


@dataclass(frozen=True)
class RegressionReport:
    """Figures with their limits; `failure` when one is exceeded."""

    figures: dict[str, float | None]
    limits: dict[str, float]

    @property
    def exceeded(self) -> list[str]:
        """Figures past their limit; one that could not be computed counts as exceeded."""
        return [
            key
            for key, limit in self.limits.items()
            if (value := self.figures[key]) is None or not value <= limit
        ]

    @property
    def failure(self) -> CheckFailed | None:
        if not self.exceeded:
            return None
        return CheckFailed(
            "model and SPICE have drifted apart: " + ", ".join(self.exceeded),
            remedy="find the change of circuit, device models or network model that causes it; "
            "when it is wanted, characterise again and renew the reference (`make reference`)",
        )

    @property
    def text(self) -> str:
        """One line per figure."""
        lines = []
        for key, limit in self.limits.items():
            value = self.figures[key]
            shown = "none" if value is None else f"{value:.4g}"
            mark = "  EXCEEDED" if key in self.exceeded else ""
            lines.append(f"{key:24} {shown:>10}  limit {limit:g}{mark}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        return {"figures": self.figures, "limits": self.limits, "exceeded": self.exceeded}


@dataclass(frozen=True)
class SimulatedReference:
    """What SPICE gave for a reference: the samples by columns, and some of them whole."""

    reference: RegressionReference
    setup: Setup
    layers: tuple[LayerKnobs, ...]
    columns: CircuitResult
    whole: CircuitResult


def run_regression(
    reference_dir: Path,
    process: Process | None = None,
    *,
    cache_dir: Path | None = None,
    workers: Workers = None,
    progress: ProgressCallback = silent,
) -> RegressionReport:
    """Simulate the reference of a design and compare. Raises DataError for a damaged reference."""
    model = FittedModel.load(reference_dir / "model.json")
    simulated = simulate_reference(
        reference_dir, model, process, cache_dir=cache_dir, workers=workers, progress=progress
    )
    return regression_report(simulated, model)


def simulate_reference(
    reference_dir: Path,
    model: FittedModel,
    process: Process | None = None,
    *,
    cache_dir: Path | None = None,
    workers: Workers = None,
    progress: ProgressCallback = silent,
) -> SimulatedReference:
    """Simulate the reference of a design; `model`: for what neighbours of a column do."""
    reference = read_reference(reference_dir)
    layers = read_knobs(reference_dir / "biases.csv")
    shapes = tuple(knobs.current_A.shape for knobs in layers)
    if shapes != tuple((post, pre) for pre, post in reference.network.connections):
        raise DataError(
            f"{reference_dir / 'biases.csv'} has layers {shapes}, regression.toml another network",
            remedy="run `make reference`",
        )
    setup = reference.setup(process)
    circuit = TrainedCircuit(setup, layers)
    samples, warmup = np.asarray(reference.samples_s), np.asarray(reference.warmup_s)
    with WorkerPool() as pool:
        runner = ColumnRunner(cache_dir, workers, progress, "regression", pool)
        columns = simulate_columns(circuit, model, samples, warmup, runner)
    whole = simulate_samples(
        circuit, samples[:_WHOLE], warmup, cache_dir=cache_dir, chunk=_WHOLE, workers=workers,
        progress=progress, label="regression, whole network",
    )  # fmt: skip
    return SimulatedReference(reference, setup, layers, columns, whole)


def regression_report(simulated: SimulatedReference, model: FittedModel) -> RegressionReport:
    """What a model says against what was simulated."""
    reference = simulated.reference
    samples = np.asarray(reference.samples_s)
    predicted = circuit_prediction(simulated.layers, model, samples)
    figures, limits = _spike_figures(reference, simulated.columns, predicted)
    figures["cut_rms_ns"] = cut_metrics(simulated.columns, simulated.whole)["rms_ns"]
    limits["cut_rms_ns"] = reference.tolerances.cut_rms_ns
    for polarity, curve in model.currents.items():
        level, shape = _synapse_errors(polarity, curve, model, simulated.setup)
        figures[f"current_{polarity}_relative"] = level
        limits[f"current_{polarity}_relative"] = reference.tolerances.current_relative
        figures[f"shape_{polarity}_relative"] = shape
        limits[f"shape_{polarity}_relative"] = reference.tolerances.shape_relative
    return RegressionReport(figures, limits)


def _spike_figures(
    reference: RegressionReference, result: CircuitResult, predicted: list[np.ndarray]
) -> tuple[dict[str, float | None], dict[str, float]]:
    ok = result.status == "ok"
    errors = error_metrics(
        [
            layer_errors(said, found, ok, reference.timing.t_phase)
            for said, found in zip(predicted, result.t_spike_s, strict=True)
        ]
    )
    figures: dict[str, float | None] = {
        "rmse_output_ns": errors["rmse_spike_time_ns"],
        "rmse_hidden_ns": errors["rmse_hidden_spike_time_ns"],
        "spikes_missed": errors["spikes_missed"],
        "failed_simulations": result.failed,
    }
    limits = {
        "rmse_output_ns": reference.tolerances.rmse_output_ns,
        "rmse_hidden_ns": reference.tolerances.rmse_hidden_ns,
        "spikes_missed": float(reference.tolerances.spikes_missed),
        "failed_simulations": 0.0,
    }
    return figures, limits


def _synapse_errors(
    polarity: str, curve: KnobCurve, model: FittedModel, setup: Setup
) -> tuple[float | None, float | None]:
    """Largest relative error of the current at V0, and of I/I0 half a volt below it."""
    # The schematic's synapse: the table of currents comes from it.
    alone = setup.in_view(View.SCHEMATIC)
    currents = np.array(_CURRENTS_A)
    level, shape = [], []
    for current, value in zip(currents, curve.value(currents), strict=True):
        deck = synapse_deck(alone, {polarity: float(value)})
        sweep = DCSweep("vmem", model.v0_V - 0.5, model.v0_V, 0.5, ("i(vmem)",))
        result = run_batch(deck, sweep, process=setup.process, timeout_s=60)
        if not result.ok:
            return None, None
        low, high = np.abs(result.waveforms["i(vmem)"])
        level.append(abs(high / current - 1))
        v = 0.5 / model.v_th_V
        weight = current / model.current_scale_A(1)
        said = synapse_shape(model.layers[0].forms["extended"], polarity, weight, np.array(v))
        shape.append(abs(said / (low / high) - 1))
    return float(max(level)), float(max(shape))
