"""Port lists, names, and the reference netlists as files that other tools read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.bench import extracted, trained_netlist
from codesign.cells import (
    Crossbar,
    CrossbarParameters,
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
    InputDriver,
    LineDriverParameters,
    Network,
    NetworkParameters,
    ResistiveSynapse,
    ResistiveSynapseParameters,
    port_list,
)
from codesign.cells import RCSpikeNeuron as Neuron
from codesign.cells import RCSpikeNeuronParameters as NeuronParameters
from codesign.designs.network import Design
from codesign.errors import InputError
from codesign.mapping import read_knobs
from codesign.resources import resource_dir
from codesign.spice import Deck

SHIPPED = resource_dir("netlists") / "iris"
MAKERS = {
    "current source": lambda name: CurrentSourceSynapse(CurrentSourceSynapseParameters(), name),
    "resistive": lambda name: ResistiveSynapse(ResistiveSynapseParameters(), name),
    "neuron": lambda name: Neuron(NeuronParameters(), name),
    "driver": lambda name: InputDriver(LineDriverParameters(), name),
    "crossbar": lambda name: Crossbar(CrossbarParameters(rows=2, columns=2), name),
    "network": lambda name: Network(NetworkParameters(layers=(2, 1)), name),
}


def header_ports(netlist: str, name: str) -> list[str]:
    (line,) = re.findall(rf"^\.subckt {name} (.*)$", netlist.replace("\n+", " "), re.MULTILINE)
    # Without the parameters that follow the ports.
    return [word for word in line.split() if "=" not in word]


@pytest.mark.parametrize("kind", MAKERS)
def test_port_list_and_netlist_say_the_same(kind):
    cell = MAKERS[kind]("toy")
    read = json.loads(port_list(cell))
    assert read["cell"] == "toy" and read["what"] == cell.what
    assert [port["name"] for port in read["ports"]] == header_ports(cell.netlist(), "toy")
    assert all(port["description"] for port in read["ports"])
    Deck("toy", cell.netlist(), cell.devices())


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    "name", ["a\n.control\nshell id", "x\r.include /etc/passwd", "a$b", "a b", "é", "_x", "x\n"]
)
def test_no_cell_takes_a_name_that_smuggles(kind, name):
    with pytest.raises(InputError, match="not a SPICE identifier"):
        MAKERS[kind](name)


@pytest.mark.parametrize("name", ["neuron", "Neuron", "synapse", "crossbar_5x5", "LINE_driver"])
def test_cell_that_would_call_itself_is_refused(name):
    with pytest.raises(InputError, match="a cell inside it"):
        Network(NetworkParameters(), name).netlist()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=4))
def test_ports_of_any_network(layers):
    network = Network(NetworkParameters(layers=tuple(layers)), "toy")
    ports = network.port_names
    assert len({port.lower() for port in ports}) == len(ports)
    counted = {
        kind: [p.direction for p in network.ports].count(kind) for kind in ("output", "bias")
    }
    synapses = sum(a * b for a, b in network.sizes.connections)
    assert counted == {"output": 2 * layers[-1], "bias": 2 * synapses + 3}
    places = {
        (layer, post + 1, pre + 1, polarity)
        for layer, (fan_in, neurons) in enumerate(network.sizes.connections, start=1)
        for post in range(neurons)
        for pre in range(fan_in)
        for polarity in "np"
    }
    knobs = {tuple(place): port for *place, port in network.knob_ports()}
    assert set(knobs) == places
    assert set(knobs.values()) == {port for port in ports if port.startswith(("bn_", "bp_"))}


@pytest.mark.parametrize("name", ["synapse", "neuron", "crossbar_5x5", "iris"])
def test_shipped_files_hold_together(name):
    text = (SHIPPED / f"{name}.spice").read_text()
    read = json.loads((SHIPPED / f"{name}.ports.json").read_text())
    assert [port["name"] for port in read["ports"]] == header_ports(text, name)
    assert text.startswith("* cell ") and f"* cell {name}: {read['what']}\n" in text


def test_shipped_trained_netlist_has_the_shipped_biases():
    design = Design.load(resource_dir("designs") / "iris.toml")
    layers = read_knobs(resource_dir("characterization") / "iris" / "biases.csv")
    text = trained_netlist(design.setup(), [layer.values for layer in layers])
    assert text == (SHIPPED / "iris.trained.spice").read_text()


@pytest.mark.parametrize("name", ["input_driver", "synapse", "neuron", "crossbar_5x5", "iris"])
def test_shipped_layouts_are_what_the_design_draws_and_extracts(name, tmp_path):
    design = Design.load(resource_dir("designs") / "iris.toml")
    network = Network(design.network, design.name)
    cell = next(cell for cell in network.cells() if cell.name == name)
    cell.layout.write_gds(tmp_path / "drawn.gds")
    shipped = Path(__file__).parents[2] / "layouts" / "iris"
    assert (tmp_path / "drawn.gds").read_bytes() == (shipped / f"{name}.gds").read_bytes()
    assert (shipped / f"{name}.png").stat().st_size > 10_000
    text = (SHIPPED / f"{name}.extracted.spice").read_text()
    assert text == extracted(cell).spice()
