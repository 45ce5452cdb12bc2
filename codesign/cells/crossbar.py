"""A crossbar of synapses: spike line pairs in rows (pre), dendrites in columns (post)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from codesign.cells.base import Cell, Port, Schematic
from codesign.cells.crossbar_view import CrossbarGeometry, draw_crossbar
from codesign.cells.current_source_synapse import CurrentSourceSynapseParameters
from codesign.cells.names import knob_port, synapse_instance
from codesign.cells.synapse import DENDRITE, GROUND, SPIKE, SPIKE_BAR, SUPPLY, AnySynapse, Synapse
from codesign.layout.sketch import Sketch
from codesign.records import Record


class CrossbarParameters(Record):
    """`rows` spike line pairs times `columns` dendrites."""

    rows: Annotated[int, Field(ge=1, le=1024)] = 5
    columns: Annotated[int, Field(ge=1, le=1024)] = 5
    synapse: AnySynapse = CurrentSourceSynapseParameters()


class Crossbar(Cell):
    """rows x columns synapses; each has its own ports for knobs that are bias voltages.

    Knobs that are device values are at "off"; a trained network has them set, see
    `codesign.bench.programmed`.
    """

    what: ClassVar[str] = "crossbar of synapses: spike lines by dendrites"

    def __init__(self, parameters: CrossbarParameters, name: str = "crossbar") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters
        self.synapse: Synapse = parameters.synapse.cell()
        self.abuts = self.synapse.abuts

    def places(self) -> Iterator[tuple[int, int]]:
        """(column, row) of every synapse, column by column."""
        for column in range(1, self.sizes.columns + 1):
            for row in range(1, self.sizes.rows + 1):
                yield column, row

    def knob_ports(self, column: int, row: int) -> dict[str, str]:
        """Ports of a synapse's bias knobs, by polarity."""
        return {
            polarity: knob_port(knob.name, column, row)
            for polarity, knob in self.synapse.bias_knobs.items()
        }

    @property
    def ports(self) -> tuple[Port, ...]:
        rows, columns = range(1, self.sizes.rows + 1), range(1, self.sizes.columns + 1)
        biases = [
            Port(port, "bias", f"{polarity.upper()} bias of row {row}, column {column}")
            for column, row in self.places()
            for polarity, port in self.knob_ports(column, row).items()
        ]
        return (
            *(Port(f"sp_{row}", "input", f"spike line of row {row}") for row in rows),
            *(Port(f"spb_{row}", "input", f"complement of sp_{row}") for row in rows),
            *(
                Port(f"dend_{column}", "inout", f"dendrite of column {column}")
                for column in columns
            ),
            *biases,
            *(Port(port, "bias", f"fixed bias {port}") for port in self.synapse.static),
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    def draw(self, schematic: Schematic) -> None:
        for column, row in self.places():
            roles = {
                DENDRITE: f"dend_{column}",
                SPIKE: f"sp_{row}",
                SPIKE_BAR: f"spb_{row}",
                SUPPLY: "vdd",
                GROUND: "vss",
            }
            nodes = {port: roles[port] for port in self.synapse.role_ports}
            nodes |= {port: port for port in self.synapse.static}
            for polarity, port in self.knob_ports(column, row).items():
                nodes[self.synapse.knobs[polarity].name] = port
            schematic.instance(
                synapse_instance(column, row),
                self.synapse,
                nodes,
                self.synapse.off_values,
            )

    @property
    def geometry(self) -> CrossbarGeometry:
        """Dimensions of the layout view. Raises InputError for synapses that have none."""
        return CrossbarGeometry(self.synapse.geometry, self.sizes.rows, self.sizes.columns)

    def draw_layout(self, sketch: Sketch) -> None:
        g = self.geometry
        draw_crossbar(sketch, self.synapse.layout, g)
        for row in range(1, g.rows + 1):
            sketch.pin("met1", g.line_box(row, False), f"sp_{row}")
            sketch.pin("met1", g.line_box(row, True), f"spb_{row}")
        for column in range(1, g.columns + 1):
            x = g.dendrite_x(column)
            sketch.pin("met2", (x - 70, -130, x + 70, 130), f"dend_{column}")
        for column, row in self.places():
            for polarity, port in self.knob_ports(column, row).items():
                name = self.synapse.knobs[polarity].name
                sketch.pin("met1", g.knob_box(column, row, name), port)
        x, y = g.strap_x, g.synapse.height
        sketch.pin("met2", (x - 150, y - 130, x + 150, y + 130), "vdd")
        x = g.shield_x(0)
        sketch.pin("met2", (x - 70, -130, x + 70, 130), "vss")
