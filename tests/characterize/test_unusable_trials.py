"""Tables whose simulations all failed, and models that say too little, are bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from codesign.bench import Setup
from codesign.cells import NetworkParameters
from codesign.characterize.column_trials import column_deck, column_tasks
from codesign.characterize.fit import fit_tables
from codesign.characterize.model import FittedModel
from codesign.characterize.plan import ColumnSweep
from codesign.errors import DataError
from codesign.pdk import Conditions
from codesign.resources import resource_dir

REFERENCE = resource_dir("characterization") / "iris"


@pytest.fixture
def tables(tmp_path) -> Path:
    for name in ("synapse_current", "column_trials", "column_inputs"):
        shutil.copy(REFERENCE / f"{name}.parquet", tmp_path)
    return tmp_path


def fit(folder: Path) -> FittedModel:
    return fit_tables(folder, Setup())


@pytest.mark.parametrize("why", ["timeout", "silent"])
def test_no_trial_that_fired_is_bad_input(tables, why):
    path = tables / "column_trials.parquet"
    trials = pd.read_parquet(path)
    trials["t_fire_s"] = np.nan
    if why == "timeout":
        trials["status"] = why
    trials.to_parquet(path)
    with pytest.raises(DataError, match=f"only 0 of {len(trials)} column trials fired") as caught:
        fit(tables)
    assert "neuron's biases" in caught.value.remedy


def test_no_input_rows_is_bad_input(tables):
    path = tables / "column_inputs.parquet"
    pd.read_parquet(path).assign(status="crashed").to_parquet(path)
    with pytest.raises(DataError, match=r"column_inputs\.parquet"):
        fit(tables)


@pytest.mark.parametrize(("key", "value"), [("trials", float("inf")), ("firing", None)])
def test_model_that_cannot_predict_is_refused(key, value, tmp_path):
    data = json.loads((REFERENCE / "model.json").read_text())
    form = data["layers"][1]["forms"]["extended"]
    if key == "firing":
        form["pnn"]["firing_curve"] = value
    else:
        form[key] = value
    (tmp_path / "model.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match=r"model\.json is not a fitted model"):
        FittedModel.load(tmp_path / "model.json")


def test_trials_of_the_shipped_sweep_cover_the_range():
    trials = pd.read_parquet(REFERENCE / "column_trials.parquet")
    fired = trials[(trials["status"] == "ok") & trials["t_fire_s"].notna()]
    for _, layer in fired.groupby("layer"):
        times = layer["t_fire_s"].to_numpy() * 1e6
        # Every tenth of the phase in which training keeps spikes has trials.
        counts = np.histogram(times, bins=np.arange(0.1, 0.91, 0.1))[0]
        assert (counts >= 5).all()


def test_column_has_the_loads_of_its_place_in_the_network():
    table = pd.read_parquet(REFERENCE / "synapse_current.parquet")
    network = NetworkParameters(layers=(2, 3, 4))
    sweep = ColumnSweep(kind="column", name="column", runs=1, trials=1, warmup=1)
    first, last = column_tasks(sweep, Setup(network), table)
    for task, synapses, load in ((first, 2 * 3, True), (last, 3 * 4, False)):
        deck, save = column_deck(task)
        text = deck.netlist
        column = text[text.index(f".subckt crossbar_{task.fan_in}x{task.neurons} ") :]
        assert column[: column.index(".ends")].count(" synapse\n") == synapses
        assert ("\nxload " in text) is load
        assert len(save) == 2 + task.fan_in
        # The neuron under test is on the first dendrite; the other columns idle at v0.
        (card,) = (line for line in text.splitlines() if line.startswith("xcolumn"))
        assert card.split().count("dend") == 1 and card.split().count("v0") == task.neurons - 1
        assert deck.conditions == Conditions()
