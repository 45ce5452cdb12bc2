"""Training where no simulator is installed, on the fitted model that comes with iris."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from codesign.cli.main import cli

DESIGN = """
name = "iris"
[training]
epochs = 2
[training.circuit]
w_max = 1.1
"""


@pytest.fixture
def no_simulator(monkeypatch, tmp_path):
    monkeypatch.setenv("CODESIGN_NGSPICE", "no-such-program")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris.toml").write_text(DESIGN)
    return tmp_path


def test_train_uses_the_shipped_model(no_simulator):
    result = CliRunner().invoke(cli, ["train", "iris.toml", "--json"])
    assert result.exit_code == 0, result.output
    json.loads(result.stdout)
    for folder in ("train", "train/ann"):
        assert (no_simulator / "build/iris" / folder / "weights.safetensors").is_file()


def test_a_baseline_that_is_not_wanted_is_not_trained(no_simulator):
    text = DESIGN.replace("[training]\n", "[training]\nbaseline = false\n", 1)
    (no_simulator / "iris.toml").write_text(text)
    refused = CliRunner().invoke(cli, ["train", "iris.toml"])
    assert refused.exit_code == 2
    assert "training.baseline" in refused.output and "verify.mappings" in refused.output
    (no_simulator / "iris.toml").write_text(f'{text}\n[verify]\nmappings = ["pnn"]\n')
    result = CliRunner().invoke(cli, ["train", "iris.toml", "--json"])
    assert result.exit_code == 0, result.output
    folder = no_simulator / "build/iris/train"
    assert (folder / "weights.safetensors").is_file() and not (folder / "ann").exists()


def test_whole_flow_asks_for_the_simulator(no_simulator):
    result = CliRunner().invoke(cli, ["run", "iris.toml"])
    assert result.exit_code == 3
    assert "apt-get install ngspice" in result.output


def test_damaged_model_is_bad_input(no_simulator):
    (no_simulator / "build/iris/fit").mkdir(parents=True)
    (no_simulator / "build/iris/fit/model.json").write_text('{"schema_version": 1')
    result = CliRunner().invoke(cli, ["train", "iris.toml"])
    assert result.exit_code == 2
    assert "model.json" in result.output and "codesign fit" in result.output
