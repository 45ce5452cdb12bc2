"""Synapse current over its knob at one membrane voltage, and its inverse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from codesign.errors import DataError


@dataclass(frozen=True)
class KnobCurve:
    """Synapse current at the reset voltage over the knob, one polarity.

    `values` rises, in V for a bias knob, else as the cell takes it; `i0_A` > 0 is monotone in it.
    Interpolated by a cubic spline of ln(i) over the bias, or over the logarithm of a device value.
    `off`: the value at which no current flows.
    """

    values: tuple[float, ...]
    i0_A: tuple[float, ...]
    off: float
    unit: str = "V"

    @property
    def is_bias(self) -> bool:
        """Whether the knob is a bias voltage."""
        return self.unit == "V"

    def _axis(self, values: np.ndarray) -> np.ndarray:
        return values if self.is_bias else np.log(values)

    def current(self, values: np.ndarray) -> np.ndarray:
        """Current in A (nan outside the table)."""
        axis = self._axis(np.asarray(self.values))
        spline = CubicSpline(axis, np.log(self.i0_A), extrapolate=False)
        return np.exp(spline(self._axis(np.asarray(values, dtype=float))))

    def value(self, i_A: np.ndarray) -> np.ndarray:
        """Knob value for currents in A: the inverse, to rounding. DataError outside the table."""
        current = np.asarray(i_A, dtype=float)
        if not (current > 0).all():
            raise DataError("a synapse current is not a positive number")
        wanted = np.log(current)
        log_i, knob = np.log(self.i0_A), self._axis(np.asarray(self.values))
        low, high = float(log_i.min()), float(log_i.max())
        if np.size(wanted) and (wanted.min() < low or wanted.max() > high):
            raise DataError(
                f"currents {np.exp(wanted.min()):.3g}..{np.exp(wanted.max()):.3g} A are outside "
                f"the characterised {np.exp(low):.3g}..{np.exp(high):.3g} A",
                remedy="limit w_min and w_max of [training.circuit], or widen the knob's range",
            )
        order = np.argsort(log_i)
        spline = CubicSpline(knob, log_i)
        log_i, knob = log_i[order], knob[order]
        found = np.interp(wanted, log_i, knob)
        # Newton's steps, kept between the two points around the current: a spline through steep
        # points may turn back between others.
        at = np.clip(np.searchsorted(log_i, wanted, side="right") - 1, 0, len(log_i) - 2)
        less, more = knob[at], knob[at + 1]
        for _ in range(40):
            error, slope = spline(found) - wanted, spline(found, 1)
            less, more = np.where(error <= 0, found, less), np.where(error > 0, found, more)
            step = found - np.divide(error, slope, out=np.zeros_like(error), where=slope != 0)
            inside = (step - less) * (step - more) <= 0
            found = np.where(inside, step, (less + more) / 2)
        return found if self.is_bias else np.exp(found)
