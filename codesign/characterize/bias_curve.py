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
        found = np.interp(wanted, log_i[order], bias[order])
        for _ in range(12):
            found = found - (spline(found) - wanted) / spline(found, 1)
            found = np.clip(found, bias[0], bias[-1])
        return found
