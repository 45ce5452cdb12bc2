"""The resistive 1T1R synapse: a selector in series with a programmable conductance, per polarity.

The device on the dendrite is a linear conductance (a resistive memory's small-signal model at read
voltage); the selector sits at the rail. A conductance pulls towards its rail with a current
proportional to the distance, so the reversal potentials are the rails themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from codesign.cells.transistor import TransistorParameters, nmos, pmos
from codesign.units import Siemens

# A conductance that is not there: 1 V through it is 1 fA.
_OFF_S = 1e-15


@register_synapse
class ResistiveSynapseParameters(SynapseParameters):
    """Selector sizes, and the range of the two programmable conductances in siemens."""

    kind: Literal["resistive"] = Field(
        "resistive", description="1T1R: selector and conductance per polarity"
    )
    selector_n: TransistorParameters = Field(
        nmos(1.0, 0.25), description="NMOS that the spike line turns on"
    )
    selector_p: TransistorParameters = Field(
        pmos(1.0, 0.25), description="PMOS that the complement of the spike line turns on"
    )
    g_min: Siemens = Field(1e-9, description="smallest conductance that can be programmed")
    g_max: Siemens = Field(2e-6, description="largest conductance that can be programmed")

    @model_validator(mode="after")
    def _range(self) -> Self:
        if not 1e-12 <= self.g_min < self.g_max <= 1e-3:
            raise ValueError(
                f"g_min = {self.g_min:g} S and g_max = {self.g_max:g} S: "
                "needs 1 pS <= g_min < g_max <= 1 mS"
            )
        return self

    def cell(self, name: str = "synapse") -> ResistiveSynapse:
        return ResistiveSynapse(self, name)


class ResistiveSynapse(Synapse):
    """One synapse between a spike line pair and a dendrite, programmed by two conductances."""

    what: ClassVar[str] = "resistive 1T1R synapse: selector and conductance per polarity"
    # The programmable conductance is no device of the process.
    has_layout = False

    def __init__(self, parameters: ResistiveSynapseParameters, name: str = "synapse") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters

    @property
    def ports(self) -> tuple[Port, ...]:
        return (Port("dend", "inout", "dendrite"), *line_ports(), *rail_ports())

    @property
    def turns_on_at_once(self) -> bool:
        return True

    @property
    def knobs(self) -> Mapping[str, Knob]:
        low, high = self.sizes.g_min, self.sizes.g_max
        return {
            polarity: Knob(f"g_{polarity}", False, _OFF_S, low, high, unit="S") for polarity in "np"
        }

    @property
    def defaults(self) -> Mapping[str, float]:
        return self.off_values

    def draw(self, schematic: Schematic) -> None:
        schematic.conductance("g_n", ("dend", "mid_n"), "g_n")
        schematic.fet("sel_n", ("mid_n", "sp", "vss", "vss"), self.sizes.selector_n)
        schematic.conductance("g_p", ("dend", "mid_p"), "g_p")
        schematic.fet("sel_p", ("mid_p", "spb", "vdd", "vdd"), self.sizes.selector_p)
