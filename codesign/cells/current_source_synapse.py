"""The current-source synapse: an N pair and a P pair of selector and memory transistor.

The memory gates carry bias voltages that set the current; the spike line and its complement turn
the pairs on. The N pair pulls the dendrite down (positive weight), the P pair pulls it up
(negative). With the memory transistor on the dendrite, the default, an arriving spike moves less
than 0.1 fC; with the selector there, as published (arXiv:2412.09010), it moves up to 2 fC.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from codesign.cells.base import Port, Schematic
from codesign.cells.knobs import Knob
from codesign.cells.synapse import (
    Synapse,
    SynapseParameters,
    line_ports,
    rail_ports,
    register_synapse,
)
from codesign.cells.synapse_geometry import SynapseGeometry
from codesign.cells.synapse_view import PairSizes, draw_synapse, synapse_geometry
from codesign.cells.transistor import TransistorParameters, nmos, pmos
from codesign.layout.sketch import Sketch

_KNOBS = {
    "n": Knob("bn", True, off=0.0, low=0.2, high=0.8),
    # Down to 1 nA when fast and hot.
    "p": Knob("bp", True, off="supply", low=0.8, high=1.56),
}


class TransistorOrder(StrEnum):
    """Which transistor of a pair touches the dendrite; the other one sits at the rail."""

    MEMORY_ON_DENDRITE = "memory_on_dendrite"
    SELECTOR_ON_DENDRITE = "selector_on_dendrite"


@register_synapse
class CurrentSourceSynapseParameters(SynapseParameters):
    """Sizes and order of the two pairs; the published synapse has W/L = 1/0.25 um throughout."""

    kind: Literal["current_source"] = Field(
        "current_source", description="N and P pair, weights by gate voltages"
    )
    order: TransistorOrder = Field(
        TransistorOrder.MEMORY_ON_DENDRITE, description="which transistor touches the dendrite"
    )
    memory_n: TransistorParameters = Field(
        nmos(1.0, 0.25), description="NMOS whose gate voltage sets positive weights"
    )
    selector_n: TransistorParameters = Field(
        nmos(1.0, 0.25), description="NMOS that the spike line turns on"
    )
    memory_p: TransistorParameters = Field(
        pmos(1.0, 0.25), description="PMOS whose gate voltage sets negative weights"
    )
    selector_p: TransistorParameters = Field(
        pmos(1.0, 0.25), description="PMOS that the complement of the spike line turns on"
    )

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

    def cell(self, name: str = "synapse") -> CurrentSourceSynapse:
        return CurrentSourceSynapse(self, name)


class CurrentSourceSynapse(Synapse):
    """One synapse between a spike line pair and a dendrite."""

    what: ClassVar[str] = "current-source synapse: N and P pair of selector and memory transistor"

    def __init__(self, parameters: CurrentSourceSynapseParameters, name: str = "synapse") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters

    @property
    def ports(self) -> tuple[Port, ...]:
        return (
            Port("dend", "inout", "dendrite"),
            *line_ports(),
            Port("bn", "bias", "memory gate of the N pair: more is more current, vss is off"),
            Port("bp", "bias", "memory gate of the P pair: less is more current, vdd is off"),
            *rail_ports(),
        )

    @property
    def turns_on_at_once(self) -> bool:
        return True

    @property
    def knobs(self) -> Mapping[str, Knob]:
        return _KNOBS

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
        for net, (x, y) in g.pins.items():
            sketch.pin("met1", (x - 145, y - 145, x + 145, y + 145), net)
