"""signoff: a grid of conditions; at each the circuit is characterised, fitted and verified anew,
and the nominal model with the nominal biases is held against it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

from codesign.bench import Setup
from codesign.designs import Design
from codesign.errors import CodesignError, MissingToolError
from codesign.files import atomic_path, write_atomic
from codesign.flow.runner import RunOptions, run_flow
from codesign.flow.step import Step, StepContext, StepReport
from codesign.flow.steps.calibrate import network_runner, nominal_of
from codesign.flow.steps.fit import FIT
from codesign.flow.steps.generate import GENERATE
from codesign.flow.steps.simulate import SIMULATE
from codesign.flow.steps.verify import verify_step
from codesign.flow.versions import page_setting
from codesign.pdk import Corner
from codesign.progress import ProgressCallback

SCHEMA_VERSION = 1


def run(context: StepContext[Design]) -> StepReport:
    """Write signoff/: a run directory per condition, conditions.parquet as they finish,
    metrics.json, report.html."""
    import pandas as pd

    from codesign.verify.signoff import write_signoff_page

    design, folder = context.design, context.run_dir / "signoff"
    rows: list[dict[str, Any]] = []
    for corner, temperature_C, supply_V in design.signoff.conditions():
        rows.append(_condition(context, corner, temperature_C, supply_V))
        with atomic_path(folder / "conditions.parquet") as temporary:
            pd.DataFrame(rows).to_parquet(temporary, index=False)
    metrics = {
        "schema_version": SCHEMA_VERSION,
        "design": design.name,
        "view": design.view.value,
        "samples": design.signoff.samples,
        "conditions": rows,
    }
    write_atomic(folder / "metrics.json", json.dumps(metrics, indent=1, allow_nan=False) + "\n")
    write_signoff_page(folder, metrics, page_setting(design))
    works = [row for row in rows if row["works"]]
    worst = max((row["rms_ns"] for row in works), default=None)
    doubts = [f"{row['condition']}: {row['cause']}" for row in rows if not row["works"]]
    return StepReport(
        {"conditions": len(rows), "works": len(works), "worst_rms_ns": worst, "doubts": doubts}
    )


class _Within:
    """A condition's progress as part of the step's own; what its steps say is not repeated."""

    def __init__(self, progress: ProgressCallback, name: str) -> None:
        self._progress, self._name = progress, name

    def __call__(self, done: int, total: int, label: str) -> None:
        self._progress(done, total, f"{self._name}, {label}")

    def message(self, text: str) -> None:
        """Nothing: the table says what became of the condition."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def name_of(corner: Corner, temperature_C: float, supply_V: float) -> str:
    """A condition as a folder's name: ss_-40C_1.71V."""
    return f"{corner.value}_{temperature_C:g}C_{supply_V:g}V"


def _condition(
    context: StepContext[Design], corner: Corner, temperature_C: float, supply_V: float
) -> dict[str, Any]:
    """One row of the table. A condition at which the circuit does not work is a row too."""
    name = name_of(corner, temperature_C, supply_V)
    weights = context.run_dir / "train" / "weights.safetensors"
    design = context.design.override(
        {
            "process.corner": corner.value,
            "process.temperature": f"{temperature_C:g}C",
            "process.supply": f"{supply_V:g}V",
            "verify.samples": context.design.signoff.samples,
            "verify.schematic_samples": 0,
            "verify.whole_samples": 0,
            "verify.mappings": ["pnn"],
        }
    )
    row: dict[str, Any] = {
        "condition": name, "corner": corner.value, "temperature_C": temperature_C,
        "supply_V": supply_V, "interconnect": design.process.interconnect.value,
        "variation": design.process.variation.value, "seed": design.process.seed,
        "works": False, "cause": "", "rms_ns": None, "rms_hidden_ns": None, "accuracy": None,
        "energy_J": None, "worst_margin_ns": None, "cause_nominal": "",
        **{f"{key}_nominal": None for key in ("rms_ns", "accuracy", "spikes_missed")},
    }  # fmt: skip
    try:
        row |= _nominal_there(context, design)
    except MissingToolError:
        raise
    except CodesignError as error:
        # The condition's own model may still work.
        row |= {"cause_nominal": error.message}
    folder = context.run_dir / "signoff" / name
    options = RunOptions(workers=context.workers, reporter=_Within(context.progress, name))
    try:
        run_flow((GENERATE, SIMULATE, FIT, verify_step(weights)), design, folder, options)
        view = json.loads((folder / "verify" / "metrics.json").read_text(encoding="utf-8"))
        found = view["views"][design.view.value]["mappings"]["pnn"]
    except MissingToolError:
        raise
    except CodesignError as error:
        return row | {"cause": error.message}
    row |= {
        "rms_ns": found["rmse_spike_time_ns"],
        "rms_hidden_ns": found["rmse_hidden_spike_time_ns"],
        "accuracy": found["accuracy_spice"],
        "energy_J": found["energy_per_inference_J"],
        "worst_margin_ns": _margin_ns(folder),
    }
    return row | _judged(found)


