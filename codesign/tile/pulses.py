"""Input pulses: range, rounding to slots, and the bit planes of bit-sliced reads."""

from __future__ import annotations

import torch
from torch import Tensor


def valid_pulse(pulse: Tensor) -> Tensor:
    """Whether all values are numbers in [-1, 1], without dimensions."""
    return (pulse.detach().abs() <= 1.0).all()


def round_to_slots(pulse: Tensor, slots: int | None) -> Tensor:
    """Signed pulse lengths rounded to whole slots; the gradient passes straight through."""
    if slots is None:
        return pulse
    with torch.no_grad():
        shift = torch.round(pulse * slots) / slots - pulse
    return pulse + shift


def bit_planes(pulse: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """Planes (bits, batch, rows) in {-1, 0, 1} and their weights (bits,), which sum to one."""
    count = torch.round(pulse.detach().abs() * slots).to(torch.int64)
    sign = torch.sign(pulse.detach())
    bits = slots.bit_length()
    planes = torch.stack([sign * ((count >> k) & 1).to(pulse) for k in range(bits)])
    weights = pulse.new_tensor([2.0**k / slots for k in range(bits)])
    return planes, weights
