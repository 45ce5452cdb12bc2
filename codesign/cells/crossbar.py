"""A crossbar of synapses: spike line pairs in rows (pre), dendrites in columns (post)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from codesign.cells.base import Cell, Port, Schematic
from codesign.cells.crossbar_view import CrossbarGeometry, draw_crossbar
from codesign.cells.current_source_synapse import (
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
)
from codesign.cells.resistive_synapse import ResistiveSynapse, ResistiveSynapseParameters
from codesign.errors import InputError
from codesign.layout.sketch import Sketch
from codesign.records import Record

SynapseParameters = Annotated[
    CurrentSourceSynapseParameters | ResistiveSynapseParameters, Field(discriminator="kind")
]


class CrossbarParameters(Record):
    """`rows` spike line pairs times `columns` dendrites."""

    rows: Annotated[int, Field(ge=1, le=1024)] = 5
    columns: Annotated[int, Field(ge=1, le=1024)] = 5
    synapse: SynapseParameters = CurrentSourceSynapseParameters()


def synapse_cell(
    parameters: CurrentSourceSynapseParameters | ResistiveSynapseParameters, name: str = "synapse"
) -> Cell:
    """The synapse cell for its parameters."""
    if isinstance(parameters, ResistiveSynapseParameters):
        return ResistiveSynapse(parameters, name)
    return CurrentSourceSynapse(parameters, name)


class Crossbar(Cell):
    """rows x columns synapses; each has its own bias ports when its weight is a bias voltage."""

    what: ClassVar[str] = "crossbar of synapses: spike lines by dendrites"

    def __init__(self, parameters: CrossbarParameters, name: str = "crossbar") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters
        self.synapse = synapse_cell(parameters.synapse)

    @property
    def biased(self) -> bool:
        """Whether synapses take gate biases (else their weight is a device value)."""
        return "bn" in self.synapse.port_names

    def bias_ports(self) -> list[tuple[int, int, str, str]]:
        """(column, row, port of the N bias, port of the P bias), column by column."""
        if not self.biased:
            return []
        return [
            (column, row, f"bn_{column}_{row}", f"bp_{column}_{row}")
            for column in range(1, self.sizes.columns + 1)
            for row in range(1, self.sizes.rows + 1)
        ]

    @property
    def ports(self) -> tuple[Port, ...]:
        rows, columns = range(1, self.sizes.rows + 1), range(1, self.sizes.columns + 1)
        biases = []
        for column, row, port_n, port_p in self.bias_ports():
            biases.append(
                Port(port_n, "bias", f"N bias of the synapse of row {row}, column {column}")
            )
            biases.append(
                Port(port_p, "bias", f"P bias of the synapse of row {row}, column {column}")
            )
        return (
            *(Port(f"sp_{row}", "input", f"spike line of row {row}") for row in rows),
            *(Port(f"spb_{row}", "input", f"complement of sp_{row}") for row in rows),
            *(
                Port(f"dend_{column}", "inout", f"dendrite of column {column}")
                for column in columns
            ),
            *biases,
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    def draw(self, schematic: Schematic) -> None:
        for column in range(1, self.sizes.columns + 1):
            for row in range(1, self.sizes.rows + 1):
                bias = (
                    {"bn": f"bn_{column}_{row}", "bp": f"bp_{column}_{row}"} if self.biased else {}
                )
                schematic.instance(
                    f"s_{column}_{row}",
                    self.synapse,
                    dend=f"dend_{column}",
                    sp=f"sp_{row}",
                    spb=f"spb_{row}",
                    vdd="vdd",
                    vss="vss",
                    **bias,
                )

    @property
    def geometry(self) -> CrossbarGeometry:
        """Dimensions of the layout view. Raises InputError for synapses that have none."""
        if not isinstance(self.synapse, CurrentSourceSynapse):
            raise InputError(
                f"crossbar {self.name}: {self.synapse.what} has no layout view",
                remedy='use kind = "current_source", or view = "schematic"',
            )
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
        for column, row, *ports in self.bias_ports():
            for polarity, port in zip("np", ports, strict=True):
                sketch.pin("met1", g.bias_box(column, row, polarity), port)
        x, y = g.strap_x, g.synapse.height
        sketch.pin("met2", (x - 150, y - 130, x + 150, y + 130), "vdd")
        x = g.shield_x(0)
        sketch.pin("met2", (x - 70, -130, x + 70, 130), "vss")
