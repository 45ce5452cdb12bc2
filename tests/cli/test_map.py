"""`codesign map`: a user's weights as knobs of the circuit, and what is said of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from codesign.cli import cli
from codesign.mapping import read_knobs
from codesign.resources import resource_dir


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A design that has been fitted already."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('name = "mine"\n')
    fitted = tmp_path / "build" / "mine" / "fit"
    fitted.mkdir(parents=True)
    shutil.copy(resource_dir("characterization") / "iris" / "model.json", fitted)
    return tmp_path


def weights() -> list[np.ndarray]:
    draw = np.random.default_rng(5)
    return [draw.uniform(0.1, 0.5, (5, 5)) for _ in range(2)]


def run(arrays: list[np.ndarray], *arguments: str) -> Result:
    np.savez("weights.npz", *arrays)
    return CliRunner().invoke(cli, ["map", "mine.toml", "--weights", "weights.npz", *arguments])


def test_weights_become_biases_and_a_netlist(workplace):
    result = run(weights(), "--json")
    assert result.exit_code == 0, result.output
    steps = json.loads(result.stdout)["steps"]
    assert [step["name"] for step in steps] == ["generate", "map"]
    assert steps[1]["summary"]["arrays"] == ["arr_0", "arr_1"]
    assert steps[1]["summary"]["unused"] == []
    folder = workplace / "build" / "mine"
    layers = read_knobs(folder / "mapping" / "biases.csv")
    for found, given in zip(layers, weights(), strict=True):
        np.testing.assert_allclose(found.weight, given, rtol=1e-9)
        assert ((found.values["n"] > 0.2) & (found.values["n"] < 0.8)).all()
        np.testing.assert_allclose(found.values["p"], 1.8)
    assert ".subckt mine_trained" in (folder / "netlist" / "mine.trained.spice").read_text()
    reach = json.loads((folder / "mapping" / "reach.json").read_text())["layers"]
    assert [(x["layer"], x["clipped"], x["below"], x["wrong_sign"]) for x in reach] == [
        *((1, 0, 0, 0), (2, 0, 0, 0)),
    ]
    assert "map       up to date" in run(weights()).output


def test_without_a_fit_the_remedy_is_the_flow(workplace):
    shutil.rmtree(workplace / "build")
    result = run(weights())
    assert result.exit_code == 2
    assert "fit/model.json, which is not there" in result.output
    assert "run `codesign run mine.toml`" in result.output and "None" not in result.output


def test_what_was_changed_is_said(workplace):
    first, second = weights()
    first[0, 0], first[1, 1], second[2, 2] = 900.0, 1e-9, -900.0
    result = run([first, second])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("layer ")]
    assert "25 weights, 1 clipped to the largest, 1 below the smallest" in lines[0]
    assert "1 clipped" in lines[1] and "0 below" in lines[1]
    layers = read_knobs(workplace / "build" / "mine" / "mapping" / "biases.csv")
    assert 1.0 < layers[0].weight[0, 0] < 900.0 and layers[0].weight[1, 1] == 0.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: [w[0][:, :4], w[1]], "layer 1 has weights (5, 4), the network needs (5, 5)"),
        (lambda w: [np.where(w[0] > 0.4, np.nan, w[0]), w[1]], "is no finite number"),
        (lambda w: w[:1], "has 1 arrays"),
        (lambda w: [w[0].astype(str), w[1]], "holds no numbers"),
    ],
)
def test_weights_of_another_network_are_bad_input(workplace, change, said):
    result = run(change(weights()))
    assert result.exit_code == 2
    assert "weights.npz" in result.stderr and said in result.stderr
    assert not (workplace / "build" / "mine" / "mapping").exists()


def test_a_design_without_a_circuit_has_nothing_to_map(workplace):
    (workplace / "mine.toml").write_text('name = "mine"\n[model]\nlayers = "3"\n')
    result = run(weights())
    assert result.exit_code == 2 and "map does not apply" in result.stderr
