"""A feed-forward network: input drivers, then per layer a crossbar and a column of neurons."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from codesign.cells import names
from codesign.cells.base import Cell, Port, Schematic
from codesign.cells.crossbar import Crossbar, CrossbarParameters
from codesign.cells.current_source_synapse import CurrentSourceSynapseParameters
from codesign.cells.line_driver import InputDriver
from codesign.cells.network_view import (
    Block,
    Stack,
    dendrite_channel_width,
    draw_dendrites,
    draw_spike_lines,
    draw_trunks,
    output_box,
    spike_channel_width,
)
from codesign.cells.neuron import AnyNeuron, Neuron
from codesign.cells.neuron_view import RAIL_TO_RAIL
from codesign.cells.rc_spike_neuron import RCSpikeNeuronParameters
from codesign.cells.synapse import AnySynapse, Synapse
from codesign.errors import InputError
from codesign.layout.sketch import Box, Sketch
from codesign.records import Record

LayerSize = Annotated[int, Field(ge=1, le=1024)]


class NetworkParameters(Record):
    """Layer sizes from the inputs (bias spike included) to the outputs, and the two cells."""

    layers: tuple[LayerSize, ...] = Field(
        (5, 5, 5), description="inputs (the bias spike included), hidden layers, outputs"
    )
    synapse: AnySynapse = Field(
        CurrentSourceSynapseParameters(), description="the synapse cell, by its kind"
    )
    neuron: AnyNeuron = Field(
        RCSpikeNeuronParameters(), description="the neuron cell, by its kind"
    )

    @model_validator(mode="after")
    def _depth(self) -> Self:
        if not 2 <= len(self.layers) <= 16:
            raise ValueError(
                f"layers = {list(self.layers)} needs 2 to 16 sizes: inputs, hidden layers, outputs"
            )
        return self

    @model_validator(mode="after")
    def _lines_match(self) -> Self:
        missing = set(self.synapse.cell().port_names) & {"sp", "spb"}
        missing -= set(self.neuron.cell().port_names)
        if missing and len(self.layers) > 2:
            raise ValueError(
                f"the synapse needs a line ({', '.join(sorted(missing))}) that the neuron does not "
                "drive: give the neuron spike and spike_bar"
            )
        return self

    @property
    def connections(self) -> tuple[tuple[int, int], ...]:
        """(fan-in, neurons) of every layer of neurons."""
        return tuple(zip(self.layers, self.layers[1:], strict=False))

    def fan_out(self, layer: int) -> int:
        """Synapses on the spike line of a neuron of a layer (from 1); 0 in the last."""
        return self.layers[layer + 1] if layer + 1 < len(self.layers) else 0


class Network(Cell):
    """Pulses in, spike lines out. Layers of neurons count from 1; the inputs are layer 0."""

    what: ClassVar[str] = "feed-forward network: input drivers, crossbars, neurons"

    def __init__(self, parameters: NetworkParameters, name: str = "network") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters
        self.neuron: Neuron = parameters.neuron.cell()
        self.synapse: Synapse = parameters.synapse.cell()
        self.input_driver = InputDriver(self.neuron.line_driver)
        self.crossbars = tuple(
            Crossbar(
                CrossbarParameters(rows=rows, columns=columns, synapse=parameters.synapse),
                f"crossbar_{rows}x{columns}",
            )
            for rows, columns in parameters.connections
        )
        self.abuts = all(part.abuts for part in (*self.crossbars, self.neuron))
        shared = set(self.neuron.biases) & set(self.synapse.static)
        if shared:
            raise InputError(f"{name}: synapse and neuron both have a bias {sorted(shared)[0]}")

    @property
    def controls(self) -> tuple[str, ...]:
        """Control ports of a neuron; each layer has its own set, named `<control>_<layer>`."""
        return self.neuron.control_ports

    @property
    def biases(self) -> dict[str, float]:
        """Ports at fixed voltages, in V: those of the neurons, then those of the synapses."""
        return {**self.neuron.biases, **self.synapse.static}

    def knob_ports(self) -> Iterator[tuple[int, int, int, str, str]]:
        """(layer, post, pre, polarity, port) of every bias knob of the network."""
        for layer, crossbar in enumerate(self.crossbars, start=1):
            for post, pre in crossbar.places():
                for polarity, port in crossbar.knob_ports(post, pre).items():
                    yield layer, post, pre, polarity, names.layered(port, layer)

    @property
    def ports(self) -> tuple[Port, ...]:
        last = len(self.crossbars)
        described = {port.name: port.description for port in self.neuron.ports}
        controls = [
            Port(names.layered(control, layer), "input", f"layer {layer}: {described[control]}")
            for layer in range(1, last + 1)
            for control in self.controls
        ]
        knobs = [
            Port(
                port,
                "bias",
                f"layer {layer}: {polarity.upper()} bias, column {post}, row {pre}",
            )
            for layer, post, pre, polarity, port in self.knob_ports()
        ]
        inputs, outputs = (range(1, self.sizes.layers[i] + 1) for i in (0, -1))
        lines = self._driven(last)
        return (
            *(Port(names.pulse(i), "input", f"input {i}") for i in inputs),
            *(Port(lines["sp"][i - 1], "output", f"spike line of output {i}") for i in outputs),
            *(
                Port(lines["spb"][i - 1], "output", f"complement of output {i}")
                for i in outputs
                if "spb" in self.neuron.port_names
            ),
            *controls,
            *knobs,
            *(Port(port, "bias", described.get(port, "fixed bias")) for port in self.biases),
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    def _driven(self, layer: int) -> dict[str, list[str]]:
        """Names of the spike lines and complements that a layer drives."""
        columns = range(1, self.sizes.layers[layer] + 1)
        return {
            "sp": [names.spike_line(layer, i) for i in columns],
            "spb": [names.spike_bar(layer, i) for i in columns],
        }

    def draw(self, schematic: Schematic) -> None:
        rails = {"vdd": "vdd", "vss": "vss"}
        for i in range(1, self.sizes.layers[0] + 1):
            nodes = {"pulse": names.pulse(i), **rails}
            nodes |= {"sp": names.spike_line(0, i), "spb": names.spike_bar(0, i)}
            schematic.instance(f"in_{i}", self.input_driver, nodes)
        for layer, crossbar in enumerate(self.crossbars, start=1):
            rows, columns = crossbar.sizes.rows, crossbar.sizes.columns
            nodes = {f"sp_{i}": names.spike_line(layer - 1, i) for i in range(1, rows + 1)}
            nodes |= {f"spb_{i}": names.spike_bar(layer - 1, i) for i in range(1, rows + 1)}
            nodes |= {f"dend_{i}": names.dendrite(layer, i) for i in range(1, columns + 1)}
            for place in crossbar.places():
                for port in crossbar.knob_ports(*place).values():
                    nodes[port] = names.layered(port, layer)
            nodes |= {port: port for port in self.synapse.static} | rails
            schematic.instance(f"xbar_{layer}", crossbar, nodes)
            for i in range(1, columns + 1):
                schematic.instance(
                    names.neuron_instance(layer, i), self.neuron, self._neuron_nodes(layer, i)
                )

    def _neuron_nodes(self, layer: int, index: int) -> dict[str, str]:
        nodes = {
            "dend": names.dendrite(layer, index),
            "sp": names.spike_line(layer, index),
            "spb": names.spike_bar(layer, index),
            "vdd": "vdd",
            "vss": "vss",
            **{control: names.layered(control, layer) for control in self.controls},
            **{port: port for port in self.neuron.biases},
        }
        return {port: nodes[port] for port in self.neuron.port_names}

    @cached_property
    def floorplan(self) -> tuple[Stack, tuple[Block, ...]]:
        """Where input drivers, crossbars and neurons are in the layout view."""
        row = self.input_driver.row
        pitch = row.vdd_y + RAIL_TO_RAIL
        drivers = Stack(self.input_driver.layout, row, self.sizes.layers[0], pitch, 0)
        blocks: list[Block] = []
        left, geometry = drivers.right, self.neuron.geometry
        for crossbar in self.crossbars:
            g = crossbar.geometry
            x = left + spike_channel_width(2 * g.rows) - g.left
            neurons_x = x + g.right + dendrite_channel_width(g.columns)
            neurons = Stack(
                self.neuron.layout, geometry.row, g.columns, geometry.pitch, neurons_x
            )
            blocks.append(Block(x, g, neurons))
            left = neurons.right
        return drivers, tuple(blocks)

    def draw_layout(self, sketch: Sketch) -> None:
        drivers, blocks = self.floorplan
        pins: list[tuple[str, Box, str]] = []
        sketch.place(drivers.cell, rows=drivers.count, dy=drivers.pitch)
        for i in range(1, drivers.count + 1):
            y = drivers.track_y(i, "pulse", "n")
            pins.append(("met2", (0, y - 70, 300, y + 70), names.pulse(i)))
        source = drivers
        for layer, (crossbar, block) in enumerate(zip(self.crossbars, blocks, strict=True), 1):
            sketch.place(crossbar.layout, block.crossbar_x)
            stack = block.neurons
            sketch.place(stack.cell, stack.x, rows=stack.count, dy=stack.pitch)
            draw_spike_lines(sketch, source, block)
            draw_dendrites(sketch, block)
            for place in crossbar.places():
                for polarity, port in crossbar.knob_ports(*place).items():
                    name = self.synapse.knobs[polarity].name
                    x0, y0, x1, y1 = block.crossbar.knob_box(*place, name)
                    box = (x0 + block.crossbar_x, y0, x1 + block.crossbar_x, y1)
                    pins.append(("met1", box, names.layered(port, layer)))
            source = stack
        for i in range(1, source.count + 1):
            pins.append(("met2", output_box(source, i, "sp"), names.spike_line(len(blocks), i)))
            pins.append(("met2", output_box(source, i, "spb"), names.spike_bar(len(blocks), i)))
        nets = ("vss", "vdd", *self.biases)
        trunks = draw_trunks(sketch, drivers, blocks, nets, self.controls)
        pins += [(layer, box, net) for net, (layer, box) in trunks.items()]
        for pin in pins:
            sketch.pin(*pin)
