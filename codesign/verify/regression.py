"""Whether model and SPICE still agree: a small closed loop against stored tolerances.

The reference of a design (characterization/<design>/) holds its fitted model, the biases of a
trained network, a few samples, and tolerances. The check draws and extracts the network anew where
the reference is of the layout view, simulates the synapses and the whole network, and compares both
with what the stored model says: a change of the circuit, of its layout or extraction, of the device
models, of the simulator's set-up or of the network model shows as an error larger than its
tolerance.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codesign.cells import CellViews, NetworkParameters, PhaseTiming, View, synapse_cell
from codesign.characterize.bias_curve import BiasCurve
from codesign.characterize.model import FittedModel
from codesign.characterize.shape import synapse_shape
from codesign.errors import CheckFailed, DataError
from codesign.mapping import read_biases
from codesign.pdk import Conditions, Corner, Process
from codesign.progress import ProgressCallback, silent
from codesign.records import Record, parse_toml, read_text, validate
from codesign.spice import DCSweep, Deck, run_batch
from codesign.verify.circuit import Circuit, simulate_samples
from codesign.verify.metrics import error_metrics, layer_errors
from codesign.verify.prediction import circuit_prediction

_CURRENTS_A = (5e-9, 2e-8, 8e-8)


class Tolerances(Record):
    """What the check allows: rms errors in ns, spikes missed, currents relative to their own."""

    rmse_output_ns: float
    rmse_hidden_ns: float
    spikes_missed: int
    current_relative: float
    shape_relative: float


class RegressionReference(Record):
    """characterization/<design>/regression.toml: circuit, samples (s after accumulation starts)."""

    name: str
    view: View
    corner: Corner
    temperature_C: float
    network: NetworkParameters
    timing: PhaseTiming
    warmup_s: tuple[float, ...]
    samples_s: tuple[tuple[float, ...], ...]
    tolerances: Tolerances


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


def run_regression(
    reference_dir: Path,
    process: Process,
    *,
    cache_dir: Path | None = None,
    workers: int | None = None,
    progress: ProgressCallback = silent,
) -> RegressionReport:
    """Simulate the reference of a design and compare. Raises DataError for a damaged reference."""
    source = reference_dir / "regression.toml"
    text = read_text(source, "regression reference", remedy="run `make reference`")
    reference = validate(RegressionReference, parse_toml(text, str(source)), str(source))
    model = FittedModel.load(reference_dir / "model.json")
    layers = read_biases(reference_dir / "biases.csv")
    conditions = Conditions(corner=reference.corner, temperature_C=reference.temperature_C)
    circuit = Circuit(
        reference.name, reference.network, reference.timing, conditions, layers,
        CellViews(reference.view),
    )  # fmt: skip
    shapes = tuple(biases.bias_n_V.shape for biases in layers)
    if shapes != tuple((post, pre) for pre, post in reference.network.connections):
        raise DataError(
            f"{reference_dir / 'biases.csv'} has layers {shapes}, {source} another network",
            remedy="run `make reference`",
        )
    samples = np.asarray(reference.samples_s)
    result = simulate_samples(
        circuit, samples, np.asarray(reference.warmup_s), process,
        cache_dir=cache_dir, chunk=-(-len(samples) // 2), workers=workers, progress=progress,
        label="regression",
    )  # fmt: skip
    ok = result.status == "ok"
    predicted = circuit_prediction(layers, model, samples)
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
    for polarity, curve in model.currents.items():
        level, shape = _synapse_errors(polarity, curve, model, reference, conditions, process)
        figures[f"current_{polarity}_relative"] = level
        limits[f"current_{polarity}_relative"] = reference.tolerances.current_relative
        figures[f"shape_{polarity}_relative"] = shape
        limits[f"shape_{polarity}_relative"] = reference.tolerances.shape_relative
    return RegressionReport(figures, limits)


def _synapse_errors(
    polarity: str,
    curve: BiasCurve,
    model: FittedModel,
    reference: RegressionReference,
    conditions: Conditions,
    process: Process,
) -> tuple[float | None, float | None]:
    """Largest relative error of the current at V0, and of I/I0 half a volt below it."""
    currents = np.array(_CURRENTS_A)
    synapse = synapse_cell(reference.network.synapse)
    off = {"bn": 0.0, "bp": process.supply_V}
    own = "bn" if polarity == "n" else "bp"
    cards = [f"vdd vdd 0 {process.supply_V:g}", "rvss vss 0 1e-3", f"vsp sp 0 {process.supply_V:g}"]
    cards += ["vspb spb 0 0", "vdend dend 0 0"]
    level, shape = [], []
    for current, bias in zip(currents, curve.bias(currents), strict=True):
        biases = {**off, own: float(bias)}
        netlist = [synapse.netlist(), *cards]
        netlist += [f"v{port} {port} 0 {value:.12g}" for port, value in biases.items()]
        netlist.append(f"xs {' '.join(synapse.port_names)} {synapse.name}")
        deck = Deck(f"{polarity} pair", "\n".join(netlist), synapse.devices(), conditions)
        sweep = DCSweep("vdend", model.v0_V - 0.5, model.v0_V, 0.5, ("i(vdend)",))
        result = run_batch(deck, sweep, process=process, timeout_s=60)
        if not result.ok:
            return None, None
        low, high = np.abs(result.waveforms["i(vdend)"])
        level.append(abs(high / current - 1))
        v = 0.5 / model.v_th_V
        weight = current / model.current_scale_A(1)
        said = synapse_shape(model.layers[0].forms["extended"], polarity, weight, np.array(v))
        shape.append(abs(said / (low / high) - 1))
    return float(max(level)), float(max(shape))


def reference_text(reference: RegressionReference) -> str:
    """regression.toml of a reference."""
    data = reference.model_dump(mode="json")
    lines = [
        "# Written by `make reference`: what `codesign regression` simulates, and its tolerances.",
        *(f"{k} = {json.dumps(data[k])}" for k in ("name", "view", "corner", "temperature_C")),
        f"warmup_s = {json.dumps(data['warmup_s'])}",
        "samples_s = [",
        *(f"  {json.dumps(row)}," for row in data["samples_s"]),
        "]",
    ]
    for table in ("tolerances", "timing", "network"):
        lines += ["", *_toml_table(table, data[table])]
    return "\n".join(lines) + "\n"


def _toml_table(name: str, values: dict[str, Any]) -> list[str]:
    plain = {k: v for k, v in values.items() if not isinstance(v, dict)}
    nested = {k: v for k, v in values.items() if isinstance(v, dict)}
    lines = [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in plain.items())]
    for key, value in nested.items():
        lines += _toml_table(f"{name}.{key}", value)
    return lines