def _judged(found: Mapping[str, Any]) -> dict[str, Any]:
    if found["failed_simulations"]:
        return {"cause": f"{found['failed_simulations']} simulations failed"}
    if found["spikes_missed"]:
        return {"cause": f"{found['spikes_missed']} spikes come in model or circuit alone"}
    return {"works": found["rmse_spike_time_ns"] is not None}


def _margin_ns(folder: Path) -> float | None:
    """Least time between the first output spike and the second, over samples, in ns."""
    import numpy as np
    import pandas as pd

    spikes = pd.read_parquet(folder / "verify" / "spikes.parquet")
    last = spikes[(spikes["layer"] == spikes["layer"].max()) & (spikes["mapping"] == "pnn")]
    times = last.pivot(index="sample", columns="neuron", values="t_spice_s").to_numpy()
    ordered = np.sort(np.where(np.isfinite(times), times, np.inf), axis=1)
    if ordered.shape[1] < 2 or not np.isfinite(ordered[:, 1]).any():
        return None
    return float(np.nanmin(ordered[:, 1] - ordered[:, 0]) * 1e9)


def _nominal_there(context: StepContext[Design], there: Design) -> dict[str, Any]:
    """The circuit with its nominal biases at a condition, against the nominal model: as it is, and
    with a tester's settings tuned."""
    from codesign.verify.signoff_circuit import NominalCircuit

    nominal, test = nominal_of(context)
    signoff, process = context.design.signoff, there.process
    circuit = NominalCircuit(
        nominal,
        _settings(there),
        partial(_setup_at, there, context.run_dir / "netlist"),
        network_runner(context, nominal, "signoff"),
        name_of(process.corner, process.temperature, process.supply),
    )
    few = test.head(signoff.samples)
    row: dict[str, Any] = circuit.figures(few, {}, "nominal")
    if not signoff.tune:
        return row
    tuned = circuit.tuned(signoff.tuning_samples)
    if tuned is None:
        return row | circuit.no_figures("tuned")
    return row | circuit.figures(few, tuned.values, "tuned") | {"tuned": tuned.values}


def _settings(design: Design) -> dict[str, float]:
    """A tester's settings that the design has: a neuron of a user's own may have other biases."""
    from codesign.verify.signoff_circuit import SETTINGS

    values = {}
    for key in SETTINGS:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            values[key] = float(design.value(key))
    return values


def _setup_at(design: Design, netlists: Path, values: Mapping[str, float]) -> Setup:
    """The circuit with other settings; a longer phase makes the period longer."""
    from codesign.verify.signoff_circuit import PHASE

    changes, timing = dict(values), design.timing
    if PHASE in changes:
        longer = changes[PHASE] - timing.t_phase
        changes["timing.t_period"] = timing.t_period + 2 * longer
    return (design.override(changes) if changes else design).setup(netlists)


SIGNOFF = Step[Design](
    name="signoff",
    title="running the grid of conditions",
    run=run,
    design=(
        *("name", "view", "process", "network", "timing", "characterization", "training"),
        *("verify", "signoff", "chips.samples"),
    ),
    inputs=("fit/model.json", "train/weights.safetensors", "netlist/*.spice"),
    excludes=("netlist/*.trained.spice",),
    outputs=("signoff/conditions.parquet", "signoff/metrics.json", "signoff/report.html"),
    tools=("ngspice", "libngspice", "models", "torch"),
    requires=("ngspice", "libngspice", "models"),
)
