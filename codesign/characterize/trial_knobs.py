"""What random trials are drawn from: the synapse's currents over its knobs, and a straight-line
model of the column to place them with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from codesign.bench import KnobValues, Setup
from codesign.cells.knobs import SIGN
from codesign.characterize.currents import CurrentTable, current_tables
from codesign.characterize.fit_currents import fit_shape
from codesign.characterize.knob_curve import KnobCurve
from codesign.characterize.plan import TrialSweep
from codesign.errors import DataError

if TYPE_CHECKING:
    from codesign.pnn import PNNParameters

# The range of currents that trials cover where the plan gives none, in weights.
_LEAST_WEIGHT, _LARGEST_WEIGHT = 0.016, 1.2
# Share of the reset voltage that a full membrane falls by, for first estimates.
_THRESHOLD_SHARE = 0.67


@dataclass(frozen=True)
class TrialKnobs:
    """Currents by polarity, for one setup and its table of the synapse_current sweep."""

    setup: Setup
    tables: Mapping[str, CurrentTable]

    @classmethod
    def of(cls, setup: Setup, synapse_table: pd.DataFrame) -> TrialKnobs:
        """From the table. Raises DataError where it cannot be used."""
        return cls(setup, current_tables(synapse_table, setup.synapse.knobs))

    @cached_property
    def curves(self) -> dict[str, KnobCurve]:
        """Current over the knob at the reset voltage."""
        v0 = self.setup.neuron.v0
        return {p: table.at(v0, self.setup.supply_V) for p, table in self.tables.items()}

    @property
    def one_sign(self) -> int | None:
        """The sign of all weights where the synapse has one polarity only."""
        (first, *rest) = self.tables
        return None if rest else SIGN[first]

    def signs(self, positive: np.ndarray) -> np.ndarray:
        """Which currents are positive weights: as drawn, or all alike."""
        return positive if self.one_sign is None else np.full(positive.shape, self.one_sign > 0)

    def values(self, current: np.ndarray) -> dict[str, np.ndarray]:
        """Knob values that give currents in A, > 0 for positive weights; the other is off."""
        found = {}
        for polarity, curve in self.curves.items():
            on = current * SIGN[polarity] > 0
            value = np.full(current.shape, curve.off)
            value[on] = curve.value(np.abs(current[on]))
            found[polarity] = value
        return found

    def current_range(self, sweep: TrialSweep, c_eff_F: float) -> tuple[float, float]:
        """Smallest and largest current to draw, A: the plan's, or what weights of this membrane
        need, within what the synapse can give."""
        one = c_eff_F * _THRESHOLD_SHARE * self.setup.neuron.v0 / self.setup.timing.t_phase
        low = _LEAST_WEIGHT * one if sweep.i_min is None else sweep.i_min
        high = _LARGEST_WEIGHT * one if sweep.i_max is None else sweep.i_max
        if sweep.i_min is None:
            low = max(low, *(min(curve.i0_A) for curve in self.curves.values()))
        if sweep.i_max is None:
            high = min(high, *(max(curve.i0_A) for curve in self.curves.values()))
        if not low < high:
            raise DataError(
                f"the synapse gives no currents between {low:.3g} and {high:.3g} A, which weights "
                f"of a membrane of {c_eff_F:.3g} F need",
                remedy="change the knobs' range, the membrane's capacitance or timing.t_phase",
            )
        return low, high

    def straight_lines(self, i_range: tuple[float, float]) -> PNNParameters:
        """Straight-line synapses over membranes in volts below the reset voltage: near enough to
        place trials."""
        # Imported here: workers only simulate, and need not pay for torch.
        from codesign.pnn import PNNParameters

        v0 = self.setup.neuron.v0
        found: dict[str, Any] = {}
        for polarity, table in self.tables.items():
            reach = (v0 - table.v_mem_V.max(), v0 - table.v_mem_V.min())
            v_range = (max(-0.3, reach[0]), min(0.85, reach[1]))
            slope = fit_shape(table, v0, 1.0, 1e-7, i_range, v_range, (0, -1)).inverse_e[0]
            found["e_plus" if polarity == "n" else "e_minus"] = 1 / _bounded(slope, polarity)
        return PNNParameters(**found)


def _bounded(slope: float, polarity: str) -> float:
    """1/E of the sign that its polarity has; a flat source has E far away."""
    return max(slope, 1e-3) if polarity == "n" else min(slope, -1e-3)


def as_rows(values: KnobValues) -> dict[str, tuple[float, ...] | tuple[tuple[float, ...], ...]]:
    """Arrays as nested tuples, which a task can be told apart by."""
    return {p: tuple(map(tuple, v)) if v.ndim == 2 else tuple(v) for p, v in values.items()}  # type: ignore[misc]
