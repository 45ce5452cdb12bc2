"""Synapse current over the gate bias at one membrane voltage, and its inverse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from codesign.errors import DataError


@dataclass(frozen=True)
class BiasCurve:
    """Synapse current at the reset voltage over the gate bias, one polarity.

    `bias_V` rises; `i0_A` > 0 is monotone in it. Interpolated by a cubic spline in ln(i).
    """

    bias_V: tuple[float, ...]
    i0_A: tuple[float, ...]

    def current(self, bias_V: np.ndarray) -> np.ndarray:
        """Current in A (nan outside the table)."""
        spline = CubicSpline(self.bias_V, np.log(self.i0_A), extrapolate=False)
        return np.exp(spline(np.asarray(bias_V, dtype=float)))

    def bias(self, i_A: np.ndarray) -> np.ndarray:
        """Bias voltage for currents in A: the inverse, to rounding. DataError outside the table."""
        current = np.asarray(i_A, dtype=float)
        if not (current > 0).all():
            raise DataError("a synapse current is not a positive number")
        wanted = np.log(current)
        log_i, bias = np.log(self.i0_A), np.asarray(self.bias_V)
        low, high = float(log_i.min()), float(log_i.max())
        if np.size(wanted) and (wanted.min() < low or wanted.max() > high):
            raise DataError(
                f"currents {np.exp(wanted.min()):.3g}..{np.exp(wanted.max()):.3g} A are outside "
                f"the characterised {np.exp(low):.3g}..{np.exp(high):.3g} A",
                remedy="limit w_min and w_max of [training], or widen the synapse_current sweep",
            )
        order = np.argsort(log_i)
        spline = CubicSpline(bias, log_i)
        log_i, bias = log_i[order], bias[order]
        found = np.interp(wanted, log_i, bias)
        # Newton's steps, kept between the two points around the current: a spline through steep
        # points may turn back between others.
        at = np.clip(np.searchsorted(log_i, wanted, side="right") - 1, 0, len(log_i) - 2)
        less, more = bias[at], bias[at + 1]
        for _ in range(40):
            error, slope = spline(found) - wanted, spline(found, 1)
            less, more = np.where(error <= 0, found, less), np.where(error > 0, found, more)
            step = found - np.divide(error, slope, out=np.zeros_like(error), where=slope != 0)
            inside = (step - less) * (step - more) <= 0
            found = np.where(inside, step, (less + more) / 2)
        return found
