"""A network taken apart into columns: what belongs to one, and what is driven from outside.

A column is a dendrite with its synapses, its neuron with its spike line, and the synapses of the
next layer that load the line, which may be told by a capacitance (`codesign.bench.loads`). Spikes
travel forward only, so that everything else is known: supply, controls and knobs are sources as in
the whole network; the input lines follow the spikes of the layer before; dendrites and membranes of
the neighbours, which couple to the column in a layout, are sources of a given waveform; the
dendrites that the line's synapses sit on stay at the reset voltage. A coupling to any other net,
lines and inner nodes of neighbours, becomes capacitance to ground.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from codesign.bench.nodes import Owner, owner_of
from codesign.bench.programmed import KnobValues, trained_name, trained_netlist
from codesign.bench.setup import Setup
from codesign.cells.names import neuron_instance
from codesign.errors import InputError
from codesign.spice.flatten import flatten
from codesign.spice.netlist import Element, parse_netlist

_INSTANCE = "xnet."
# Supply of the synapses that load a line: their own column counts what they take.
LOAD_SUPPLY = "vdd_load"


@dataclass(frozen=True)
class Part:
    """A part of the network: its cards, and the nets that have to be driven.

    load: cards of the synapses that load its line; knobs: source cards by net; lines, neighbours:
    nets by what they belong to; held: nets at the reset voltage; ports: of the network, that the
    cards name.
    """

    cards: tuple[str, ...]
    load: tuple[str, ...]
    knobs: dict[str, str]
    lines: dict[str, Owner]
    neighbours: dict[str, Owner]
    held: tuple[str, ...]
    ports: frozenset[str]


class NetworkCut:
    """A trained network, flattened; parts are cut from it.

    Raises InputError for one that cannot be taken apart: cells whose cards name nodes in
    expressions, and devices between columns.
    """

    def __init__(self, setup: Setup, layers: Sequence[KnobValues], digits: int = 9) -> None:
        self.setup = setup
        network = setup.cell
        netlist = parse_netlist(trained_netlist(setup, layers, digits), network.name)
        flat = flatten(netlist, trained_name(network))
        self.models = flat.models
        self.elements = [_plain(element) for element in flat.elements]
        self.touching: dict[str, list[Element]] = defaultdict(list)
        for element in self.elements:
            for net in dict.fromkeys(element.nodes):
                self.touching[net].append(element)
        driven = {net for net in flat.ports if (o := owner_of(net)) and o.kind == "line"}
        self.ports = frozenset(flat.ports) - driven
        self.owners = {net: None if net in self.ports else owner_of(net) for net in self.touching}
        self._membrane = network.neuron.membrane

    def column(self, layer: int, index: int) -> Part:
        """A neuron (layer and index from 1), its synapses, and what its line drives."""

        def kept(owner: Owner) -> bool:
            if owner.kind == "synapse":
                loads = owner.layer == layer + 1 and owner.row == index
                return loads or (owner.layer, owner.number) == (layer, index)
            return owner.kind != "input" and (owner.layer, owner.number) == (layer, index)

        return self._part(kept, layer)

    def input_line(self, index: int) -> Part:
        """The driver of an input, its line, and the synapses of the first layer on it."""

        def kept(owner: Owner) -> bool:
            if owner.kind == "synapse":
                return owner.layer == 1 and owner.row == index
            return owner.layer == 0 and owner.number == index

        return self._part(kept, 0)

    def check(self) -> None:
        """Raises InputError where a part cannot be cut; every layer's cells are alike."""
        self.input_line(1)
        for layer in range(1, len(self.setup.network.layers)):
            self.column(layer, 1)

    @property
    def is_coupled(self) -> bool:
        """Whether columns see the neurons beside them; every layer's cells are alike."""
        layers = range(1, len(self.setup.network.layers))
        return any(self.column(layer, 1).neighbours for layer in layers)

    def coupling_F(self, net_a: str, net_b: str) -> float:
        """Capacitance between two nets, in F."""
        pair = {net_a, net_b}
        return sum(
            float(element.words[0])
            for element in self.touching[net_a]
            if element.name[0] in "cC" and set(element.nodes) == pair
        )

    def _part(self, kept: Callable[[Owner], bool], layer: int) -> Part:
        inside = [net for net, owner in self.owners.items() if owner and kept(owner)]
        # In the order of the netlist, each once.
        wanted = {id(element) for net in inside for element in self.touching[net]}
        found = [element for element in self.elements if id(element) in wanted]
        work = _Work(self, frozenset(inside), layer)
        loads = [element for element in found if work.is_load(element)]
        own = [work.card(element) for element in found if not work.is_load(element)]
        load = [work.card(element) for element in loads]
        knobs = {net: source.text for net in work.knobs for source in self.source_of(net)}
        return Part(
            (*self.models, *own), tuple(load), knobs, work.lines, work.neighbours,
            tuple(work.held), frozenset(work.ports),
        )  # fmt: skip

    def is_source(self, net: str) -> bool:
        """Whether a source inside the trained network holds the net: a knob's."""
        return any(True for _ in self.source_of(net))

    def is_membrane(self, owner: Owner, net: str) -> bool:
        """Whether a net is a dendrite or the membrane of a neuron."""
        if owner.kind == "dendrite":
            return True
        instance = f"x{neuron_instance(owner.layer, owner.number)}"
        return owner.kind == "neuron" and net == f"{instance}.{self._membrane}"

    def source_of(self, net: str) -> Iterator[Element]:
        return (e for e in self.touching[net] if e.name[0] in "vV" and set(e.nodes) == {net, "0"})


