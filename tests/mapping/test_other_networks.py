"""Biases belong to one network: with another one a gate would be left floating."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from codesign.bench import knob_sources
from codesign.cells import Network, NetworkParameters, ResistiveSynapseParameters
from codesign.characterize.model import FittedModel
from codesign.errors import DataError
from codesign.mapping import LayerKnobs, knob_layers, read_knobs, weights_of, write_knobs
from codesign.resources import resource_dir

MODEL = FittedModel.load(resource_dir("characterization") / "iris" / "model.json").averaged()
WEIGHTS = [np.array([[0.3, -0.2], [0.1, 0.0]]), np.array([[0.5, -0.4]])]
VOLTS = {"n": "V", "p": "V"}


def sources(network: Network, layers: tuple[LayerKnobs, ...]) -> list[str]:
    return knob_sources(network, [layer.values for layer in layers])


@pytest.mark.parametrize("layers", [(2, 2), (2, 2, 1, 1), (3, 2, 1), (2, 3, 1), (2, 2, 2)])
def test_biases_of_another_network_are_refused(layers):
    network = Network(NetworkParameters(layers=layers), "other")
    with pytest.raises(DataError, match="other has") as caught:
        sources(network, knob_layers(WEIGHTS, MODEL))
    assert "mapping again" in caught.value.remedy


def test_resistive_synapses_have_no_sources_and_need_a_value_for_each_device():
    parameters = NetworkParameters(layers=(2, 2, 1), synapse=ResistiveSynapseParameters())
    network = Network(parameters, "resistive")
    layers = knob_layers(WEIGHTS, MODEL)
    assert sources(network, layers) == []
    with pytest.raises(DataError, match="resistive has"):
        sources(network, layers[:1])


def test_every_gate_has_its_own_source():
    network = Network(NetworkParameters(layers=(2, 2, 1)), "toy")
    layers = knob_layers(WEIGHTS, MODEL)
    nodes = [line.split()[1] for line in sources(network, layers)]
    assert len(set(nodes)) == len(nodes)
    assert set(nodes) == {p for p in network.port_names if p.startswith(("bn_", "bp_"))}
    volts = {line.split()[1]: float(line.split()[-1]) for line in sources(network, layers)}
    # Row of a weight matrix: the neuron; column: its input.
    assert volts["bn_1_1_1"] == pytest.approx(layers[0].values["n"][0, 0])
    assert volts["bp_1_2_1"] == pytest.approx(layers[0].values["p"][0, 1])
    assert volts["bp_1_2_2"] == pytest.approx(layers[1].values["p"][0, 1])
    assert volts["bn_2_2_1"] == 0 and volts["bp_2_2_1"] == MODEL.supply_V


@settings(max_examples=25, deadline=None)
@given(
    weight=arrays(float, (2, 3), elements=st.floats(-1.0, 1.0)),
    scale=st.tuples(st.floats(0.7, 1.3), st.floats(0.7, 1.3)),
    form=st.sampled_from(["linear", "extended"]),
)
def test_scaled_weights_come_back_scaled(weight, scale, form):
    weight[np.abs(weight) < 1e-3] = 0.0
    layers = knob_layers([weight], MODEL, form=form, scale=scale)
    (back,) = weights_of(layers, MODEL, form)
    np.testing.assert_allclose(back, weight * np.where(weight >= 0, *scale), atol=1e-9)
    for layer in layers:
        on_n, on_p = layer.values["n"] > 0, layer.values["p"] < MODEL.supply_V
        assert not (on_n & on_p).any()
        np.testing.assert_array_equal(on_n | on_p, weight != 0)


def test_more_weight_opens_its_transistor_further():
    (layer,) = knob_layers([np.array([[0.1, 0.2, 0.4], [-0.1, -0.2, -0.4]])], MODEL)
    assert (np.diff(layer.values["n"][0]) > 0).all() and (np.diff(layer.values["p"][1]) < 0).all()


@settings(max_examples=15, deadline=None)
@given(arrays(float, (3, 2), elements=st.floats(-1.0, 1.0)))
def test_file_keeps_the_weights(tmp_path_factory, weight):
    path = tmp_path_factory.mktemp("biases") / "biases.csv"
    weight[np.abs(weight) < 1e-3] = 0.0
    write_knobs(path, knob_layers([weight], MODEL), VOLTS)
    np.testing.assert_allclose(weights_of(read_knobs(path), MODEL)[0], weight, atol=1e-9)


@pytest.mark.parametrize("bad", [b"\xff\xfe\x00", b"PK\x03\x04half", b"\x00" * 40])
def test_bytes_that_are_no_table_are_named(bad, tmp_path):
    (tmp_path / "biases.csv").write_bytes(bad)
    with pytest.raises(DataError, match=r"biases\.csv is not a table"):
        read_knobs(tmp_path / "biases.csv")


def test_biases_outside_the_table_say_to_map_again():
    (layer,) = knob_layers([np.array([[0.5]])], MODEL)
    layer.values["n"][:] = 1.7
    with pytest.raises(DataError, match="knobs of layer 1"):
        weights_of([layer], MODEL)


def test_simulation_workers_do_not_load_torch():
    code = "import sys, codesign.verify.circuit, codesign.characterize.column_trials\n"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
