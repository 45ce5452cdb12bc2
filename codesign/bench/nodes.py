"""Names of nodes and saved vectors in a deck: lines, membranes and gates of a placed network or of
a single neuron. The only place that knows how instances nest."""

from __future__ import annotations

import re
from typing import NamedTuple

from codesign.cells import Network
from codesign.cells.names import dendrite, neuron_instance, spike_line
from codesign.cells.neuron import Neuron


def voltage(node: str) -> str:
    """The saved vector of a node."""
    return f"v({node})"


def membrane_node(neuron: Neuron, instance: str = "xn", dendrite_node: str = "dend") -> str:
    """The membrane of a neuron's instance as a node of the deck."""
    return f"{instance}.{neuron.membrane}" if neuron.membrane else dendrite_node


def inner_node(node: str, instance: str = "xn") -> str:
    """A node inside an instance."""
    return f"{instance}.{node}"


class NetworkNodes:
    """Nodes of a network placed as `instance` (`xnet`, or `xtop.xnet` inside a trained one)."""

    def __init__(self, network: Network, instance: str = "xnet") -> None:
        self.network, self.instance = network, instance
        self.layers = len(network.crossbars)

    def line(self, layer: int, index: int) -> str:
        """Vector of a spike line: the output layer's are ports, the others are inside."""
        node = spike_line(layer, index)
        return voltage(node if layer == self.layers else f"{self.instance}.{node}")

    def membrane(self, layer: int, index: int) -> str:
        """Vector of a neuron's membrane."""
        neuron = f"x{neuron_instance(layer, index)}"
        inside = membrane_node(self.network.neuron, neuron, dendrite(layer, index))
        return voltage(f"{self.instance}.{inside}")

    def neurons(self) -> list[list[tuple[str, str]]]:
        """Per layer and neuron: the vectors of its spike line and its membrane."""
        return [
            [
                (self.line(layer, i), self.membrane(layer, i))
                for i in range(1, crossbar.sizes.columns + 1)
            ]
            for layer, crossbar in enumerate(self.network.crossbars, start=1)
        ]

    def inputs(self) -> list[str]:
        """Vectors of the input lines."""
        return [self.line(0, i) for i in range(1, self.network.sizes.layers[0] + 1)]


class Owner(NamedTuple):
    """What a net of a network belongs to. `kind`: line, dendrite, neuron, input (driver) or
    synapse; `number`: the neuron or line, of a synapse its column; `row`: of a synapse."""

    kind: str
    layer: int
    number: int
    row: int = 0


_OWNERS = {
    "line": re.compile(r"spb?_(?P<layer>\d+)_(?P<number>\d+)\Z"),
    "dendrite": re.compile(r"dend_(?P<layer>\d+)_(?P<number>\d+)\Z"),
    "neuron": re.compile(r"xn_(?P<layer>\d+)_(?P<number>\d+)\."),
    "synapse": re.compile(r"xxbar_(?P<layer>\d+)\.xs_(?P<number>\d+)_(?P<row>\d+)\."),
    "input": re.compile(r"xin_(?P<number>\d+)\."),
}


def owner_of(net: str) -> Owner | None:
    """What a net inside a network belongs to, by its name; None for what all share."""
    for kind, pattern in _OWNERS.items():
        if found := pattern.match(net):
            numbers = {key: int(value) for key, value in found.groupdict().items()}
            return Owner(kind, **{"layer": 0, **numbers})
    return None
