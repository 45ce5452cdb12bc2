from __future__ import annotations

import numpy as np
import pytest

from codesign.bench import Setup, trained_netlist
from codesign.bench.stimulus import supply_sources
from codesign.cells import NetworkParameters, RCSpikeNeuronParameters
from codesign.characterize.model import FittedModel
from codesign.errors import DataError
from codesign.mapping import knob_layers, read_knobs, write_knobs, write_mapping
from codesign.pdk import Conditions
from codesign.resources import resource_dir
from codesign.spice import Deck, OperatingPoint, run_batch

MODEL = FittedModel.load(resource_dir("characterization") / "iris" / "model.json").averaged()
WEIGHTS = [np.array([[0.4, -0.3], [0.0, 0.2]])]
VOLTS = {"n": "V", "p": "V"}


@pytest.mark.parametrize(
    "neuron",
    [
        RCSpikeNeuronParameters(),
        RCSpikeNeuronParameters(transmission_gate=False, clamp=False, discharge_hold=False),
    ],
)
def test_ngspice_finds_every_bias_at_its_gate(neuron, process, requires_ngspice, requires_models):
    setup = Setup(NetworkParameters(layers=(2, 2), neuron=neuron), name="toy")
    network = setup.cell
    layers = knob_layers(WEIGHTS, MODEL)
    ports = [port for port in network.port_names if not port.startswith(("bn_", "bp_"))]
    idle = {"rstb_1": 1.8, "ph_1": 0, "phb_1": 1.8, "gate_1": 1.8, "gateb_1": 0, "clampb_1": 1.8}
    sources = [f"v{port} {port} 0 {volts}" for port, volts in idle.items() if port in ports]
    sources += [f"vpulse_{i} pulse_{i} 0 0" for i in (1, 2)]
    deck = Deck(
        "trained",
        "\n".join(
            [
                trained_netlist(setup, [layer.values for layer in layers]),
                *supply_sources(setup),
                *sources,
                f"xtop {' '.join(ports)} toy_trained",
            ]
        ),
        network.devices(),
        Conditions(),
    )
    gates = {
        f"v(xtop.{port})": layers[layer - 1].values[polarity][post - 1, pre - 1]
        for layer, post, pre, polarity, port in network.knob_ports()
    }
    save = (*gates, "v(sp_1_1)", "v(sp_1_2)", "v(spb_1_1)")
    found = run_batch(deck, OperatingPoint(save), process=process, timeout_s=60).require()
    for name, volts in gates.items():
        assert found[name][0] == pytest.approx(volts, abs=1e-6)
    # Nothing fires outside the firing phase.
    assert found["v(sp_1_1)"][0] < 0.01 and found["v(sp_1_2)"][0] < 0.01
    assert found["v(spb_1_1)"][0] > 1.79


def test_ports_are_those_of_the_network_without_the_biases(tmp_path):
    setup = Setup(NetworkParameters(layers=(2, 2)), name="toy")
    network = setup.cell
    layers = knob_layers(WEIGHTS, MODEL)
    table, path = write_mapping(tmp_path, setup, layers)
    assert table == tmp_path / "mapping" / "biases.csv"
    assert path == tmp_path / "netlist" / "toy.trained.spice"
    np.testing.assert_allclose(read_knobs(table)[0].weight, WEIGHTS[0])
    text = path.read_text().replace("\n+", "")
    (header,) = (line for line in text.splitlines() if line.startswith(".subckt toy_trained "))
    wanted = [port for port in network.port_names if not port.startswith(("bn_", "bp_"))]
    assert header.split()[2:] == wanted
    assert max(map(len, path.read_text().splitlines())) < 1000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused(value):
    with pytest.raises(DataError, match="weight of layer 2 is not a finite number"):
        knob_layers([WEIGHTS[0], np.array([[0.1, value]])], MODEL)


def test_current_below_the_table_is_off_and_stays_off(tmp_path):
    tiny = 0.5 * min(MODEL.currents["n"].i0_A) / MODEL.current_scale_A(1)
    layers = knob_layers([np.array([[tiny, -tiny]])], MODEL)
    assert (layers[0].values["n"] == 0).all()
    assert (layers[0].values["p"] == MODEL.supply_V)[0, 0]
    write_knobs(tmp_path / "biases.csv", layers, VOLTS)
    assert (read_knobs(tmp_path / "biases.csv")[0].values["n"] == 0).all()


def test_missing_bias_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"biases\.csv: there are no biases"):
        read_knobs(tmp_path / "biases.csv")


def test_duplicate_row_is_damage(tmp_path):
    path = tmp_path / "biases.csv"
    write_knobs(path, knob_layers(WEIGHTS, MODEL), VOLTS)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], lines[1]]) + "\n")
    with pytest.raises(DataError, match="some synapse"):
        read_knobs(path)