class _Work:
    """The cards of one part, and the nets that they need."""

    def __init__(self, cut: NetworkCut, inside: frozenset[str], layer: int) -> None:
        self.cut, self.inside, self.layer = cut, inside, layer
        self.lines: dict[str, Owner] = {}
        self.neighbours: dict[str, Owner] = {}
        self.held: dict[str, None] = {}
        self.knobs: dict[str, None] = {}
        self.ports: set[str] = set()

    def card(self, element: Element) -> str:
        """An element with the nets outside driven, or grounded where a coupling ends there."""
        nodes = [self._node(element, net) for net in element.nodes]
        if element.name[0] not in "cC" and self.is_load(element):
            nodes = [LOAD_SUPPLY if net == "vdd" else net for net in nodes]
        return replace(element, nodes=tuple(nodes)).text

    def is_load(self, element: Element) -> bool:
        """Whether an element is part of a synapse that loads the line; its coupling to a dendrite
        of the next layer is the line's own."""
        owners = [owner for net in element.nodes if (owner := self.cut.owners.get(net))]
        after = [owner for owner in owners if owner.layer == self.layer + 1]
        if element.name[0] in "cC":
            return any(owner.kind == "synapse" for owner in after)
        return bool(after)

    def _node(self, element: Element, net: str) -> str:
        owner = self.cut.owners.get(net)
        if net in self.inside or net == "0":
            return net
        if net in self.cut.ports:
            self.ports.add(net)
        elif self.cut.is_source(net):
            self.knobs[net] = None
        elif owner and owner.kind == "line" and owner.layer == self.layer - 1:
            self.lines[net] = owner
        elif owner and owner.layer == self.layer > 0 and self.cut.is_membrane(owner, net):
            self.neighbours[net] = owner
        elif owner and owner.kind == "dendrite" and owner.layer == self.layer + 1:
            self.held[net] = None
        elif element.name[0] in "cC":
            return "0"
        else:
            raise InputError(
                f"{self.cut.setup.name}: {element.name} joins a column to {net}, so the network "
                "cannot be taken apart into columns",
                remedy='set verify.method = "whole"',
            )
        return net


def _plain(element: Element) -> Element:
    """Names without the instance that the network is in the trained one."""
    name = element.name[0] + element.name[1:].removeprefix(_INSTANCE)
    nodes = tuple(node.removeprefix(_INSTANCE) for node in element.nodes)
    return replace(element, name=name, nodes=nodes)
