"""Synapse current over membrane and bias voltage, from the table of the `synapse_current` sweep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import RectBivariateSpline

from codesign.characterize.bias_curve import BiasCurve
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

    def at(self, v_mem_V: float) -> BiasCurve:
        """Current over the bias at one membrane voltage. Raises DataError if not monotone."""
        current = self.current(self.v_bias_V, np.full(len(self.v_bias_V), v_mem_V))
        steps = np.diff(np.log(current))
        if not (np.all(steps > 0) or np.all(steps < 0)):
            raise DataError(
                f"current of polarity {self.polarity!r} is not monotone in the bias",
                remedy="narrow the bias range of the synapse_current sweep",
            )
        return BiasCurve(tuple(map(float, self.v_bias_V)), tuple(map(float, current)))
