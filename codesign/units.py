"""Engineering notation at the edges, plain SI floats inside.

`parse_quantity("140fF", "F")` gives 1.4e-13; the annotated types below do the same for fields of
pydantic records, so that a design file may say `phase = "1us"` while the code sees seconds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_PREFIX = {
    "a": 1e-18,
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "µ": 1e-6,
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
}
_UNITS = ("ohm", "V", "F", "A", "m", "s", "S", "C")
_NUMBER = re.compile(r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s]*)\s*$")


def parse_quantity(value: Any, unit: str) -> float:
    """Value in SI units of `unit`, from a number (already SI) or text such as "140fF".

    Raises ValueError when the text is no number, or carries another unit or an unknown prefix.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"expected a quantity in {unit}, such as {_example(unit)}")
    if isinstance(value, (int, float)):
        number = float(value)
    else:
        match = _NUMBER.match(value)
        if match is None:
            raise ValueError(f"{value!r} is not a quantity in {unit}, such as {_example(unit)}")
        suffix = match.group(2)
        if not suffix:
            raise ValueError(f"{value!r} lacks its unit {unit}; write {_example(unit)}")
        prefix = suffix.removesuffix(unit)
        if not suffix.endswith(unit) or prefix not in _PREFIX:
            raise ValueError(f"{value!r} is not in {unit}; write {_example(unit)}")
        number = float(match.group(1)) * _PREFIX[prefix]
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def parse_any_quantity(value: Any) -> float:
    """Value of a number, or of text with any unit or none, "30um" or "200": in SI units."""
    if isinstance(value, str) and (match := _NUMBER.match(value)):
        suffix = match.group(2)
        unit = next((u for u in _UNITS if suffix.endswith(u)), suffix)
        return parse_quantity(value, unit) if suffix else float(match.group(1))
    return parse_quantity(value, "")


def format_quantity(value: float, unit: str, digits: int = 4) -> str:
    """Text in engineering notation: `format_quantity(1.4e-13, "F")` gives "140fF"."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}{unit}"
    scales = {p: s for p, s in _PREFIX.items() if p != "µ"}
    best = max(
        (s for s in scales.values() if abs(value) >= s * (1 - 1e-12)), default=min(scales.values())
    )
    prefix = next(p for p, s in scales.items() if s == best)
    return f"{value / best:.{digits}g}{prefix}{unit}"


def _example(unit: str) -> str:
    examples = {
        "s": "1us",
        "V": "1.3V",
        "F": "140fF",
        "A": "30nA",
        "m": "0.25um",
        "ohm": "1kohm",
        "C": "27C",
        "S": "10uS",
    }
    return f'"{examples.get(unit, "1" + unit)}"'


@dataclass(frozen=True)
class Quantity:
    """Metadata of a field in SI units of `unit`: numbers are taken, and text that carries a unit.

    `Annotated[float, Quantity("V/s")]` reads "2kV/s".
    """

    unit: str

    def read(self, value: Any) -> Any:
        """What a file says, as a number. Raises ValueError."""
        return parse_quantity(value, self.unit)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))


Seconds = Annotated[float, Quantity("s")]
Volts = Annotated[float, Quantity("V")]
Farads = Annotated[float, Quantity("F")]
Amperes = Annotated[float, Quantity("A")]
Metres = Annotated[float, Quantity("m")]
Ohms = Annotated[float, Quantity("ohm")]
Siemens = Annotated[float, Quantity("S")]
Celsius = Annotated[float, Quantity("C")]
