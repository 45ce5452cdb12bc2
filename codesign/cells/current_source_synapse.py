"""The current-source synapse: an N pair and a P pair of selector and memory transistor.

The memory gates carry bias voltages that set the current; the spike line and its complement turn
the pairs on. The N pair pulls the dendrite down (positive weight), the P pair pulls it up
(negative). With the memory transistor on the dendrite, the default, an arriving spike moves less
than 0.1 fC; with the selector there, as published (arXiv:2412.09010), it moves up to 2 fC.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from codesign.cells.base import Cell, Port, Schematic
from codesign.cells.synapse_view import PairSizes, SynapseGeometry, draw_synapse, synapse_geometry
from codesign.cells.transistor import TransistorParameters, nmos, pmos
from codesign.layout.sketch import Sketch
from codesign.records import Record


class TransistorOrder(StrEnum):
    """Which transistor of a pair touches the dendrite; the other one sits at the rail."""

    MEMORY_ON_DENDRITE = "memory_on_dendrite"
    SELECTOR_ON_DENDRITE = "selector_on_dendrite"


class CurrentSourceSynapseParameters(Record):
    """Sizes and order of the two pairs; the published synapse has W/L = 1/0.25 um throughout."""

    kind: Literal["current_source"] = "current_source"
    order: TransistorOrder = TransistorOrder.MEMORY_ON_DENDRITE
    memory_n: TransistorParameters = nmos(1.0, 0.25)
    selector_n: TransistorParameters = nmos(1.0, 0.25)
    memory_p: TransistorParameters = pmos(1.0, 0.25)
    selector_p: TransistorParameters = pmos(1.0, 0.25)

    @model_validator(mode="after")
    def _polarities(self) -> Self:
        for key, want in (
            ("memory_n", "n"),
            ("selector_n", "n"),
            ("memory_p", "p"),
            ("selector_p", "p"),
        ):
            if not getattr(self, key).model.startswith(want):
                raise ValueError(f"{key} needs a {want}fet model, not {getattr(self, key).model}")
        return self


class CurrentSourceSynapse(Cell):
    """One synapse between a spike line pair and a dendrite."""

    what: ClassVar[str] = "current-source synapse: N and P pair of selector and memory transistor"

    def __init__(self, parameters: CurrentSourceSynapseParameters, name: str = "synapse") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters

    @property
    def ports(self) -> tuple[Port, ...]:
        return (
            Port("dend", "inout", "dendrite"),
            Port("sp", "input", "spike line, high while the spike lasts"),
            Port("spb", "input", "complement of the spike line"),
            Port("bn", "bias", "memory gate of the N pair: more is more current, vss is off"),
            Port("bp", "bias", "memory gate of the P pair: less is more current, vdd is off"),
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    def draw(self, schematic: Schematic) -> None:
        on_dendrite = self.sizes.order is TransistorOrder.MEMORY_ON_DENDRITE
        pairs = (
            ("n", "bn", "sp", "vss", self.sizes.memory_n, self.sizes.selector_n),
            ("p", "bp", "spb", "vdd", self.sizes.memory_p, self.sizes.selector_p),
        )
        for pair, bias, line, rail, memory, selector in pairs:
            middle = f"mid_{pair}"
            upper, lower = ("dend", middle), (middle, rail)
            memory_nodes, selector_nodes = (upper, lower) if on_dendrite else (lower, upper)
            schematic.fet(f"mem_{pair}", (memory_nodes[0], bias, memory_nodes[1], rail), memory)
            schematic.fet(
                f"sel_{pair}", (selector_nodes[0], line, selector_nodes[1], rail), selector
            )

    @property
    def _pairs(self) -> tuple[PairSizes, PairSizes]:
        sizes = self.sizes
        pairs = ((sizes.memory_n, sizes.selector_n), (sizes.memory_p, sizes.selector_p))
        first = sizes.order is TransistorOrder.SELECTOR_ON_DENDRITE
        n, p = (PairSizes.of(*(pair[::-1] if first else pair), first) for pair in pairs)
        return n, p

    @property
    def geometry(self) -> SynapseGeometry:
        """Dimensions of the layout view."""
        return synapse_geometry(*self._pairs)

    def draw_layout(self, sketch: Sketch) -> None:
        g = draw_synapse(sketch, *self._pairs)
        sketch.pin("met2", (g.dendrite_x - 70, -130, g.dendrite_x + 70, 130), "dend")
        for net, y in (("vss", 0), ("sp", g.sp_y), ("spb", g.spb_y), ("vdd", g.height)):
            sketch.pin("met1", (0, y - 130, 300, y + 130), net)
        for net, (x, y) in (("bn", g.bn), ("bp", g.bp)):
            sketch.pin("met1", (x - 145, y - 145, x + 145, y + 145), net)
