"""Converters at the columns: ramp and current-controlled oscillator, clipping, spread, gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from codesign.errors import InputError
from codesign.scalars import set_floats, set_ints
from codesign.tile.constants import kept
from codesign.tile.draws import uniform_like


@dataclass(frozen=True)
class AdcParameters:
    """A signed converter per column.

    style: `ramp` compares with a staircase (rounds to the nearest code); `cco` counts the whole
        periods of an oscillator driven by the current (rounds the magnitude down from a phase that
        is random when a generator is given, else half a period) and compresses by
        `compression` of full scale at full scale.
    full_scale_C: charge of the largest code, 2^(bits-1) - 1; larger charges clip.
    offset_sigma_C, gain_sigma: spread over columns, fixed for a chip by `seed`.
    gradient: `straight_through` passes the gradient of the clipped charge; `smooth` also lets a
        tanh of the clipping through, so that clipped columns still learn.
    """

    style: Literal["ramp", "cco"] = "ramp"
    bits: int = 9
    full_scale_C: float = 1e-12
    offset_sigma_C: float = 0.0
    gain_sigma: float = 0.0
    compression: float = 0.0
    seed: int = 0
    gradient: Literal["straight_through", "smooth"] = "straight_through"

    def __post_init__(self) -> None:
        set_floats(self, "full_scale_C", "offset_sigma_C", "gain_sigma", "compression")
        set_ints(self, "bits", "seed")
        if self.style not in ("ramp", "cco"):
            raise InputError(f"unknown ADC style {self.style!r}", remedy="use ramp or cco")
        if self.gradient not in ("straight_through", "smooth"):
            raise InputError(
                f"unknown ADC gradient {self.gradient!r}", remedy="use straight_through or smooth"
            )
        if not (isinstance(self.bits, int) and 2 <= self.bits <= 24):
            raise InputError(f"ADC bits must be 2..24, not {self.bits!r}")
        if not (self.full_scale_C > 0 and math.isfinite(self.full_scale_C)):
            raise InputError(f"full_scale_C must be positive, not {self.full_scale_C}")
        for name in ("offset_sigma_C", "gain_sigma"):
            if not (getattr(self, name) >= 0 and math.isfinite(getattr(self, name))):
                raise InputError(f"{name} must be at least 0, not {getattr(self, name)}")
        if not 0 <= self.compression < 0.5:
            raise InputError(f"compression must be in [0, 0.5), not {self.compression}")

    @property
    def lsb_C(self) -> float:
        """Charge of one code."""
        return self.full_scale_C / (2 ** (self.bits - 1) - 1)


def convert_charge(
    charge: Tensor,
    adc: AdcParameters,
    generator: torch.Generator | None = None,
    full_scale: Tensor | float | None = None,
) -> Tensor:
    """Charge (batch, cols) in C as the converter reports it: a code times the LSB, in C.

    `full_scale` (cols,) or a number replaces the parameters' full scale, column by column; spread
    and LSB scale with it.
    """
    scale = adc.full_scale_C if full_scale is None else full_scale
    x = charge / scale
    if adc.gain_sigma or adc.offset_sigma_C:
        drawn = _spread(adc.seed, charge.shape[-1], charge.dtype, charge.device)
        x = x * (1 + adc.gain_sigma * drawn[0]) + adc.offset_sigma_C / adc.full_scale_C * drawn[1]
    if adc.compression:
        # An oscillator slows down at high current: x - k x |x|, monotone for k < 1/2.
        inside = x.clamp(-1.0, 1.0)
        x = inside - adc.compression * inside * inside.abs() + (x - inside)
    levels = 2 ** (adc.bits - 1) - 1
    with torch.no_grad():
        code = x.clamp(-1.0, 1.0) * levels
        if adc.style == "ramp":
            code = code.round()
        else:
            phase = 0.5 if generator is None else uniform_like(code, generator)
            code = code.sign() * (code.abs() + phase).floor().clamp_max(levels)
    # The value of the codes; the gradient of the clipped (or smoothly clipped) charge.
    through = x.clamp(-1.0, 1.0) if adc.gradient == "straight_through" else _soft_clip(x)
    return (code / levels + (through - through.detach())) * scale


@kept(256)
def _spread(seed: int, cols: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Normal numbers (2, cols) of a chip's columns, for gain and offset."""
    chip = torch.Generator().manual_seed(seed)
    drawn = torch.randn(2, cols, generator=chip, dtype=torch.float64)
    return drawn.to(device=device, dtype=dtype)


def _soft_clip(x: Tensor) -> Tensor:
    # Slope one inside, sech^2 of the excess outside: never quite zero.
    inside = x.clamp(-1.0, 1.0)
    return inside + torch.tanh(x - inside)
