"""The grid of conditions: a row each, causes of those at which the circuit does not work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from codesign.designs import Design
from codesign.errors import DataError, MissingToolError
from codesign.flow.step import StepContext
from codesign.flow.steps import signoff
from codesign.resources import resource_dir

CAUSE = "the current of polarity 'n' is 2e-12 A against its own direction"


def _write(folder: Path, rms_ns: float, missed: int) -> None:
    """What verify leaves of a condition."""
    figures = {
        "rmse_spike_time_ns": rms_ns, "rmse_hidden_spike_time_ns": 0.1, "accuracy_spice": 0.9,
        "energy_per_inference_J": 1e-11, "failed_simulations": 0, "spikes_missed": missed,
    }  # fmt: skip
    (folder / "verify").mkdir(parents=True, exist_ok=True)
    metrics = {"views": {"schematic": {"mappings": {"pnn": figures}}}}
    (folder / "verify" / "metrics.json").write_text(json.dumps(metrics))
    rows = [
        {"sample": s, "layer": 2, "mapping": "pnn", "neuron": n, "t_spice_s": t}
        for s, times in enumerate([(3e-7, 3.4e-7, 8e-7), (5e-7, 4.8e-7, 6e-7)])
        for n, t in enumerate(times, start=1)
    ]
    pd.DataFrame(rows).to_parquet(folder / "verify" / "spikes.parquet")


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StepContext[Design]:
    """A grid of two corners, temperatures and supplies; cold and slow does not work, hot and fast
    loses spikes."""
    design = Design.load(resource_dir("designs") / "iris.toml").override(
        {
            "view": "schematic", "signoff.corners": ["ss", "ff"],
            "signoff.temperatures": ["-40C", "125C"], "signoff.supplies": ["1.71V", "1.89V"],
        }
    )  # fmt: skip

    def flow(steps: Any, there: Design, folder: Path, options: Any) -> None:
        assert [step.name for step in steps] == ["generate", "simulate", "fit", "verify"]
        process = there.process
        assert f"{process.corner.value}_{process.temperature:g}C" in folder.name
        assert there.verify.samples == 10
        if process.corner == "ss" and process.temperature == -40:
            raise DataError(CAUSE)
        _write(folder, 0.2, 3 if process.corner == "ff" and process.temperature == 125 else 0)

    nominal = {"rms_ns_nominal": 80.0, "accuracy_nominal": 0.4, "spikes_missed_nominal": 5}
    monkeypatch.setattr(signoff, "run_flow", flow)
    monkeypatch.setattr(signoff, "_nominal_there", lambda *_: nominal)
    return StepContext(design, tmp_path)


def test_every_condition_is_a_row(context: StepContext[Design]) -> None:
    report = signoff.run(context)
    folder = context.run_dir / "signoff"
    rows = json.loads((folder / "metrics.json").read_text())["conditions"]
    assert len(rows) == 8 and len({row["condition"] for row in rows}) == 8
    by_name = {row["condition"]: row for row in rows}
    cold = by_name["ss_-40C_1.71V"]
    assert not cold["works"] and cold["cause"] == CAUSE and cold["rms_ns"] is None
    assert cold["rms_ns_nominal"] == 80.0
    hot = by_name["ff_125C_1.89V"]
    assert not hot["works"] and hot["cause"].startswith("3 spikes")
    good = by_name["ff_-40C_1.71V"]
    assert good["works"] and good["rms_ns"] == 0.2
    assert good["worst_margin_ns"] == pytest.approx(20.0)
    assert report.summary["works"] == 4 and report.summary["worst_rms_ns"] == 0.2
    assert f"ss_-40C_1.71V: {CAUSE}" in report.summary["doubts"]
    table = pd.read_parquet(folder / "conditions.parquet")
    assert list(table["condition"]) == [row["condition"] for row in rows]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "ss_-40C_1.71V" in page and "4 of 8" in page


def test_an_interrupted_grid_ends_with_the_same_table(
    context: StepContext[Design], monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, done = signoff.run_flow, 0

    def killed(*arguments: Any) -> None:
        nonlocal done
        done += 1
        if done == 6:
            raise KeyboardInterrupt
        flow(*arguments)

    monkeypatch.setattr(signoff, "run_flow", killed)
    with pytest.raises(KeyboardInterrupt):
        signoff.run(context)
    path = context.run_dir / "signoff" / "conditions.parquet"
    part = pd.read_parquet(path)
    monkeypatch.setattr(signoff, "run_flow", flow)
    signoff.run(context)
    whole = pd.read_parquet(path)
    assert len(part) == 5 and len(whole) == 8
    assert list(whole["cause"][:5]) == list(part["cause"])


def test_a_nominal_circuit_that_does_not_run_costs_its_own_figures(
    context: StepContext[Design], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise DataError("the loads of layer 1 could not be simulated")

    monkeypatch.setattr(signoff, "_nominal_there", fails)
    assert signoff.run(context).summary["works"] == 4
    rows = json.loads((context.run_dir / "signoff" / "metrics.json").read_text())["conditions"]
    assert all(row["rms_ns_nominal"] is None and row["cause_nominal"] for row in rows)


def test_a_missing_tool_stops_the_grid(
    context: StepContext[Design], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any) -> None:
        raise MissingToolError("ngspice is missing")

    monkeypatch.setattr(signoff, "run_flow", missing)
    with pytest.raises(MissingToolError):
        signoff.run(context)
