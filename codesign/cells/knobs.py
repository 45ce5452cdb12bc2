"""What sets a synapse's weight: a bias voltage at one of its ports, or the value of a device.

A synapse has one knob per polarity that it can carry: "n" pulls the dendrite down (a positive
weight), "p" pulls it up (a negative one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from codesign.errors import InputError
from codesign.levels import Level, volts

Polarity = Literal["n", "p"]
POLARITIES: tuple[Polarity, ...] = ("n", "p")
# Sign of the weight that a polarity carries.
SIGN = {"n": 1, "p": -1}


@dataclass(frozen=True)
class Knob:
    """A bias port or a device value of a synapse, and what it may be set to.

    is_bias: `name` is a port of the cell, values are in V; else it is a parameter of its
    subcircuit. off: the value at which the branch carries no current; low, high: the range to
    characterise. For biases all three may be "supply". step: between characterised biases, V;
    points: of characterised device values, evenly in log.
    """

    name: str
    is_bias: bool
    off: Level
    low: Level
    high: Level
    unit: str = "V"
    step: float = 0.02
    points: int = 24

    def off_at(self, supply_V: float) -> float:
        """The value that turns the branch off."""
        return volts(self.off, supply_V)

    def values(self, supply_V: float) -> tuple[float, ...]:
        """Values to characterise, rising."""
        low, high = volts(self.low, supply_V), volts(self.high, supply_V)
        if not low < high:
            raise InputError(f"knob {self.name}: its range {low:g} to {high:g} is empty")
        if not self.is_bias:
            return tuple(map(float, np.geomspace(low, high, self.points)))
        points = int((high - low) / self.step + 1e-6) + 1
        # Rounded to 1 nV so that equal ones of different sweeps compare equal.
        return tuple(round(float(v), 9) for v in low + self.step * np.arange(points))
