"""Sizes of the primitive devices that cells are made of."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from codesign.records import Record
from codesign.units import Metres

# Source or drain with one contact: licon 0.17 um + spacing to the gate 0.055 um + enclosure by
# diffusion 0.06 um, rounded up to the 5 nm grid (sky130 periphery rules licon.5, licon.11).
DIFFUSION_LENGTH_M = 0.29e-6

# A contact and its enclosure, and the narrowest that the process has models for.
SMALLEST_W_M = 0.42e-6

TransistorModel = Literal[
    "nfet_01v8", "nfet_01v8_lvt", "pfet_01v8", "pfet_01v8_lvt", "pfet_01v8_hvt"
]


class TransistorParameters(Record):
    """A transistor: model of the process, drawn width and length in metres."""

    inline: ClassVar[str] = "transistor"

    model: TransistorModel = Field(description="device of the process")
    w: Metres = Field(description="drawn width, 0.42 um to 100 um")
    l: Metres = Field(description="drawn length, 0.15 um to 100 um")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for key, value, low in (("w", self.w, SMALLEST_W_M), ("l", self.l, 0.15e-6)):
            if not low * (1 - 1e-9) <= value <= 100e-6:
                raise ValueError(
                    f"{key} = {value * 1e6:g} um is outside {low * 1e6:g} .. 100 um "
                    f"for {self.model}"
                )
        return self


class MIMCapacitorParameters(Record):
    """A MIM capacitor between met4 and met5 (cap_mim_m3_2): 2 fF/um^2, drawn size in metres."""

    inline: ClassVar[str] = "capacitor"

    model: Literal["cap_mim_m3_1", "cap_mim_m3_2"] = Field(
        "cap_mim_m3_2", description="between met3 and met4 (1) or met4 and met5 (2)"
    )
    w: Metres = Field(12.0e-6, description="drawn width, 1 um to 60 um")
    l: Metres = Field(5.6e-6, description="drawn length, 1 um to 60 um")

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        for key, value in (("w", self.w), ("l", self.l)):
            if not 1e-6 <= value <= 60e-6:
                raise ValueError(
                    f"{key} = {value * 1e6:g} um is outside 1 .. 60 um for a MIM capacitor"
                )
        return self


def nmos(
    w_um: float, l_um: float = 0.15, model: TransistorModel = "nfet_01v8"
) -> TransistorParameters:
    """An NMOS size given in micrometres."""
    return TransistorParameters(model=model, w=w_um * 1e-6, l=l_um * 1e-6)


def pmos(
    w_um: float, l_um: float = 0.15, model: TransistorModel = "pfet_01v8"
) -> TransistorParameters:
    """A PMOS size given in micrometres."""
    return TransistorParameters(model=model, w=w_um * 1e-6, l=l_um * 1e-6)
