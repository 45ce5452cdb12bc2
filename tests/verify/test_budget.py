"""The error budget: what a term moves, against circuits whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from codesign.characterize.currents import current_tables
from codesign.characterize.model import FittedModel
from codesign.characterize.tables import read_table
from codesign.cli.main import cli
from codesign.designs.network import Design
from codesign.errors import DataError
from codesign.mapping import read_knobs, weights_of
from codesign.pnn import membrane_potential
from codesign.resources import resource_dir
from codesign.verify.budget import as_json, error_budget
from codesign.verify.budget_files import budget_chart, budget_text, read_budget
from codesign.verify.prediction import circuit_prediction
from codesign.verify.table_model import table_membranes

FOLDER = resource_dir("characterization") / "iris"
MODEL = FittedModel.load(FOLDER / "model.json")
KNOBS = list(read_knobs(FOLDER / "biases.csv"))
INPUTS_S = np.random.default_rng(2).uniform(0.05e-6, 0.9e-6, (30, 5))


def tables():
    columns = ("polarity", "v_mem_V", "i_synapse_A", "status")
    knobs = Design.load(resource_dir("designs") / "iris.toml").setup().synapse.knobs
    return current_tables(read_table(FOLDER / "synapse_current.parquet", columns), dict(knobs))


def changed(**terms):
    """The shipped model with other terms in every layer."""
    layers = []
    for layer in MODEL.layers:
        form = layer.forms["extended"]
        form = replace(form, pnn=replace(form.pnn, **terms))
        layers.append(replace(layer, forms={**layer.forms, "extended": form}))
    return replace(MODEL, layers=tuple(layers))


@pytest.mark.parametrize(
    ("cause", "terms"),
    [
        ("coupling", {"coupling": ()}),
        ("series", {"series": 0.0}),
        ("delay", {"kick_per_weight_plus": 0.0, "kick_per_weight_minus": 0.0}),
        ("kick", {"kick_plus": (), "kick_minus": ()}),
    ],
)
def test_a_circuit_without_the_term_is_met_without_it(cause, terms):
    circuit = circuit_prediction(KNOBS, changed(**terms), INPUTS_S)
    for layer in error_budget(KNOBS, MODEL, INPUTS_S, circuit):
        part = next(c for c in layer.contributions if c.cause == cause)
        assert part.rmse_ns < 1e-6 < 0.01 < layer.rmse_ns
        # What the term moves is then all of the error.
        assert np.hypot(part.mean_ns, part.moves_ns) == pytest.approx(layer.rmse_ns, rel=1e-6)
        assert part.moves_ns <= layer.rmse_ns


def test_systematic_part_and_scatter_make_the_error():
    rng = np.random.default_rng(5)
    circuit = circuit_prediction(KNOBS, MODEL, INPUTS_S)
    circuit[1] = circuit[1] + np.arange(5) * 0.1e-9 + rng.normal(0, 0.05e-9, circuit[1].shape)
    _, output = error_budget(KNOBS, MODEL, INPUTS_S, circuit)
    assert np.hypot(output.systematic_ns, output.scatter_ns) == pytest.approx(output.rmse_ns)
    np.testing.assert_allclose(output.neuron_mean_ns, -np.arange(5) * 0.1, atol=0.05)
    assert 0.03 < output.scatter_ns < 0.07


def test_measured_currents_agree_with_the_form_to_what_the_form_leaves_out():
    """Two independent solutions: closed form with polynomials, Runge-Kutta with tables."""
    circuit = circuit_prediction(KNOBS, MODEL, INPUTS_S)
    before = INPUTS_S
    for number, params in enumerate(MODEL.parameters(), start=1):
        v = table_membranes(KNOBS, number, MODEL, tables(), before / MODEL.t_phase_s)
        weight = torch.tensor(weights_of(KNOBS, MODEL)[number - 1])
        t_in = torch.tensor(np.nan_to_num(before / MODEL.t_phase_s, nan=2.0))
        closed = membrane_potential(t_in, weight, params).numpy()
        assert 1e-6 < np.abs(v - closed).max() < 4e-3
        before = circuit[number - 1]
    budget = error_budget(KNOBS, MODEL, INPUTS_S, circuit, tables())
    assert [layer.contributions[-1].cause for layer in budget] == ["form", "form"]


def test_silent_neurons_are_left_out():
    circuit = circuit_prediction(KNOBS, MODEL, INPUTS_S)
    circuit[0][:, 2] = np.nan
    first, _ = error_budget(KNOBS, MODEL, INPUTS_S, circuit)
    assert first.neuron_mean_ns[2] == 0 and first.rmse_ns == pytest.approx(0, abs=1e-6)


def test_files_and_chart(tmp_path):
    import json

    circuit = circuit_prediction(KNOBS, changed(coupling=()), INPUTS_S)
    budget = error_budget(KNOBS, MODEL, INPUTS_S, circuit)
    (tmp_path / "verify").mkdir()
    path = tmp_path / "verify" / "budget.json"
    with pytest.raises(DataError, match="no error budget"):
        read_budget(tmp_path)
    path.write_text(json.dumps(as_json(budget)))
    text = budget_text(read_budget(tmp_path)["budget"])
    assert "neighbours' membranes" in text and "layer 2" in text
    labels = {t.get_text() for t in budget_chart(budget).axes[0].get_yticklabels()}
    assert {"left: scatter", "neighbours' membranes"} <= labels
    path.write_text("{}")
    with pytest.raises(DataError, match="is damaged"):
        read_budget(tmp_path)


def test_the_command_knows_the_option():
    assert "--budget" in {option for p in cli.commands["verify"].params for option in p.opts}
