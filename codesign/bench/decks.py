"""The one builder of decks: cells are placed, sources added, and out comes a `Deck`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codesign.bench.chip_places import chip_places
from codesign.bench.programmed import DeviceValues, set_crossbars
from codesign.bench.setup import Setup
from codesign.bench.stimulus import (
    control_sources,
    pulse_source,
    static_controls,
    supply_sources,
)
from codesign.cells import Cell, Crossbar, InputDriver, PhaseTiming, column_cell, load_cell
from codesign.cells.names import pulse
from codesign.spice import Deck, dc
from codesign.spice.chip import Places

NEURON, SPIKE, SPIKE_BAR = "xn", "out", "outb"


class DeckBuilder:
    """Collects definitions, sources and instances of one deck, in the order they are added."""

    def __init__(self, setup: Setup, title: str) -> None:
        self.setup, self.title = setup, title
        self._cells: list[Cell] = []
        self._cards: list[str] = []
        self._definitions: list[str] = []
        self._programmed: dict[str, DeviceValues] = {}

    def cards(self, *lines: str) -> DeckBuilder:
        """Further cards."""
        self._cards += lines
        return self

    def source(self, name: str, node: str, value: str | float, minus: str = "0") -> DeckBuilder:
        """A source `name` from `node`: its value as SPICE writes it, or a constant."""
        text = value if isinstance(value, str) else dc(value)
        return self.cards(f"{name} {node} {minus} {text}")

    def drive(self, node: str, value: str | float) -> DeckBuilder:
        """A source from a node that is another thing's."""
        return self.source(f"v_{node.replace('.', '_')}", node, value)

    def place(
        self,
        name: str,
        cell: Cell,
        nodes: Mapping[str, str] | None = None,
        values: Mapping[str, float] | None = None,
    ) -> DeckBuilder:
        """An instance x<name> of a cell; a port that `nodes` leaves out goes to the node of its
        name. `values`: of the subcircuit's parameters."""
        self._cells.append(cell)
        ports = " ".join((nodes or {}).get(port, port) for port in cell.port_names)
        given = "".join(f" {key}={value:.12g}" for key, value in (values or {}).items())
        return self.cards(f"x{name} {ports} {cell.name}{given}")

    def supplies(self) -> DeckBuilder:
        """Supply, ground and fixed biases."""
        return self.cards(*supply_sources(self.setup))

    def controls(
        self, frames: Sequence[float], layer: int | None = None, timing: PhaseTiming | None = None
    ) -> DeckBuilder:
        """Phase controls of a layer, or of a single neuron, over the given frames."""
        return self.cards(*control_sources(self.setup, frames, layer, timing))

    def firing_controls(self) -> DeckBuilder:
        """Controls of a single neuron, held as they are while it fires."""
        return self.cards(*static_controls(self.setup))

    def pulse(
        self, index: int, spikes: Sequence[float | None], frames: Sequence[float],
        timing: PhaseTiming | None = None,
    ) -> DeckBuilder:  # fmt: skip
        """The pulses of input `index`."""
        timing = timing or self.setup.timing
        return self.cards(pulse_source(pulse(index), spikes, frames, timing, self.setup.supply_V))

    def input_driver(self, index: int) -> DeckBuilder:
        """The driver of input line `index`, from `pulse_<index>` to `sp_<index>`, `spb_<index>`."""
        driver = InputDriver(self.setup.neuron.line_driver)
        nodes = {"pulse": pulse(index), "sp": f"sp_{index}", "spb": f"spb_{index}"}
        return self.place(f"in_{index}", driver, nodes)

    def neuron(self) -> DeckBuilder:
        """A single neuron `xn` with its lines on out and outb."""
        return self.place("n", self.setup.neuron, {"sp": SPIKE, "spb": SPIKE_BAR})

    def place_crossbar(
        self,
        name: str,
        crossbar: Crossbar,
        nodes: Mapping[str, str],
        knobs: Mapping[int, Mapping[str, Sequence[float]]],
    ) -> DeckBuilder:
        """A crossbar with device values in some of its columns: `knobs[column][polarity]`, by row.
        Bias knobs are ports, which `nodes` and sources take care of."""
        by_value = crossbar.synapse.value_knobs
        if not by_value:
            return self.place(name, crossbar, nodes)
        values = {
            (column, row): {knob.name: own[p][row - 1] for p, knob in by_value.items()}
            for column, own in knobs.items()
            for row in range(1, crossbar.sizes.rows + 1)
        }
        self._cells.append(crossbar)
        self._programmed[crossbar.name] = values
        ports = " ".join(nodes.get(port, port) for port in crossbar.port_names)
        return self.cards(f"x{name} {ports} {crossbar.name}_set")

    def off_knobs(self, crossbar: Crossbar, columns: Sequence[int] | None = None) -> dict[str, str]:
        """Nodes that turn synapses of a crossbar off, by port; of the given columns or all."""
        rails = {0.0: "vss", self.setup.supply_V: "vdd"}
        nodes = {}
        for column, row in crossbar.places():
            if columns is not None and column not in columns:
                continue
            for polarity, port in crossbar.knob_ports(column, row).items():
                off = crossbar.synapse.knobs[polarity].off_at(self.setup.supply_V)
                nodes[port] = rails.get(off, "") or self._off_rail(polarity, off)
        return nodes

    def _off_rail(self, polarity: str, off_V: float) -> str:
        """A node at the off voltage of a knob, which is neither supply nor ground."""
        node = f"off_{polarity}"
        card = f"v{node} {node} 0 {dc(off_V)}"
        if card not in self._cards:
            self.cards(card)
        return node

    def zero_weight_column(self, fan_in: int) -> DeckBuilder:
        """A dendrite `dend` with `fan_in` synapses that are off, on lines sp_1, ..."""
        column = column_cell(self.setup.network, fan_in)
        return self.place("column", column, {"dend_1": "dend", **self.off_knobs(column)})

    def line_load(self, fan_out: int) -> DeckBuilder:
        """The synapses of a next layer on the neuron's spike line; they are off, their dendrites
        held at the reset voltage."""
        if not fan_out:
            return self
        load = load_cell(self.setup.network, fan_out)
        nodes = {"sp_1": SPIKE, "spb_1": SPIKE_BAR, **self.off_knobs(load)}
        nodes |= {f"dend_{column}": self.held() for column in range(1, fan_out + 1)}
        return self.place("load", load, nodes)

    def held(self) -> str:
        """A node at the reset voltage."""
        v0 = self.setup.neuron.v0
        known = [node for node, value in self.setup.neuron.biases.items() if value == v0]
        if known:
            return known[0]
        card = f"vheld held 0 {dc(v0)}"
        if card not in self._cards:
            self.cards(card)
        return "held"

    def define(self, definitions: Sequence[str], cells: Sequence[Cell]) -> DeckBuilder:
        """Definitions that stand for cells, instead of those of `place`."""
        self._definitions += definitions
        self._cells += cells
        return self

    def deck(self) -> Deck:
        """The deck: definitions first, then everything in the order it was added."""
        views = self.setup.views
        definitions = self._definitions or views.definitions(self._cells)
        definitions = [*definitions, *set_crossbars(definitions, self._programmed)]
        return Deck(
            self.title,
            "\n".join([*definitions, *self._cards]),
            views.devices(self._cells),
            self.setup.conditions,
            places=self._places(definitions),
        )

    def _places(self, definitions: Sequence[str]) -> Places:
        """How devices are called on the chip, where that decides what they are like."""
        if not self.setup.conditions.variation.draws_devices:
            return Places()
        views = self.setup.views
        return chip_places(views.view, self._cells, definitions, views.process.model_prefix)
