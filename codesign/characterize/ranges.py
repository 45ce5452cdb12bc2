"""Ranges of voltages in sweep plans: {start, stop, step} with units."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from codesign.records import Record
from codesign.units import Volts

MAX_POINTS = 2000


class OffsetRange(Record):
    """Voltages from `start` to `stop`, both included, `step` apart; either sign."""

    inline: ClassVar[str] = "range"

    start: Volts = Field(description="first voltage; 0 V to 1.95 V unless it is an offset")
    stop: Volts = Field(description="last voltage, the same")
    step: Volts = Field(description="from one to the next; at most 2000 of them")

    @model_validator(mode="after")
    def _countable(self) -> Self:
        if self.step <= 0:
            raise ValueError(f"step = {self.step:g} V must be positive")
        if self.stop < self.start:
            raise ValueError(f"stop = {self.stop:g} V is below start = {self.start:g} V")
        if (self.stop - self.start) / self.step > MAX_POINTS:
            raise ValueError(f"step = {self.step:g} V makes more than {MAX_POINTS} points")
        return self

    @property
    def values(self) -> tuple[float, ...]:
        """The voltages, rounded to 1 nV so that equal ones of different sweeps compare equal."""
        points = int((self.stop - self.start) / self.step + 1e-6) + 1
        return tuple(round(float(v), 9) for v in self.start + self.step * np.arange(points))


class VoltageRange(OffsetRange):
    """Voltages within the process' supply range."""

    @model_validator(mode="after")
    def _in_supply(self) -> Self:
        for key, value in (("start", self.start), ("stop", self.stop)):
            if not 0 <= value <= 1.95:
                raise ValueError(f"{key} = {value:g} V is outside 0 .. 1.95 V")
        return self


def voltages(start: float, stop: float, step: float) -> VoltageRange:
    """The range from `start` to `stop`."""
    return VoltageRange(start=start, stop=stop, step=step)


def offsets(reach: float) -> OffsetRange:
    """The range of `reach` on both sides of 0."""
    return OffsetRange(start=0.0 - reach, stop=reach, step=0.05)
