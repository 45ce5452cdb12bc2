"""A device with a multiplicity as the devices that a layout draws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from codesign.errors import InputError
from codesign.layout.circuit import FlatDevice

MAX_COPIES = 100_000
# Names of the multiplicity in a card, the one that counts first: xschem writes the same number
# under two of them.
MULTIPLES = ("m", "mult", "mf", "vm")


def multiplicity(values: Mapping[str, float]) -> float:
    """How often a card's device is there."""
    return next((values[key] for key in MULTIPLES if key in values), 1.0)


def copies(device: FlatDevice, count: float) -> tuple[FlatDevice, ...]:
    """`count` devices of the same kind in parallel: name, name#2, ...

    A transistor may be there a fraction of times, as a knob may want: its width is multiplied.
    Raises InputError for another count that is no whole number, none, or too many.
    """
    whole = round(count) if math.isfinite(count) else 0
    if 1 <= whole <= MAX_COPIES and math.isclose(whole, count, rel_tol=1e-9):
        return (device, *(replace(device, name=f"{device.name}#{n}") for n in range(2, whole + 1)))
    if device.kind in ("n", "p") and 0 < count <= MAX_COPIES:
        return (replace(device, w_um=round(device.w_um * count, 6)),)
    raise InputError(
        f"{device.name} is there {count:g} times",
        remedy=f"give a whole number from 1 to {MAX_COPIES} for m",
    )
