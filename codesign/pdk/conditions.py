"""What a simulation is run at: corners, temperature, supply, variation, seed; device sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from codesign.errors import InputError

# No process here has a device that stands more.
MAX_SUPPLY_V = 10.0


class Corner(StrEnum):
    """Transistor corner, by the model library's section names.

    tt, ss and ff are what they say. Beware of sf and fs: in SkyWater's models, discrete and
    continuous, `sf` has fast NMOS and slow PMOS, `fs` slow NMOS and fast PMOS, against what the
    library's own comments say (drawn 1/0.25 um at 1.8 V, NMOS and PMOS current against tt:
    sf +7 %, -15 %; fs -7 %, +16 %). The names stay the library's.
    """

    TT = "tt"
    SS = "ss"
    FF = "ff"
    SF = "sf"
    FS = "fs"


class Interconnect(StrEnum):
    """Corner of resistances and capacitances: nominal, both low, both high."""

    NOM = "nom"
    LOW = "low"
    HIGH = "high"


class Variation(StrEnum):
    """Random variation on top of the corner.

    MISMATCH draws every device on its own (threshold voltage, MIM area capacitance, resistance);
    PROCESS draws one set of process parameters for the whole chip; ALL does both.
    """

    NONE = "none"
    PROCESS = "process"
    MISMATCH = "mismatch"
    ALL = "all"

    @property
    def draws_devices(self) -> bool:
        """Whether devices of the same size differ."""
        return self in (Variation.MISMATCH, Variation.ALL)

    @property
    def draws_process(self) -> bool:
        """Whether the chip's process parameters are drawn."""
        return self in (Variation.PROCESS, Variation.ALL)


@dataclass(frozen=True)
class Conditions:
    """Everything besides the circuit that decides a simulation's result.

    supply_V: of the circuit, above 0 and at most 10 V. seed: at least 1. Raises InputError.
    """

    corner: Corner = Corner.TT
    interconnect: Interconnect = Interconnect.NOM
    temperature_C: float = 27.0
    supply_V: float = 1.8
    variation: Variation = Variation.NONE
    seed: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature_C) and -273.15 < self.temperature_C <= 400):
            raise InputError(
                f"temperature {self.temperature_C!r} C is not between -273.15 and 400 C"
            )
        if not (math.isfinite(self.supply_V) and 0 < self.supply_V <= MAX_SUPPLY_V):
            raise InputError(
                f"supply {self.supply_V!r} V is not above 0 and at most {MAX_SUPPLY_V:g} V"
            )
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise InputError(f"seed {self.seed!r} is not a whole number")
        if not 1 <= self.seed <= 2**31 - 1:
            raise InputError(f"seed {self.seed} is not between 1 and 2147483647")


@dataclass(frozen=True, order=True)
class Device:
    """One device size a deck uses: short model name (`nfet_01v8`), drawn width and length."""

    model: str
    w_um: float
    l_um: float
