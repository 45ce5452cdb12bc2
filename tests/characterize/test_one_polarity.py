"""Synapses that carry one sign: drawn, simulated, mapped and read back with one knob."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from codesign.bench import Setup, knob_sources
from codesign.cells import (
    ExternalSynapseParameters,
    NetworkParameters,
    ResistiveSynapseParameters,
)
from codesign.cells.knobs import SIGN
from codesign.characterize import column_trials
from codesign.characterize.column_trials import blank_rows, column_deck, column_tasks
from codesign.characterize.model import FittedModel
from codesign.characterize.network_draw import NetworkDraw
from codesign.characterize.plan import ColumnSweep, NetworkSweep
from codesign.characterize.trial_knobs import TrialKnobs
from codesign.errors import DataError
from codesign.mapping import knob_layers, read_knobs, weights_of, within_reach, write_knobs
from codesign.resources import resource_dir

from .synthetic import BENT, SUPPLY_V, V_TH_V, conductance_table, synapse_table

SHIPPED = resource_dir("characterization") / "iris" / "model.json"
OTHER = {"n": "p", "p": "n"}
SETUP = Setup(NetworkParameters(layers=(2, 1)))
COLUMN = ColumnSweep(
    kind="column", name="column", runs=1, trials=2, warmup=0, i_min=5e-9, i_max=9e-8
)
POLARITIES = pytest.mark.parametrize("polarity", ["n", "p"])


# Half of a current source synapse each.
NETLISTS = {
    "n": """.subckt half d s w vss
x1 d w m vss sky130_fd_pr__nfet_01v8 w=1 l=0.25
x2 m s vss vss sky130_fd_pr__nfet_01v8 w=1 l=0.25
.ends half
""",
    "p": """.subckt half d s w vdd
x1 d w m vdd sky130_fd_pr__pfet_01v8 w=1 l=0.25
x2 m s vdd vdd sky130_fd_pr__pfet_01v8 w=1 l=0.25
.ends half
""",
}
KEYS = {
    "n": {
        "ports": {"dendrite": "d", "spike": "s", "ground": "vss"},
        "knobs": {"n": {"port": "w", "off": "0V", "range": ["0.3V", "0.7V"]}},
    },
    "p": {
        "ports": {"dendrite": "d", "spike_bar": "s", "supply": "vdd"},
        "knobs": {"p": {"port": "w", "off": "supply", "range": ["1.1V", "1.5V"]}},
    },
}


@pytest.fixture
def setup(polarity: str, tmp_path: Path) -> Setup:
    """A network of a user's synapses that have one polarity."""
    (tmp_path / "half.spice").write_text(NETLISTS[polarity])
    keys = {"kind": "external", "netlist": "half.spice", "subckt": "half", **KEYS[polarity]}
    synapse = ExternalSynapseParameters.model_validate_json(
        json.dumps(keys), context={"folder": tmp_path}
    )
    return Setup(NetworkParameters(layers=(2, 2), synapse=synapse), name="toy")


def table(polarity: str) -> pd.DataFrame:
    frame = synapse_table(BENT)
    return frame[frame["polarity"] == polarity]


def model(polarity: str) -> FittedModel:
    """The shipped model, one polarity left."""
    whole = FittedModel.load(SHIPPED).averaged()
    return replace(whole, currents={polarity: whole.currents[polarity]})


@POLARITIES
def test_trials_draw_the_one_sign(polarity: str, setup: Setup) -> None:
    knobs = TrialKnobs.of(setup, table(polarity))
    assert knobs.one_sign == SIGN[polarity] and set(knobs.curves) == {polarity}
    drawn = knobs.signs(np.array([True, False, True]))
    assert (drawn == (SIGN[polarity] > 0)).all()
    current = SIGN[polarity] * np.array([1e-8, 5e-8])
    (values,) = knobs.values(current).values()
    np.testing.assert_allclose(knobs.curves[polarity].current(values), np.abs(current), rtol=1e-9)
    # The line is the table's own near the reset voltage; bent currents move it by a few percent.
    line = knobs.straight_lines((5e-9, 9e-8))
    found, known = (line.e_plus, BENT.e_plus) if polarity == "n" else (line.e_minus, BENT.e_minus)
    assert found == pytest.approx(known * V_TH_V, rel=0.1)


def test_both_signs_are_drawn_where_there_are_two() -> None:
    knobs = TrialKnobs.of(SETUP, synapse_table(BENT))
    positive = np.array([True, False])
    assert knobs.one_sign is None and knobs.signs(positive) is positive
    values = knobs.values(np.array([2e-8, -2e-8]))
    assert values["n"][0] > 0 and values["n"][1] == 0
    assert values["p"][0] == SUPPLY_V and values["p"][1] < SUPPLY_V


