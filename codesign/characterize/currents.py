"""Synapse current over membrane and bias voltage, from the table of the `synapse_current` sweep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline, RectBivariateSpline

from codesign.errors import DataError


@dataclass(frozen=True)
class CurrentTable:
    """Current of one polarity, i_A[bias, membrane] > 0, interpolated in ln(i) by bicubic splines.

    `v_bias_V` and `v_mem_V` rise; `sign` is -1 for the N pair, which discharges the membrane.
    """

    polarity: str
    v_bias_V: np.ndarray
    v_mem_V: np.ndarray
    i_A: np.ndarray

    @property
    def sign(self) -> int:
        return -1 if self.polarity == "n" else 1

    @classmethod
    def from_frame(cls, table: pd.DataFrame, polarity: str) -> CurrentTable:
        """From rows with polarity, v_bias_V, v_mem_V, i_synapse_A, status. Raises DataError."""
        rows = table[(table["polarity"] == polarity) & (table["status"] == "ok")]
        grid = rows.pivot_table(index="v_bias_V", columns="v_mem_V", values="i_synapse_A")
        grid = grid.dropna()
        if grid.shape[0] < 4 or grid.shape[1] < 6:
            raise DataError(
                f"the synapse current table has {grid.shape[0]} usable bias voltages for "
                f"polarity {polarity!r}; a fit needs 4",
                remedy="widen the range of the synapse_current sweep and simulate again",
            )
        current = grid.to_numpy(dtype=float)
        if not (current > 0).all():
            raise DataError(
                f"the synapse current table of polarity {polarity!r} has currents that are not "
                "positive inside the membrane range",
                remedy="narrow v_mem of the synapse_current sweep",
            )
        return cls(polarity, grid.index.to_numpy(float), grid.columns.to_numpy(float), current)

    def _log_current(self) -> RectBivariateSpline:
        return RectBivariateSpline(self.v_bias_V, self.v_mem_V, np.log(self.i_A), kx=3, ky=3)

    def current(self, v_bias_V: np.ndarray, v_mem_V: np.ndarray) -> np.ndarray:
        """Current in A at each (bias, membrane) pair of equal shape."""
        return np.exp(self._log_current().ev(v_bias_V, v_mem_V))

    def bias(self, i_A: np.ndarray, v_mem_V: float) -> np.ndarray:
        """Bias voltage that gives the currents `i_A` at one membrane voltage: the inverse.

        Raises DataError when a current lies outside the table.
        """
        log_i = self._log_current().ev(self.v_bias_V, np.full(len(self.v_bias_V), v_mem_V))
        rising = log_i[-1] > log_i[0]
        order = np.arange(len(log_i)) if rising else np.arange(len(log_i))[::-1]
        if not (np.diff(log_i[order]) > 0).all():
            raise DataError(f"current of polarity {self.polarity!r} is not monotone in the bias")
        wanted = np.log(np.asarray(i_A, dtype=float))
        low, high = log_i[order][[0, -1]]
        if (wanted < low).any() or (wanted > high).any():
            raise DataError(
                f"currents {np.exp(wanted.min()):.3g}..{np.exp(wanted.max()):.3g} A are outside the "
                f"characterised {np.exp(low):.3g}..{np.exp(high):.3g} A of polarity "
                f"{self.polarity!r}",
                remedy="limit the weights in training or widen the synapse_current sweep",
            )
        guess = CubicSpline(log_i[order], self.v_bias_V[order])(wanted)
        spline = self._log_current()
        for _ in range(8):  # Newton on the same spline, so that current(bias(i)) = i
            here = spline.ev(guess, np.full(np.shape(guess), v_mem_V))
            slope = spline.ev(guess, np.full(np.shape(guess), v_mem_V), dx=1)
            guess = guess - (here - wanted) / slope
        return guess
