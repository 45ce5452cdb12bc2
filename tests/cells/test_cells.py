from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from codesign.cells import (
    Crossbar,
    CrossbarParameters,
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
    Network,
    NetworkParameters,
    ResistiveSynapse,
    ResistiveSynapseParameters,
    TransistorOrder,
    design_cells,
    port_list,
    write_netlists,
)
from codesign.cells import RCSpikeNeuron as Neuron
from codesign.cells import RCSpikeNeuronParameters as NeuronParameters
from codesign.designs.network import Design
from codesign.errors import DesignError, InputError
from codesign.pdk import Conditions
from codesign.resources import resource_dir
from codesign.spice import DCSweep, Deck, run_batch

PUBLISHED = NeuronParameters(transmission_gate=False, clamp=False, discharge_hold=False)


def transistors(cell) -> int:
    """Transistors of a cell with everything in it."""
    total = 0
    children = {child.name: child for child in cell.schematic.children}
    for line in cell.schematic.text.splitlines():
        if line.startswith("X") and "fet_" in line:
            total += 1
        elif line.startswith("X") and line.split()[-1] in children:
            total += transistors(children[line.split()[-1]])
    return total


def test_synapse_has_two_pairs_and_the_order_is_a_parameter():
    default = CurrentSourceSynapse(CurrentSourceSynapseParameters())
    published = CurrentSourceSynapse(
        CurrentSourceSynapseParameters(order=TransistorOrder.SELECTOR_ON_DENDRITE)
    )
    assert transistors(default) == transistors(published) == 4
    on_dendrite = [line.split()[0] for line in default.netlist().splitlines() if " dend " in line]
    assert on_dendrite[-2:] == ["Xmem_n", "Xmem_p"]
    on_dendrite = [line.split()[0] for line in published.netlist().splitlines() if " dend " in line]
    assert on_dendrite[-2:] == ["Xsel_n", "Xsel_p"]


def test_published_neuron_has_no_gate_clamp_or_hold():
    text = Neuron(PUBLISHED).netlist()
    for name in ("Xgate_n", "Xgate_p", "Xclamp", "Xdis_hold", " mem "):
        assert name not in text
    assert {"gate", "gateb", "clampb"}.isdisjoint(Neuron(PUBLISHED).port_names)
    assert transistors(Neuron(NeuronParameters())) == transistors(Neuron(PUBLISHED)) + 4


def test_network_of_five_five_five_counts_its_transistors():
    network = Network(NetworkParameters())
    driver, neuron = transistors(network.input_driver), transistors(network.neuron)
    assert transistors(network) == 5 * driver + 50 * 4 + 10 * neuron


@pytest.mark.parametrize("layers", [(1, 1), (3, 4, 2, 2), (2, 7)])
def test_any_layer_sizes(layers):
    network = Network(NetworkParameters(layers=layers))
    ports = network.port_names
    assert len(set(ports)) == len(ports)
    synapses = sum(pre * post for pre, post in network.sizes.connections)
    assert sum(port.startswith(("bn_", "bp_")) for port in ports) == 2 * synapses
    placed = [tuple(place) for *place, _ in network.knob_ports()]
    assert len(set(placed)) == len(placed) == 2 * synapses
    assert (1, 1, 1, "n", "bn_1_1_1") in network.knob_ports()
    assert {port for *_, port in network.knob_ports()} < set(ports)


@pytest.mark.parametrize("neuron", [NeuronParameters(), PUBLISHED])
def test_every_port_of_every_cell_is_connected(neuron):
    network = Network(NetworkParameters(layers=(2, 3, 2), neuron=neuron))
    for cell in network.cells():
        body = "\n".join(cell.schematic.text.splitlines()[1:]).split()
        assert set(cell.port_names) <= set(body), cell.name


def test_port_list_is_for_programs():
    crossbar = Crossbar(CrossbarParameters(rows=2, columns=1))
    read = json.loads(port_list(crossbar))
    assert [port["name"] for port in read["ports"]] == list(crossbar.port_names)
    assert {port["direction"] for port in read["ports"]} == {"input", "inout", "bias", "supply"}


def test_header_names_cell_parameters_and_ports():
    text = Neuron(NeuronParameters()).netlist()
    assert "* cell neuron:" in text
    assert "*   discharge_bias = nfet_01v8 0.42/2 um" in text
    assert "* ports: dend sp spb" in text


@pytest.mark.parametrize("name", ["1st", "a b", "x\n.control", "a;b", ""])
def test_names_that_are_no_identifiers_are_refused(name):
    with pytest.raises(InputError, match="identifier"):
        Network(NetworkParameters(), name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[network.neuron]\nreset = { model = 'pfet_01v8', w = '-1um', l = '0.15um' }", "reset"),
        ("[network.neuron]\ncapacitor = { w = '0.1um', l = '8um' }", "outside 1 .. 60 um"),
        ("[network.neuron]\ntransmission_gate = false", "clamp"),
        ("[network.neuron]\nv0 = '1.3nF'", "not in V"),
        ("[network.synapse]\nkind='current_source'\nmemory_n={model='pfet_01v8',w='1um',l='1um'}",
         "memory_n"),
        ("[network]\nlayers = [5]", "layers"),
        ("[timing]\nt_period = '1us'", "t_period"),
    ],
)  # fmt: skip
def test_bad_sizes_name_the_key(text, words):
    with pytest.raises(DesignError, match=r"toy\.toml") as caught:
        Design.from_text(f"name = 'toy'\n{text}", "toy.toml")
    assert words in str(caught.value)


def test_resistive_synapse_pulls_with_its_conductance(process, requires_ngspice, requires_models):
    synapse = ResistiveSynapse(ResistiveSynapseParameters())
    cards = "vdd vdd 0 1.8\nrvss vss 0 1e-3\nvdend dend 0 0\nvspb spb 0 1.8\nvsp sp 0 1.8"
    deck = Deck(
        "1T1R",
        f"{synapse.netlist()}\n{cards}\n"
        f"xs {' '.join(synapse.port_names)} {synapse.name} g_n=100n g_p=50n",
        synapse.devices(),
        Conditions(),
    )
    sweep = DCSweep("vdend", 0.4, 1.6, 0.4, ("i(vdend)",))
    wave = run_batch(deck, sweep, process=process, timeout_s=60).require()
    np.testing.assert_allclose(-wave["i(vdend)"], 100e-9 * wave["sweep"], rtol=0.02)


def test_shipped_netlists_are_what_the_design_generates(tmp_path):
    design = Design.load(resource_dir("designs") / "iris.toml")
    shipped = resource_dir("netlists") / design.name
    for path in write_netlists(design_cells(design.name, design.network), tmp_path):
        assert path.read_text() == (shipped / path.name).read_text(), path.name


def test_files_are_written_per_cell(tmp_path):
    parameters = NetworkParameters(layers=(2, 2))
    paths = write_netlists(design_cells("toy", parameters), tmp_path)
    assert {Path(p).name for p in paths} >= {"toy.spice", "toy.ports.json", "synapse.spice"}
    assert [cell.name for cell in design_cells("toy", parameters)][-1] == "toy"