def test_trials_cover_what_weights_of_the_membrane_need() -> None:
    knobs = TrialKnobs.of(SETUP, synapse_table(BENT))
    bare = ColumnSweep(kind="column", name="column")
    low, high = knobs.current_range(bare, 150e-15)
    assert (low, high) == pytest.approx((2.1e-9, 1.57e-7), rel=0.01)
    assert knobs.current_range(COLUMN, 150e-15) == (5e-9, 9e-8)
    # A hundredfold membrane needs what the synapse does not give.
    with pytest.raises(DataError, match="gives no currents between"):
        knobs.current_range(bare, 100e-12)


# Positive weights alone: negative ones never make a neuron fire.
@pytest.mark.parametrize("polarity", ["n"])
def test_columns_have_one_knob_per_synapse(setup: Setup) -> None:
    (task,) = column_tasks(COLUMN, setup, table("n"))
    assert set(task.knobs) == {"n"} and (np.array(task.knobs["n"]) > 0).all()
    deck, _ = column_deck(task)
    assert "\nvbn_1_1 " in deck.netlist and "bp_1_1" not in deck.netlist
    _, inputs = blank_rows(task, "ok", 1, 0.0)
    assert "v_bias_n_V" in inputs[0] and "v_bias_p_V" not in inputs[0]


@pytest.mark.parametrize("polarity", ["p"])
def test_columns_that_never_fire_are_said_to_be(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_trials, "_MOST_DRAWS", 5)
    with pytest.raises(DataError, match="make the neuron fire") as caught:
        column_tasks(COLUMN, setup, table("p"))
    assert "positive weights" in str(caught.value.remedy)


@pytest.mark.parametrize("polarity", ["n"])
def test_networks_have_one_knob_per_synapse(setup: Setup) -> None:
    sweep = NetworkSweep(kind="network", name="column", runs=1, trials=1, i_min=5e-9, i_max=9e-8)
    draw = NetworkDraw(sweep, setup, {"synapse_current": table("n")})
    run = draw.run(np.random.default_rng(1), [np.arange(setup.network.layers[-1])])
    assert [set(layer) for layer in run.knobs] == [{"n"}]
    assert (run.knobs[0]["n"] > 0).all()


@POLARITIES
def test_weights_of_the_one_sign_survive(polarity: str, setup: Setup, tmp_path: Path) -> None:
    own = model(polarity)
    weight = SIGN[polarity] * np.array([[0.4, 0.0], [0.2, 0.7]])
    layers = knob_layers([weight], own)
    assert set(layers[0].values) == {polarity}
    assert layers[0].values[polarity][0, 1] == own.currents[polarity].off
    np.testing.assert_allclose(weights_of(layers, own)[0], weight, atol=1e-9)
    path = tmp_path / "biases.csv"
    write_knobs(path, layers, {polarity: "V"})
    assert f"bias_{OTHER[polarity]}_V" not in path.read_text()
    np.testing.assert_allclose(weights_of(read_knobs(path), own)[0], weight, atol=1e-9)
    nodes = [card.split()[1] for card in knob_sources(setup.cell, [layers[0].values])]
    assert nodes == [f"b{polarity}_{at}_1" for at in ("1_1", "1_2", "2_1", "2_2")]


@POLARITIES
def test_weights_of_the_other_sign_are_refused(polarity: str) -> None:
    wrong = -SIGN[polarity] * np.array([[0.4]])
    sign = "positive" if SIGN[polarity] > 0 else "negative"
    with pytest.raises(DataError, match="no polarity for them") as caught:
        knob_layers([wrong], model(polarity))
    assert f'signs = "{sign}"' in str(caught.value.remedy)


@POLARITIES
def test_given_weights_of_the_other_sign_are_switched_off_and_said(polarity: str) -> None:
    weight = np.array([[0.4, -0.3], [1e-9, 50.0]]) * SIGN[polarity]
    (changed,), (report,) = within_reach([weight], model(polarity))
    assert (report.wrong_sign, report.below, report.clipped) == (1, 1, 1)
    assert changed[0, 0] == weight[0, 0] and changed[0, 1] == changed[1, 0] == 0
    assert 0 < changed[1, 1] * SIGN[polarity] < 50.0
    knob_layers([changed], model(polarity))


def test_device_values_are_written_in_columns_of_their_own(tmp_path: Path) -> None:
    network = NetworkParameters(layers=(2, 1), synapse=ResistiveSynapseParameters())
    curves = TrialKnobs.of(Setup(network), conductance_table()).curves
    valued = replace(FittedModel.load(SHIPPED).averaged(), currents=curves)
    weight = np.array([[0.4, -0.3]])
    layers = knob_layers([weight], valued)
    assert layers[0].values["n"][0, 1] == layers[0].values["p"][0, 0] == 1e-15
    path = tmp_path / "biases.csv"
    write_knobs(path, layers, {"n": "S", "p": "S"})
    assert path.read_text().splitlines()[0].endswith(",value_n,value_p")
    np.testing.assert_allclose(weights_of(read_knobs(path), valued)[0], weight, rtol=1e-9)
