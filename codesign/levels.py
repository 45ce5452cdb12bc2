"""Voltages that are given in volts or as the supply, whatever that is in a simulation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from codesign.units import parse_quantity

Level = float | Literal["supply"]


def volts(level: Level, supply_V: float) -> float:
    """A level in volts at a supply."""
    return supply_V if level == "supply" else float(level)


def _level(value: Any) -> Any:
    return value if value == "supply" else parse_quantity(value, "V")


VoltageLevel = Annotated[Level, BeforeValidator(_level)]
