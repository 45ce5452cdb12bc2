"""A feed-forward network: input drivers, then per layer a crossbar and a column of neurons."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from codesign.cells.base import Cell, Port, Schematic
from codesign.cells.crossbar import Crossbar, CrossbarParameters, SynapseParameters
from codesign.cells.current_source_synapse import CurrentSourceSynapseParameters
from codesign.cells.line_driver import InputDriver
from codesign.cells.network_view import (
    TRUNKS,
    Block,
    Stack,
    dendrite_channel_width,
    draw_dendrites,
    draw_spike_lines,
    draw_trunks,
    output_box,
    spike_channel_width,
)
from codesign.cells.neuron_view import RAIL_TO_RAIL
from codesign.cells.rc_spike_neuron import RCSpikeNeuron, RCSpikeNeuronParameters
from codesign.layout.sketch import Box, Sketch
from codesign.records import Record

LayerSize = Annotated[int, Field(ge=1, le=1024)]


class NetworkParameters(Record):
    """Layer sizes from the inputs (bias spike included) to the outputs, and the two cells."""

    layers: tuple[LayerSize, ...] = (5, 5, 5)
    synapse: SynapseParameters = CurrentSourceSynapseParameters()
    neuron: RCSpikeNeuronParameters = RCSpikeNeuronParameters()

    @model_validator(mode="after")
    def _depth(self) -> Self:
        if not 2 <= len(self.layers) <= 16:
            raise ValueError(
                f"layers = {list(self.layers)} needs 2 to 16 sizes: inputs, hidden layers, outputs"
            )
        return self

    @property
    def connections(self) -> tuple[tuple[int, int], ...]:
        """(fan-in, neurons) of every layer of neurons."""
        return tuple(zip(self.layers, self.layers[1:], strict=False))


class Network(Cell):
    """Pulses in, spike lines out. Layers of neurons count from 1; the inputs are layer 0."""

    what: ClassVar[str] = "feed-forward network: input drivers, crossbars, RC-spike neurons"

    def __init__(self, parameters: NetworkParameters, name: str = "network") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters
        self.neuron = RCSpikeNeuron(parameters.neuron)
        self.input_driver = InputDriver(parameters.neuron.driver)
        self.crossbars = tuple(
            Crossbar(
                CrossbarParameters(rows=rows, columns=columns, synapse=parameters.synapse),
                f"crossbar_{rows}x{columns}",
            )
            for rows, columns in parameters.connections
        )

    @property
    def controls(self) -> tuple[str, ...]:
        """Control ports of a neuron; each layer has its own set, named `<control>_<layer>`."""
        return tuple(
            port
            for port in ("rstb", "ph", "phb", "gate", "gateb", "clampb")
            if port in self.neuron.port_names
        )

    @property
    def ports(self) -> tuple[Port, ...]:
        last = len(self.crossbars)
        described = {port.name: port.description for port in self.neuron.ports}
        controls = [
            Port(f"{control}_{layer}", "input", f"layer {layer}: {described[control]}")
            for layer in range(1, last + 1)
            for control in self.controls
        ]
        biases = [
            Port(
                f"{port}_{layer}", "bias", f"layer {layer}: {kind} bias, column {column}, row {row}"
            )
            for layer, crossbar in enumerate(self.crossbars, start=1)
            for column, row, *pair in crossbar.bias_ports()
            for kind, port in zip("NP", (f"bn_{column}_{row}", f"bp_{column}_{row}"), strict=True)
        ]
        outputs = range(1, self.sizes.layers[-1] + 1)
        return (
            *(
                Port(f"pulse_{i}", "input", f"input {i}")
                for i in range(1, self.sizes.layers[0] + 1)
            ),
            *(Port(spike_line(last, i), "output", f"spike line of output {i}") for i in outputs),
            *(Port(f"spb_{last}_{i}", "output", f"complement of output {i}") for i in outputs),
            *controls,
            *biases,
            Port("v0", "bias", "reset voltage"),
            Port("vdis", "bias", "gate of the dischargers"),
            Port("vsense", "bias", "gate of the sensing inverters' current limiters"),
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    def draw(self, schematic: Schematic) -> None:
        rails = {"vdd": "vdd", "vss": "vss"}
        for i in range(1, self.sizes.layers[0] + 1):
            lines = {"sp": spike_line(0, i), "spb": f"spb_0_{i}"}
            schematic.instance(f"in_{i}", self.input_driver, pulse=f"pulse_{i}", **lines, **rails)
        for layer, crossbar in enumerate(self.crossbars, start=1):
            rows, columns = crossbar.sizes.rows, crossbar.sizes.columns
            nodes = {f"sp_{i}": spike_line(layer - 1, i) for i in range(1, rows + 1)}
            nodes |= {f"spb_{i}": f"spb_{layer - 1}_{i}" for i in range(1, rows + 1)}
            nodes |= {f"dend_{i}": f"dend_{layer}_{i}" for i in range(1, columns + 1)}
            for *_, port_n, port_p in crossbar.bias_ports():
                nodes |= {port_n: f"{port_n}_{layer}", port_p: f"{port_p}_{layer}"}
            schematic.instance(f"xbar_{layer}", crossbar, **nodes, **rails)
            for i in range(1, columns + 1):
                schematic.instance(
                    f"n_{layer}_{i}",
                    self.neuron,
                    dend=f"dend_{layer}_{i}",
                    sp=spike_line(layer, i),
                    spb=f"spb_{layer}_{i}",
                    **{control: f"{control}_{layer}" for control in self.controls},
                    v0="v0",
                    vdis="vdis",
                    vsense="vsense",
                    **rails,
                )

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
            pins.append(("met2", (0, y - 70, 300, y + 70), f"pulse_{i}"))
        source = drivers
        for layer, (crossbar, block) in enumerate(zip(self.crossbars, blocks, strict=True), 1):
            sketch.place(crossbar.layout, block.crossbar_x)
            stack = block.neurons
            sketch.place(stack.cell, stack.x, rows=stack.count, dy=stack.pitch)
            draw_spike_lines(sketch, source, block)
            draw_dendrites(sketch, block)
            for column, row, *_ in crossbar.bias_ports():
                for polarity in "np":
                    x0, y0, x1, y1 = block.crossbar.bias_box(column, row, polarity)
                    box = (x0 + block.crossbar_x, y0, x1 + block.crossbar_x, y1)
                    pins.append(("met1", box, self.bias_port(layer, column, row, polarity)))
            source = stack
        for i in range(1, source.count + 1):
            pins.append(("met2", output_box(source, i, "sp"), spike_line(len(blocks), i)))
            pins.append(("met2", output_box(source, i, "spb"), f"spb_{len(blocks)}_{i}"))
        trunks = draw_trunks(sketch, drivers, blocks, TRUNKS, self.controls)
        pins += [(layer, box, net) for net, (layer, box) in trunks.items()]
        for pin in pins:
            sketch.pin(*pin)

    def bias_port(self, layer: int, post: int, pre: int, polarity: str) -> str:
        """Port of a synapse's gate bias: layer from 1, post and pre from 1, polarity "n" or "p"."""
        return f"b{polarity}_{post}_{pre}_{layer}"


def spike_line(layer: int, index: int) -> str:
    """Node of a spike line inside a network: layer 0 are the inputs, index from 1."""
    return f"sp_{layer}_{index}"
