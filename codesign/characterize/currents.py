"""Synapse current over membrane and knob, from the table of the `synapse_current` sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.interpolate import RectBivariateSpline

from codesign.cells.knobs import SIGN, Knob
from codesign.characterize.knob_curve import KnobCurve
from codesign.errors import DataError

_FEWEST_KNOB, _FEWEST_MEMBRANE = 4, 6
# Least ratio of currents from one knob value to the next where the knob sets them.
_STEP = 1.003
_WAYS = {"n": "n pulls the dendrite down", "p": "p pulls it up"}


def knob_column(knob: Knob) -> str:
    """Column of the synapse current table that holds a knob's values."""
    return "v_bias_V" if knob.is_bias else "knob_value"


def trial_column(polarity: str, knob: Knob) -> str:
    """Column of the trial tables that holds a polarity's knob values."""
    return f"v_bias_{polarity}_V" if knob.is_bias else f"knob_{polarity}_value"


@dataclass(frozen=True)
class CurrentTable:
    """Current of one polarity, i_A[knob, membrane] > 0, interpolated in ln(i) by bicubic splines.

    `values` and `v_mem_V` rise; a positive current is in the polarity's own direction.
    """

    polarity: str
    knob: Knob
    values: np.ndarray
    v_mem_V: np.ndarray
    i_A: np.ndarray

    @property
    def sign(self) -> int:
        """-1 for the N pair, which discharges the membrane."""
        return -SIGN[self.polarity]

    @classmethod
    def from_frame(cls, table: pd.DataFrame, polarity: str, knob: Knob) -> CurrentTable:
        """From rows with polarity, knob column, v_mem_V, i_synapse_A, status. Raises DataError."""
        column = knob_column(knob)
        rows = table[(table["polarity"] == polarity) & (table["status"] == "ok")]
        if column not in rows:
            raise DataError(
                f"the synapse current table has no column {column}",
                remedy="simulate the synapse_current sweep again",
            )
        grid = rows.pivot_table(index=column, columns="v_mem_V", values="i_synapse_A")
        grid = grid.dropna()
        if grid.shape[0] < _FEWEST_KNOB or grid.shape[1] < _FEWEST_MEMBRANE:
            raise DataError(
                f"the synapse current table has {grid.shape[0]} usable knob values for "
                f"polarity {polarity!r}; a fit needs {_FEWEST_KNOB}",
                remedy="widen the range of the synapse_current sweep and simulate again",
            )
        current = grid.to_numpy(dtype=float)
        values, v_mem_V = grid.index.to_numpy(float), grid.columns.to_numpy(float)
        # Cold or hot, a synapse that is nearly off carries leakage, either way: no weight there.
        kept = _above_leakage(current)
        if not (current > 0).all() and kept.sum() >= _FEWEST_KNOB:
            values, current = values[kept], current[kept]
        if not (current > 0).all():
            row, place = (int(k[0]) for k in np.nonzero(~(current > 0)))
            raise DataError(
                f"the current of polarity {polarity!r} is {-current[row, place]:.3g} A against its "
                f"own direction at a knob of {values[row]:g} and a membrane of "
                f"{v_mem_V[place]:.3g} V",
                remedy="narrow v_mem of the synapse_current sweep, or the knob's range; or give "
                f"the knob to the other polarity: {_WAYS[polarity]}",
            )
        return cls(polarity, knob, values, v_mem_V, current)

    def _axis(self, values: np.ndarray) -> np.ndarray:
        return values if self.knob.is_bias else np.log(values)

    @cached_property
    def _log_current(self) -> RectBivariateSpline:
        return RectBivariateSpline(
            self._axis(self.values), self.v_mem_V, np.log(self.i_A), kx=3, ky=3
        )

    def current(self, values: np.ndarray, v_mem_V: np.ndarray) -> np.ndarray:
        """Current in A at each (knob, membrane) pair of equal shape."""
        return np.exp(self._log_current.ev(self._axis(values), v_mem_V))

    def at(self, v_mem_V: float, supply_V: float) -> KnobCurve:
        """Current over the knob at one membrane voltage. Raises DataError if not monotone."""
        current = self.current(self.values, np.full(len(self.values), v_mem_V))
        steps = np.diff(np.log(current))
        if not (np.all(steps > 0) or np.all(steps < 0)):
            raise DataError(
                f"current of polarity {self.polarity!r} is not monotone in its knob",
                remedy="narrow the knob's range, or the bias range of the synapse_current sweep",
            )
        off = self.knob.off_at(supply_V)
        if self.knob.is_bias and np.interp(off, self.values, current) > current.min() * 1.001:
            raise DataError(
                f"off = {off:g} V of polarity {self.polarity!r} lies where the current is larger "
                "than the smallest of the range: weight 0 would not be off",
                remedy="give as `off` a bias at which the synapse carries no current",
            )
        return KnobCurve(
            tuple(map(float, self.values)),
            tuple(map(float, current)),
            off,
            "V" if self.knob.is_bias else self.knob.unit,
        )


def _above_leakage(current: np.ndarray) -> np.ndarray:
    """Rows of current[knob, membrane], from the strongest on, that carry a current which the knob
    still sets at every membrane voltage."""
    strength = current.mean(axis=1)
    order = np.arange(len(current))
    if strength[0] > strength[-1]:
        order = order[::-1]
    kept = np.zeros(len(current), dtype=bool)
    above: np.ndarray | None = None
    for row in order[::-1]:
        own = current[row]
        if not (own > 0).all() or (above is not None and not (above > _STEP * own).all()):
            break
        kept[row], above = True, own
    return kept


def current_tables(table: pd.DataFrame, knobs: Mapping[str, Knob]) -> dict[str, CurrentTable]:
    """A table per polarity that the synapse has."""
    return {p: CurrentTable.from_frame(table, p, knob) for p, knob in knobs.items()}
