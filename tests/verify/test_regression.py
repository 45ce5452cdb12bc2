"""The closed-loop check passes as shipped and fails when a leading parameter is 5 % off."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from codesign.bench import trained_deck
from codesign.characterize.model import FittedModel
from codesign.cli.main import cli
from codesign.errors import DataError, DesignError
from codesign.mapping import read_knobs
from codesign.pdk import Interconnect, Variation, default_process
from codesign.records import parse_toml, validate
from codesign.resources import resource_dir
from codesign.verify.reference import RegressionReference, reference_text
from codesign.verify.regression import (
    RegressionReport,
    SimulatedReference,
    regression_report,
    run_regression,
    simulate_reference,
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Simulations of the shipped biases: the model is what the tests change, not the circuit."""
    return tmp_path_factory.mktemp("regression-cache")


@pytest.fixture
def reference(tmp_path) -> Path:
    folder = tmp_path / "iris"
    shutil.copytree(resource_dir("characterization") / "iris", folder)
    return folder


def check(folder: Path, cache: Path):
    runner = CliRunner()
    return runner.invoke(
        cli, ["regression", "--reference", str(folder), "--cache", str(cache), "--json"]
    )


def scale_form(key: str, factor: float) -> Callable[[dict[str, Any]], None]:
    def change(model: dict[str, Any]) -> None:
        for layer in model["layers"]:
            pnn = layer["forms"]["extended"]["pnn"]
            pnn[key] = pnn[key] * factor

    return change


def scale_capacitance(model: dict[str, Any]) -> None:
    for layer in model["layers"]:
        layer["forms"]["extended"]["c_eff_F"] *= 1.05


def scale_current(polarity: str) -> Callable[[dict[str, Any]], None]:
    def change(model: dict[str, Any]) -> None:
        curve = model["currents"][polarity]
        curve["i0_A"] = [1.05 * value for value in curve["i0_A"]]

    return change


def scale_firing(model: dict[str, Any]) -> None:
    for layer in model["layers"]:
        curve = layer["forms"]["extended"]["pnn"]["firing_curve"]
        for key in ("t_knots", "dt_dv"):
            curve[key] = [1.05 * value for value in curve[key]]


DRIFTS = {
    "c_eff": scale_capacitance,
    "current_n": scale_current("n"),
    "current_p": scale_current("p"),
    "e_plus": scale_form("e_plus", 1.05),
    "e_minus": scale_form("e_minus", 1.05),
    "firing": scale_firing,
}


def test_model_and_spice_agree_as_shipped(reference, cache, requires_ngspice, requires_models):
    result = check(reference, cache)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)["figures"]
    assert figures["spikes_missed"] == 0
    assert figures["rmse_output_ns"] < 0.5 and figures["cut_rms_ns"] < 0.03


@pytest.fixture(scope="module")
def simulated(cache, requires_ngspice, requires_models) -> SimulatedReference:
    folder = resource_dir("characterization") / "iris"
    return simulate_reference(folder, FittedModel.load(folder / "model.json"), cache_dir=cache)


@pytest.mark.parametrize("name", DRIFTS)
def test_five_per_cent_on_one_parameter_fails(name, reference, simulated):
    path = reference / "model.json"
    model = json.loads(path.read_text())
    DRIFTS[name](model)
    path.write_text(json.dumps(model))
    report = regression_report(simulated, FittedModel.load(path))
    assert report.failure is not None and report.failure.exit_code == 1
    # The closed loop itself notices, not only the check of single synapses.
    assert {"rmse_output_ns", "rmse_hidden_ns"} & set(report.exceeded)


def test_changed_circuit_fails(reference, cache, requires_ngspice, requires_models):
    path = reference / "regression.toml"
    text = path.read_text()
    assert "v_discharge = 0.6" in text
    path.write_text(text.replace("v_discharge = 0.6", "v_discharge = 0.605"))
    assert check(reference, cache).exit_code == 1


def test_reference_text_reads_back():
    path = resource_dir("characterization") / "iris" / "regression.toml"
    first = validate(RegressionReference, parse_toml(path.read_text(), "shipped"), "shipped")
    again = validate(RegressionReference, parse_toml(reference_text(first), "again"), "again")
    assert again == first


def test_reference_keeps_every_condition():
    text = (resource_dir("characterization") / "iris" / "regression.toml").read_text()
    for line in ("supply_V = 1.8", 'interconnect = "nom"', 'variation = "none"', "seed = 1"):
        assert f"\n{line}\n" in text
        shortened = text.replace(f"{line}\n", "")
        with pytest.raises(DesignError, match=line.split()[0]):
            validate(RegressionReference, parse_toml(shortened, "short"), "short")
    changed = text.replace("supply_V = 1.8", "supply_V = 1.62").replace('"none"', '"mismatch"')
    changed = changed.replace('interconnect = "nom"', 'interconnect = "high"')
    changed = changed.replace('view = "layout"', 'view = "schematic"')
    setup = validate(RegressionReference, parse_toml(changed, "other"), "other").setup()
    assert setup.supply_V == 1.62
    assert setup.conditions.variation is Variation.MISMATCH
    assert setup.conditions.interconnect is setup.views.interconnect is Interconnect.HIGH
    deck = trained_deck(setup, read_layers(), [[0.0] * 5])
    assert deck.conditions == setup.conditions
    assert re.search(r"^vvdd vdd 0 (dc )?1\.62$", deck.netlist, re.MULTILINE)


def read_layers() -> list[Mapping[str, np.ndarray]]:
    folder = resource_dir("characterization") / "iris"
    return [layer.values for layer in read_knobs(folder / "biases.csv")]


def test_figure_that_could_not_be_computed_fails():
    report = RegressionReport({"rmse_output_ns": None}, {"rmse_output_ns": 0.25})
    assert report.failure is not None and report.failure.exit_code == 1


def test_damaged_reference_is_bad_input(reference, requires_ngspice, requires_models):
    (reference / "biases.csv").write_text("layer,post\n1,1\n")
    with pytest.raises(DataError, match=r"biases\.csv"):
        run_regression(reference, default_process())
