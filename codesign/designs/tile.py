"""TileDesign: the validated content of a design file with kind = "tile"."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from codesign.cells.tile_column import TileColumnParameters
from codesign.cells.transistor import TransistorParameters, nmos
from codesign.designs.base import DesignFile, ProcessParameters
from codesign.designs.load import register_design
from codesign.records import Name, Record
from codesign.units import Farads, Ohms, Seconds, Siemens, Volts

if TYPE_CHECKING:
    from codesign.tile import TileParameters


class TileCircuitParameters(Record):
    """A tile of gated cells. `access` None: ideal switches."""

    rows: int = Field(64, ge=1, le=330, description="cells on a column")
    columns: int = Field(8, ge=1, le=64, description="columns, each read by an integrator")
    r_line: Ohms = Field(0.35, gt=0, le=1e6, description="bit line, from row to row")
    c_line: Farads = Field(0.0, ge=0, le=1e-12, description="the same to ground")
    access: TransistorParameters | None = Field(
        nmos(1.0, 0.15), description="switches of the cells"
    )
    differential: Literal["shared", "paired"] = Field(
        "shared", description="shared: both devices of a weight on one line; paired: one line each"
    )
    v_read: Volts = Field(0.2, gt=0, le=0.5, description="voltage across a device that is read")
    t_window: Seconds = Field(127e-9, gt=0, le=1e-3, description="longest pulse of a read")
    pulse_bits: int = Field(8, ge=2, le=10, description="bits of a pulse's length, with the sign")
    g_max: Siemens = Field(25e-6, gt=0, le=1e-3, description="largest conductance of a device")
    zero_share: float = Field(0.5, ge=0, lt=1, description="share of devices that are left out")
    seed: int = Field(1, ge=1, le=2**31 - 1, description="of conductances and pulses")

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        if self.differential == "shared" and self.zero_share > 0.9:
            raise ValueError("zero_share above 0.9 leaves columns without devices")
        return self

    def cells(self) -> TileColumnParameters:
        """Parameters of the column cells."""
        return TileColumnParameters(
            r_line=self.r_line,
            c_line=self.c_line,
            access=self.access,
            differential=self.differential,
        )

    def model(self) -> TileParameters:
        """The model's parameters as designed, before any fit."""
        from codesign.tile import TileParameters

        return TileParameters(
            r_line_ohm=self.r_line,
            v_read_V=self.v_read,
            t_window_s=self.t_window,
            pulse_bits=self.pulse_bits,
            differential=self.differential,
        )

    @property
    def slots(self) -> int:
        return 2 ** (self.pulse_bits - 1) - 1

    def conductances(self) -> tuple[np.ndarray, np.ndarray]:
        """G+ and G- (rows, columns) in S, uniform up to g_max; `zero_share` of all are absent."""
        shape = (self.rows, self.columns)
        draw = np.random.default_rng([self.seed, 0])
        drawn = [draw.uniform(0, self.g_max, shape) for _ in range(2)]
        order = draw.permuted(np.tile([0.0, 1.0], (*shape, 1)), axis=-1)
        if self.zero_share == 0.5:
            # One device of every pair, as weights of either sign have it.
            return drawn[0] * order[..., 0], drawn[1] * order[..., 1]
        present = [draw.uniform(size=shape) >= self.zero_share for _ in range(2)]
        return drawn[0] * present[0], drawn[1] * present[1]

    def pulses(self, reads: int, stream: int) -> np.ndarray:
        """Signed pulses (reads, rows) in slots, half-normal; streams are independent draws."""
        draw = np.random.default_rng([self.seed, stream])
        x = draw.standard_normal((reads, self.rows))
        x /= np.abs(x).max(axis=1, keepdims=True)
        return np.round(x * self.slots).astype(np.int64)


class TileReadsParameters(Record):
    """How many reads a step simulates."""

    reads: int = Field(6, ge=1, le=1000, description="reads of the whole tile, pulses at random")


class TileVerifyParameters(TileReadsParameters):
    """Reads that the fit has not seen; the largest error allowed."""

    max_rms_error_percent: float | None = Field(
        None, gt=0, description="largest rms error, of the rms charge, that passes"
    )


@register_design
class TileDesign(DesignFile):
    """One tile: circuit, process, reads to fit to, reads to verify with."""

    kind_name: ClassVar[str] = "tile"
    kind: Literal["tile"] = Field(description="a tile of gated cells")
    name: Name = Field(description="becomes a SPICE identifier: letters, digits, underscores")
    view: Literal["schematic"] = Field("schematic", description="what is simulated")
    process: ProcessParameters = ProcessParameters()
    tile: TileCircuitParameters = TileCircuitParameters()
    simulate: TileReadsParameters = TileReadsParameters()
    verify: TileVerifyParameters = TileVerifyParameters()

    @property
    def seed(self) -> int:
        """Seed of conductances and pulses."""
        return self.tile.seed

    def with_seed(self, seed: int) -> Self:
        return self.override({"tile.seed": seed})
