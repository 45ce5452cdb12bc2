"""What the layout views can draw: sizes on the grid, within reach of the taps, capacitors with room
for their via."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from codesign.cells.transistor import SMALLEST_W_M, MIMCapacitorParameters, TransistorParameters
from codesign.records import Record

# Every point of a diffusion is within 15 um of the tap beside its row (rules LU.2, LU.3).
LARGEST_W_M = 12e-6
LARGEST_L_M = 20e-6
# A via4 of 0.8 um with 0.2 um of capacitor around it; side ratio of rule cap2m.6.
SMALLEST_MIM_M = 1.2e-6
LARGEST_RATIO = 20.0
_GRID_M = 5e-9


def layout_faults(parameters: Record, prefix: str = "") -> Iterator[str]:
    """A line for every size that cannot be drawn, with its key."""
    for key in type(parameters).model_fields:
        value = getattr(parameters, key)
        name = f"{prefix}{key}"
        if isinstance(value, TransistorParameters):
            yield from _transistor_faults(name, value)
        elif isinstance(value, MIMCapacitorParameters):
            yield from _capacitor_faults(name, value)
        elif isinstance(value, Record):
            yield from layout_faults(value, f"{name}.")


def _transistor_faults(name: str, size: TransistorParameters) -> Iterator[str]:
    yield from _grid_faults(name, size)
    for side, value, low, high in (
        ("w", size.w, SMALLEST_W_M, LARGEST_W_M),
        ("l", size.l, 0.15e-6, LARGEST_L_M),
    ):
        if not low * (1 - 1e-9) <= value <= high * (1 + 1e-9):
            yield (
                f"{name}.{side} = {value * 1e6:g} um: the layout view draws "
                f"{low * 1e6:g} .. {high * 1e6:g} um"
            )


def _capacitor_faults(name: str, size: MIMCapacitorParameters) -> Iterator[str]:
    yield from _grid_faults(name, size)
    if size.model != "cap_mim_m3_2":
        yield f"{name}.model = {size.model}: the layout view draws cap_mim_m3_2"
    if min(size.w, size.l) < SMALLEST_MIM_M * (1 - 1e-9):
        yield f"{name}: sides below {SMALLEST_MIM_M * 1e6:g} um leave no room for the via"
    if max(size.w, size.l) > LARGEST_RATIO * min(size.w, size.l):
        yield f"{name}: one side is more than {LARGEST_RATIO:g} times the other"


def _grid_faults(name: str, size: Any) -> Iterator[str]:
    for side in ("w", "l"):
        steps = getattr(size, side) / _GRID_M
        if abs(steps - round(steps)) > 1e-4:
            yield f"{name}.{side} = {getattr(size, side) * 1e6:g} um is off the 5 nm grid"
