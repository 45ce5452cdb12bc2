from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from codesign.bench import Setup, trained_netlist
from codesign.cells import NetworkParameters
from codesign.characterize.model import FittedModel
from codesign.errors import DataError
from codesign.mapping import knob_layers, read_knobs, weights_of, write_knobs
from codesign.resources import resource_dir
from codesign.spice import Deck

MODEL = FittedModel.load(resource_dir("characterization") / "iris" / "model.json").averaged()


@settings(max_examples=30, deadline=None)
@given(arrays(float, (3, 4), elements=st.floats(-1.1, 1.1)))
def test_weights_survive_the_way_to_biases_and_back(weight):
    weight[np.abs(weight) < 1e-3] = 0.0
    back = weights_of(knob_layers([weight], MODEL), MODEL)
    np.testing.assert_allclose(back[0], weight, atol=1e-9)


def test_sign_selects_the_pair():
    layer = knob_layers([np.array([[0.5, -0.5, 0.0]])], MODEL)[0]
    assert layer.values["n"][0, 0] > 0.3 and layer.values["p"][0, 0] == MODEL.supply_V
    assert layer.values["n"][0, 1] == 0 and layer.values["p"][0, 1] < MODEL.supply_V - 0.3
    assert layer.values["n"][0, 2] == 0 and layer.values["p"][0, 2] == MODEL.supply_V


def test_scales_act_on_their_sign_alone():
    weight = [np.array([[0.5, -0.5]])]
    plain, scaled = (knob_layers(weight, MODEL, scale=s)[0].current_A for s in ((1, 1), (1.2, 0.9)))
    np.testing.assert_allclose(scaled / plain, [[1.2, 0.9]])


def test_current_beyond_the_table_says_what_to_do():
    with pytest.raises(DataError, match="w_max"):
        knob_layers([np.array([[1000.0]])], MODEL)


def test_bias_table_reads_back(tmp_path):
    layers = knob_layers([np.array([[0.4, -0.2], [0.0, 1.0]]), np.array([[0.3, 0.1]])], MODEL)
    write_knobs(tmp_path / "biases.csv", layers, {"n": "V", "p": "V"})
    for one, other in zip(layers, read_knobs(tmp_path / "biases.csv"), strict=True):
        for polarity in "np":
            np.testing.assert_allclose(one.values[polarity], other.values[polarity], rtol=1e-11)
        np.testing.assert_allclose(one.current_A, other.current_A, rtol=1e-11)


@pytest.mark.parametrize(
    "text",
    [
        "layer,post,pre,weight,current_A,bias_n_V,bias_p_V\n1,1,1,a,0,0,0\n",
        "layer,post,pre,weight,current_A,bias_n_V,bias_p_V\n1,2,2,0,0,0,0\n",
        "layer,post\n1,1\n",
        "",
    ],
)
def test_damaged_bias_tables_are_named(tmp_path, text):
    (tmp_path / "biases.csv").write_text(text)
    with pytest.raises(DataError, match=r"biases\.csv"):
        read_knobs(tmp_path / "biases.csv")


def test_trained_netlist_biases_every_gate():
    setup = Setup(NetworkParameters(layers=(2, 3, 2)), name="toy")
    network = setup.cell
    rng = np.random.default_rng(0)
    layers = knob_layers([rng.normal(0, 0.3, (3, 2)), rng.normal(0, 0.3, (2, 3))], MODEL)
    text = trained_netlist(setup, [layer.values for layer in layers])
    Deck("toy", text, network.devices())
    outer = text[text.index(".subckt toy_trained") :]
    for port in network.port_names:
        if port.startswith(("bn_", "bp_")):
            assert outer.count(f"\nv{port} {port} 0 dc ") == 1
    assert ".control" not in text


def test_model_that_tells_other_neurons_apart_is_refused():
    apart = FittedModel.load(resource_dir("characterization") / "iris" / "model.json")
    with pytest.raises(DataError, match="2 neurons, the fitted model tells 5 apart"):
        knob_layers([np.full((2, 3), 0.2)], apart)
    (same,) = knob_layers([np.full((5, 3), 0.2)], apart)
    relative = apart.layers[0].forms["extended"].c_relative
    found = same.current_A[:, 0] / same.current_A[:, 0].mean()
    np.testing.assert_allclose(found, relative, rtol=1e-3)


def test_knobs_outside_the_range_have_the_weights_that_were_meant():
    weight = np.array([[0.5, -0.3]])
    (layer,) = knob_layers([weight], MODEL)
    curve = MODEL.currents["n"]
    far = layer.values["n"].copy()
    far[0, 0] = max(curve.values) + 0.2
    moved = replace(layer, values={**layer.values, "n": far})
    with pytest.raises(DataError, match="outside the characterised range"):
        weights_of([moved], MODEL)
    (found,) = weights_of([moved], MODEL, or_meant=True)
    np.testing.assert_allclose(found, weight, rtol=1e-3)
