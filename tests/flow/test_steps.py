import json
from itertools import pairwise

import pytest

from codesign.designs import Design
from codesign.errors import DataError, InputError
from codesign.flow import STEPS, StepContext
from codesign.flow.shipped import find_input
from codesign.flow.state import hash_reads
from codesign.flow.steps import GENERATE, TRAIN, VERIFY
from codesign.flow.tools import inspect, tool_names


@pytest.fixture
def design() -> Design:
    return Design.from_text('name = "toy"', "toy.toml")


def test_order_and_names_are_the_commands():
    assert [step.name for step in STEPS] == ["generate", "simulate", "fit", "train", "verify"]


def test_every_input_is_made_by_an_earlier_step():
    for index, step in enumerate(STEPS):
        made = {pattern for earlier in STEPS[:index] for pattern in earlier.outputs}
        assert set(step.inputs) <= made, step.name


def test_declared_keys_tools_and_packages_exist(design):
    for step in STEPS:
        for key in step.design:
            design.value(key)
        assert set(step.tools) <= set(tool_names())
    assert all(a.name != b.name for a, b in pairwise(STEPS))


def test_generate_writes_what_it_declares(design, tmp_path):
    report = GENERATE.run(StepContext(design, tmp_path))
    assert (tmp_path / "netlist" / "toy.spice").is_file()
    assert "toy.spice" in report.summary["netlists"]


def test_verification_limit_is_no_reason_to_simulate_again():
    assert "verify.max_rmse_ns" not in VERIFY.design
    assert "verify" not in VERIFY.design


def write_metrics(run_dir, rmse_ns, failed=0) -> None:
    (run_dir / "verify").mkdir()
    mappings = {
        "pnn": {"rmse_spike_time_ns": rmse_ns, "failed_simulations": failed},
        "ann": {"rmse_spike_time_ns": 30.0, "failed_simulations": 0},
    }
    content = {"views": {"schematic": {"mappings": mappings}}}
    (run_dir / "verify" / "metrics.json").write_text(json.dumps(content))


@pytest.mark.parametrize(("rmse_ns", "holds"), [(0.3, True), (0.6, False), (float("nan"), False)])
def test_limit_on_the_error(design, tmp_path, rmse_ns, holds):
    from codesign.errors import CheckFailed

    write_metrics(tmp_path, rmse_ns)
    context = StepContext(design.override({"verify.max_rmse_ns": 0.5}), tmp_path)
    if holds:
        VERIFY.check(context)
    else:
        with pytest.raises(CheckFailed, match=r"more than the 0\.5 ns allowed"):
            VERIFY.check(context)


def test_failed_simulations_fail_the_limit(design, tmp_path):
    from codesign.errors import CheckFailed

    write_metrics(tmp_path, 0.1, failed=1)
    context = StepContext(design.override({"verify.max_rmse_ns": 0.5}), tmp_path)
    with pytest.raises(CheckFailed, match="1 simulations of mapping pnn failed"):
        VERIFY.check(context)


def test_limit_applies_to_the_baseline_when_it_is_alone(design, tmp_path):
    from codesign.errors import CheckFailed

    write_metrics(tmp_path, 0.3)
    alone = design.override({"verify.max_rmse_ns": 0.5, "verify.mappings": ["ann"]})
    with pytest.raises(CheckFailed, match="mapping ann is 30 ns"):
        VERIFY.check(StepContext(alone, tmp_path))


@pytest.mark.parametrize("content", ["{", "{}", '{"views": {"schematic": {"mappings": {}}}}'])
def test_damaged_metrics_are_no_pass(design, tmp_path, content):
    (tmp_path / "verify").mkdir()
    (tmp_path / "verify" / "metrics.json").write_text(content)
    with pytest.raises(DataError, match=r"metrics\.json is damaged"):
        VERIFY.check(StepContext(design.override({"verify.max_rmse_ns": 1.0}), tmp_path))


def test_shipped_model_stands_in_only_without_a_simulator(design, tmp_path, monkeypatch):
    shipped = tmp_path / "shipped" / "toy" / "model.json"
    shipped.parent.mkdir(parents=True)
    shipped.write_text("{}")
    monkeypatch.setattr("codesign.flow.shipped.resource_dir", lambda folder: tmp_path / "shipped")
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    table = {"fit/model.json": "{design}/model.json"}
    if inspect("ngspice").found:
        assert find_input(run_dir, design, "fit/model.json", table) is None
    monkeypatch.setenv("CODESIGN_NGSPICE", "no-such-program")
    assert find_input(run_dir, design, "fit/model.json", table) == shipped
    own = run_dir / "fit" / "model.json"
    own.parent.mkdir()
    own.write_text("{}")
    assert find_input(run_dir, design, "fit/model.json", table) == own


def test_train_without_a_model_says_what_to_run(design, tmp_path):
    if not inspect("ngspice").found:
        pytest.skip("ngspice is missing: the shipped model would be used")
    with pytest.raises(InputError, match=r"train needs .*fit/model\.json") as caught:
        hash_reads(TRAIN, STEPS, design, tmp_path)
    assert "codesign fit toy.toml" in caught.value.remedy
