"""`codesign calibrate` and `yield` from the shell: a tester's table, faults, exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from codesign.characterize.model import FittedModel
from codesign.cli.main import cli
from codesign.mapping import read_knobs, weights_of
from codesign.pnn import RCSpikeNetwork
from codesign.pnn.io import save_network
from codesign.resources import resource_dir
from codesign.verify.chips import ChipModel, read_spikes, write_spikes

IRIS = resource_dir("designs") / "iris.toml"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory as `codesign train` leaves it: netlists, model and weights of the
    reference."""
    run_dir = tmp_path_factory.mktemp("run") / "iris"
    folder = resource_dir("characterization") / "iris"
    model = FittedModel.load(folder / "model.json")
    weights = weights_of(read_knobs(folder / "biases.csv"), model)
    (run_dir / "fit").mkdir(parents=True)
    (run_dir / "train").mkdir()
    shutil.copy(folder / "model.json", run_dir / "fit" / "model.json")
    shutil.copytree(
        resource_dir("netlists") / "iris", run_dir / "netlist",
        ignore=shutil.ignore_patterns("*.trained.spice"),
    )  # fmt: skip
    network = RCSpikeNetwork.from_weights(
        [torch.tensor(w, dtype=torch.float32) for w in weights], model.parameters()
    )
    save_network(network, run_dir / "train" / "weights.safetensors")
    return run_dir


def _calibrate(run_dir: Path, *arguments: str, code: int = 0) -> str:
    command = ["calibrate", str(IRIS), "--run-dir", str(run_dir), *arguments]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def table(finished: Path) -> Path:
    """A tester's answers to the patterns that the command chose: gains of 10 %."""
    path = finished.parent / "tester.csv"
    _calibrate(finished, "--write-patterns", str(path), "--patterns", "24")
    inputs = pd.read_csv(path)
    assert set(inputs["layer"]) == {0} and inputs["pattern"].nunique() == 24
    wide = inputs.pivot(index="pattern", columns="neuron", values="t_spike_s").to_numpy()
    model = FittedModel.load(finished / "fit" / "model.json")
    folder = resource_dir("characterization") / "iris"
    weights = weights_of(read_knobs(folder / "biases.csv"), model)
    network = ChipModel(tuple(weights), tuple(model.parameters()))
    rng = np.random.default_rng(5)
    chip = [0.1 * rng.normal(size=own.shape) for own in network.nominal]
    for own in chip:
        own[:, -3:] *= 0.1
    times = network.times(np.where(np.isnan(wide), 2.0, wide * 1e6), chip)
    seen = [np.where(t < 1, np.clip(t, 0, None), np.inf) * 1e-6 for t in times]
    write_spikes(path, np.where(np.isnan(wide), np.inf, wide), seen)
    return path


def test_a_tester_s_table_gives_new_biases(finished: Path, table: Path) -> None:
    _calibrate(finished, "--measured", str(table))
    folder = finished / "calibrate" / "tester"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert list(metrics) == [
        "patterns", "observed", "rms_ns_nominal", "rms_ns_identified", "rms_ns_rewritten",
        "accuracy_nominal", "accuracy_chip", "accuracy_rewritten",
    ]  # fmt: skip
    assert metrics["patterns"] == 24 and metrics["observed"] == "all"
    # What only the chip itself can tell.
    assert metrics["rms_ns_rewritten"] is None and metrics["accuracy_nominal"] > 0.5
    names = {"biases.csv", "parameters.csv", "report.html", "iris.trained.spice", "spikes_1.csv"}
    assert names <= {path.name for path in folder.iterdir()}
    old = read_knobs(resource_dir("characterization") / "iris" / "biases.csv")
    new = read_knobs(folder / "biases.csv")
    assert 1e-3 < np.abs(new[0].values["n"] - old[0].values["n"]).max() < 0.1
    assert read_spikes(folder / "spikes_1.csv", (5, 5, 5), 1e-6).patterns == tuple(range(1, 25))


def test_bad_tables_and_commands_are_exit_2(finished: Path, table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    wrong = tmp_path / "wrong.csv"
    frame.assign(t_spike_s=frame["t_spike_s"] * 1e9).to_csv(wrong, index=False)
    assert "give times in s" in _calibrate(finished, "--measured", str(wrong), code=2)
    assert "no such table" in _calibrate(finished, "--measured", str(tmp_path / "no.csv"), code=2)
    assert "one of --chip" in _calibrate(finished, code=2)
    assert "one of --chip" in _calibrate(finished, "--chip", "1", "--measured", str(table), code=2)


def test_a_design_that_is_a_chip_already_is_refused(finished: Path, tmp_path: Path) -> None:
    design = tmp_path / "iris.toml"
    text = IRIS.read_text(encoding="utf-8")
    design.write_text(text.replace('variation = "none"', 'variation = "all"'), encoding="utf-8")
    for command in (["calibrate", "--chip", "2"], ["yield", "--chips", "2"]):
        arguments = [command[0], str(design), "--run-dir", str(finished), *command[1:]]
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 2 and 'set variation = "none"' in result.output
