"""Numbers as users have them, numpy's among them, made Python's own at the edge."""

from __future__ import annotations

import math
import numbers
from typing import Any


def as_int(value: Any) -> Any:
    """A whole number of any kind (numpy's too, not a bool) as int; what is none stays as it is."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    return value


def as_float(value: Any) -> Any:
    """A real number of any kind as float, whole ones as int; what is none stays as it is.

    A float32 becomes the shortest decimal that it stands for, 0.1 and not 0.10000000149.
    """
    if isinstance(value, bool | int | float) and type(value) in (bool, int, float):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        exact = float(value)
        return float(str(value)) if math.isfinite(exact) and hasattr(value, "dtype") else exact
    return value


def set_floats(record: object, *names: str) -> None:
    """`as_float` on fields of a frozen record, in its __post_init__."""
    for name in names:
        object.__setattr__(record, name, as_float(getattr(record, name)))


def set_ints(record: object, *names: str) -> None:
    """`as_int` on fields of a frozen record, in its __post_init__."""
    for name in names:
        object.__setattr__(record, name, as_int(getattr(record, name)))
