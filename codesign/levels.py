"""Voltages that are given in volts or as the supply, whatever that is in a simulation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from codesign.units import Quantity

Level = float | Literal["supply"]


def volts(level: Level, supply_V: float) -> float:
    """A level in volts at a supply."""
    return supply_V if level == "supply" else float(level)


class _Volts(Quantity):
    """Volts, or the word itself."""

    def read(self, value: Any) -> Any:
        return value if value == "supply" else super().read(value)


VoltageLevel = Annotated[Level, _Volts("V")]
