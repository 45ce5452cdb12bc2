"""Names of lines and membranes in decks of networks and of single neurons."""

from __future__ import annotations

import pytest

from codesign.bench import (
    NetworkNodes,
    inner_node,
    membrane_node,
    voltage,
)
from codesign.cells import (
    Network,
    NetworkParameters,
    RCSpikeNeuronParameters,
)

SIZES = (2, 3, 1)


def test_lines_of_the_output_layer_are_ports() -> None:
    nodes = NetworkNodes(Network(NetworkParameters(layers=SIZES), "toy"))
    assert nodes.line(2, 1) == "v(sp_2_1)"
    assert nodes.line(1, 3) == "v(xnet.sp_1_3)"
    assert nodes.inputs() == ["v(xnet.sp_0_1)", "v(xnet.sp_0_2)"]


def test_membranes_are_inside_their_neurons() -> None:
    nodes = NetworkNodes(Network(NetworkParameters(layers=SIZES), "toy"), "xtop.xnet")
    assert nodes.membrane(1, 3) == "v(xtop.xnet.xn_1_3.mem)"
    assert nodes.neurons()[1] == [("v(sp_2_1)", "v(xtop.xnet.xn_2_1.mem)")]
    assert [len(layer) for layer in nodes.neurons()] == [3, 1]


def test_a_neuron_without_a_gate_integrates_on_its_dendrite() -> None:
    bare = RCSpikeNeuronParameters(transmission_gate=False, clamp=False)
    network = Network(NetworkParameters(layers=SIZES, neuron=bare), "toy")
    assert NetworkNodes(network).membrane(2, 1) == "v(xnet.dend_2_1)"
    assert membrane_node(network.neuron) == "dend"
    assert membrane_node(RCSpikeNeuronParameters().cell()) == "xn.mem"
    assert voltage(inner_node("sensed")) == "v(xn.sensed)"


@pytest.mark.parametrize("layers", [(1, 1), (2, 3, 1)])
def test_every_name_is_in_the_netlist(layers: tuple[int, ...]) -> None:
    network = Network(NetworkParameters(layers=layers), "toy")
    text = network.netlist().lower().split()
    for layer in NetworkNodes(network).neurons():
        for line, membrane in layer:
            assert line.removeprefix("v(").removesuffix(")").split(".")[-1] in text
            assert membrane.removeprefix("v(").removesuffix(")").split(".")[-1] in text
