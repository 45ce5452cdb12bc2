"""The resistive 1T1R synapse: a selector in series with a programmable conductance, per polarity.

The device on the dendrite is a linear conductance (a resistive memory's small-signal model at read
voltage); the selector sits at the rail. A conductance pulls towards its rail with a current
proportional to the distance, so the reversal potentials are the rails themselves.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from codesign.cells.base import Cell, Port, Schematic
from codesign.cells.transistor import TransistorParameters, nmos, pmos
from codesign.records import Record
from codesign.units import Siemens


class ResistiveSynapseParameters(Record):
    """Selector sizes and the conductances of the two devices, in siemens (0 leaves a pair out)."""

    kind: Literal["resistive"] = "resistive"
    selector_n: TransistorParameters = nmos(1.0, 0.25)
    selector_p: TransistorParameters = pmos(1.0, 0.25)
    g_n: Siemens = 50e-9
    g_p: Siemens = 50e-9

    @model_validator(mode="after")
    def _range(self) -> Self:
        for key, value in (("g_n", self.g_n), ("g_p", self.g_p)):
            if not 0 <= value <= 1e-3:
                raise ValueError(f"{key} = {value:g} S is outside 0 .. 1 mS")
        return self


class ResistiveSynapse(Cell):
    """One synapse between a spike line pair and a dendrite, programmed by two conductances."""

    what: ClassVar[str] = "resistive 1T1R synapse: selector and conductance per polarity"

    def __init__(self, parameters: ResistiveSynapseParameters, name: str = "synapse") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters

    @property
    def ports(self) -> tuple[Port, ...]:
        return (
            Port("dend", "inout", "dendrite"),
            Port("sp", "input", "spike line, high while the spike lasts"),
            Port("spb", "input", "complement of the spike line"),
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    def draw(self, schematic: Schematic) -> None:
        if self.sizes.g_n > 0:
            schematic.resistor("g_n", ("dend", "mid_n"), 1 / self.sizes.g_n)
            schematic.fet("sel_n", ("mid_n", "sp", "vss", "vss"), self.sizes.selector_n)
        if self.sizes.g_p > 0:
            schematic.resistor("g_p", ("dend", "mid_p"), 1 / self.sizes.g_p)
            schematic.fet("sel_p", ("mid_p", "spb", "vdd", "vdd"), self.sizes.selector_p)
