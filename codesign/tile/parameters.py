"""Parameters of a tile: cell, lines, pulses, differential scheme, converters, noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from codesign.scalars import set_floats, set_ints
from codesign.tile.adc import AdcParameters
from codesign.tile.errors import TileError as TileError

Cell = Literal["gated", "rail"]
Differential = Literal["shared", "paired"]
Products = Literal["full", "bfloat16"]
InputMode = Literal["pulse_width", "bit_sliced"]
NoiseMode = Literal["off", "output", "device"]
Method = Literal["exact", "fast", "mean_field"]
_FLOATS = (
    *("r_line_ohm", "v_read_V", "t_window_s", "r_source_ohm", "r_access_ohm", "r_integrator_ohm"),
    *("q_switch_C", "c_cell_F", "accuracy"),
)


@dataclass(frozen=True)
class TileParameters:
    """One tile of differential conductances, read by signed pulse widths.

    cell: `gated`, whose transistor carries current only while the row's pulse is high, or `rail`,
        which stays connected to the common mode when its pulse is off (constant load).
    r_line_ohm: bit line resistance per cell. r_source_ohm: resistance per cell of the source line
        that returns the column's current. source_end: where that line is driven, at the `same` end
        as the bit line is read (each cell sees the sum of both drops, one ladder) or at the
        `opposite` one (see `opposite`). r_access_ohm: on-resistance in series with every
        device. r_integrator_ohm: input resistance of the integrator.
    q_switch_C, c_cell_F: what every pulse of every device leaves in the integrator beside its
        current: the access transistor's own charge, and the charge of the node behind it, which
        waits at the read voltage. Both are fitted to SPICE.
    v_read_V, t_window_s: read voltage, and the length of the longest pulse.
    pulse_bits: |pulse| is rounded to 2^(bits-1) - 1 slots; None: not rounded.
    input_mode: `pulse_width`, or `bit_sliced`: one read of one slot per magnitude bit, weighted
        digitally by powers of two.
    differential: `shared`, G+ and G- on one line with opposite polarity, or `paired`, two lines
        subtracted after integration.
    read_end: where the integrators are, `near` row N - 1 or `far` at row 0; with alternate_ends the
        odd columns are read at the other end.
    accuracy: rms error, as a share of the output's rms, that `fast` picks its setting for;
        elements and slices override what it picks. levels: of activity, for `mean_field`.
    products: precision of the matrix products of `mean_field`'s drops and of `output` noise's
        variance, for float32: bfloat16 costs 0.3 % of the drops and is several times faster where
        the processor has it.
    read_noise: `device` draws every device for every MVM; `output` draws their summed effect on the
        column, by the line's transfer at the pulses' mean load, and costs matrix products.
    adc: None for the charge itself.
    """

    cell: Cell = "gated"
    r_line_ohm: float = 0.35
    v_read_V: float = 0.2
    t_window_s: float = 127e-9
    pulse_bits: int | None = 8
    differential: Differential = "shared"
    input_mode: InputMode = "pulse_width"
    r_source_ohm: float = 0.0
    source_end: Literal["same", "opposite"] = "same"
    r_access_ohm: float = 0.0
    r_integrator_ohm: float = 0.0
    q_switch_C: float = 0.0
    c_cell_F: float = 0.0
    read_end: Literal["near", "far"] = "near"
    alternate_ends: bool = False
    accuracy: float = 1e-3
    elements: int | None = None
    slices: int | None = None
    levels: int | None = None
    products: Products = "full"
    read_noise: NoiseMode = "off"
    adc: AdcParameters | None = None

    def __post_init__(self) -> None:
        set_floats(self, *_FLOATS)
        set_ints(self, "pulse_bits", "elements", "slices", "levels")
        for name, allowed in (
            ("cell", get_args(Cell)),
            ("differential", get_args(Differential)),
            ("input_mode", get_args(InputMode)),
            ("read_end", ("near", "far")),
            ("source_end", ("same", "opposite")),
            ("read_noise", get_args(NoiseMode)),
            ("products", get_args(Products)),
        ):
            if getattr(self, name) not in allowed:
                raise TileError(
                    f"unknown {name} {getattr(self, name)!r}", remedy=f"use {' or '.join(allowed)}"
                )
        for name in ("r_line_ohm", "r_source_ohm", "r_access_ohm", "r_integrator_ohm"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise TileError(f"{name} must be at least 0 and finite, not {value}")
        for name in ("q_switch_C", "c_cell_F"):
            if not math.isfinite(getattr(self, name)):
                raise TileError(f"{name} must be finite, not {getattr(self, name)}")
        for name in ("v_read_V", "t_window_s", "accuracy"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise TileError(f"{name} must be positive and finite, not {value}")
        if self.pulse_bits is not None and not (
            isinstance(self.pulse_bits, int) and 2 <= self.pulse_bits <= 16
        ):
            raise TileError(f"pulse_bits must be 2..16 or None, not {self.pulse_bits!r}")
        if self.pulse_bits is None and self.input_mode == "bit_sliced":
            raise TileError("bit-sliced inputs need pulse_bits")
        if self.adc is not None and not isinstance(self.adc, AdcParameters):
            raise TileError(f"adc must be AdcParameters or None, not {self.adc!r}")
        for name in ("elements", "slices", "levels"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= 1):
                raise TileError(f"{name} must be a positive integer or None, not {value!r}")

    @property
    def slots(self) -> int | None:
        """Slots in the window, 2^(bits-1) - 1; None for pulses that are not rounded."""
        return None if self.pulse_bits is None else 2 ** (self.pulse_bits - 1) - 1

    @property
    def r_cell_ohm(self) -> float:
        """Resistance per cell of bit and source line together."""
        return self.r_line_ohm + self.r_source_ohm

    @property
    def r_opposite_ohm(self) -> float:
        """Resistance per cell of a source line that is driven from the opposite end, or 0."""
        return self.r_source_ohm if self.source_end == "opposite" else 0.0
