"""Trials of a layer as arrays, from the tables of the column sweep, one neuron or a whole layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from codesign.cells.knobs import SIGN
from codesign.characterize.currents import CurrentTable, trial_column
from codesign.characterize.membrane import CapacitanceCurve
from codesign.errors import DataError
from codesign.pnn.parameters import Coupling

# Earlier, the membrane starts so near the threshold that the sensing inverter is slow and no smooth
# law holds; training keeps spikes later than this.
EARLIEST_FIRING = 0.08
# In phases: a neuron that fires later, or never, has not recharged its sensing inverter when it is
# reset, and answers the next sample up to 0.2 ns later.
_LATEST_BEFORE = 0.92
_SMOOTH_FROM, _SATURATED_V = 0.25, 0.01
# What trials say of the other neurons where these stayed at the reset voltage.
RESTING = "resting"
HOLDOUT = 3  # every third run is left out of the fit that the hold-out error comes from


@dataclass(frozen=True)
class ColumnData:
    """Trials of one layer as arrays. Currents are signed: > 0 discharges (positive weight).

    A sample is one set of input spikes, a column one neuron with the biases of one run; a trial is
    a neuron's answer to a sample. Times in units of the phase, currents at V0.

    t_samples (sample, synapse); i0_A (column, synapse), column_run and column_neuron (column), the
    latter counted from 0; per trial: run, sample, column, v_end, t_fire. `neighbours_rest`: the
    other neurons stayed at the reset voltage, so that no coupling to them counts.
    """

    run: np.ndarray
    sample: np.ndarray
    column: np.ndarray
    t_samples: np.ndarray
    i0_A: np.ndarray
    column_run: np.ndarray
    column_neuron: np.ndarray
    v_end: np.ndarray
    t_fire: np.ndarray
    v_start: float
    neighbours_rest: bool = False

    @property
    def t_spike(self) -> np.ndarray:
        """Input spikes of every trial, (trial, synapse)."""
        return self.t_samples[self.sample]

    @property
    def neuron(self) -> np.ndarray:
        """Neuron of every trial, from 0."""
        return self.column_neuron[self.column]

    def beside(self, trials: np.ndarray, neuron: int) -> np.ndarray:
        """Column of a neuron (from 0) in the runs of some trials, -1 where it has none."""
        columns = np.flatnonzero(self.column_neuron == neuron)
        known = dict(zip(self.column_run[columns].tolist(), columns.tolist(), strict=True))
        return np.array([known.get(run, -1) for run in self.run[trials].tolist()], dtype=int)

    @property
    def neurons(self) -> int:
        """Number of neurons that were characterised."""
        return int(self.column_neuron.max()) + 1


@dataclass(frozen=True)
class ColumnSetting:
    """What the fit of a layer starts from. `t_earliest`: phases before which no law holds.

    `kick_by_current`: the extended form also fits, for each polarity, what a spike moves on the
    membrane as a function of its synapse's current. Synapses with nodes that only their current
    discharges need it, and neurons that see their input lines fall. `couplings_F`: capacitances
    between the layer's membranes, (neuron, neighbour, F), both ways, neurons from 0. `neurons`: how
    many the layer has, which are told apart where all of them were characterised. `capacitance`:
    measured C(v); the fit bends C with two parameters of its own where there is none.
    """

    t_phase_s: float
    t_end: float
    v0_V: float
    v_th_V: float
    i_range_A: tuple[float, float]
    v_range: tuple[float, float]
    supply_V: float
    t_earliest: float = EARLIEST_FIRING
    kick_by_current: bool = False
    couplings_F: tuple[Coupling, ...] = ()
    neurons: int | None = None
    capacitance: CapacitanceCurve | None = None

    @property
    def gated(self) -> bool:
        """Whether a gate, which has a resistance, isolates the membrane before the phase ends."""
        return self.t_end < 1


def column_data(
    trials: pd.DataFrame,
    inputs: pd.DataFrame,
    tables: dict[str, CurrentTable],
    layer: int,
    setting: ColumnSetting,
) -> ColumnData:
    """Arrays of a layer from the trial and input tables. Raises DataError when too few fired."""
    # Tables of a single neuron behind its column need not say which neuron it is.
    trials, inputs = (t if "neuron" in t else t.assign(neuron=1) for t in (trials, inputs))
    chosen = trials[(trials["layer"] == layer) & (trials["status"] == "ok")]
    chosen = chosen[chosen["t_fire_s"] > setting.t_earliest * setting.t_phase_s]
    chosen = _undisturbed(chosen, setting.t_phase_s).sort_values(["run", "trial", "neuron"])
    if len(chosen) < 20:
        raise DataError(
            f"only {len(chosen)} column trials of layer {layer} fired; a fit needs 20",
            remedy="raise runs or trials of the column sweep and simulate again",
        )
    if left_out(chosen["run"].to_numpy(int)).mean() in (0.0, 1.0):
        raise DataError(
            f"the column trials of layer {layer} come from {chosen['run'].nunique()} runs: too few "
            f"to leave every {HOLDOUT}rd one out of the fit and test on it",
            remedy="raise runs of the column sweep and simulate again",
        )
    merged = inputs[(inputs["layer"] == layer) & (inputs["status"] == "ok")]
    # The first layer's spikes are the input pulses; later ones are lines that neurons drive.
    spike = "t_pulse_s" if layer == 1 else "t_line_s"
    # A line that stayed low is a spike past the phase.
    merged = merged.assign(t_spike=merged[spike].fillna(2 * setting.t_phase_s))
    shown = merged.drop_duplicates(["run", "trial", "synapse"])
    times = shown.pivot_table(index=["run", "trial"], columns="synapse", values="t_spike")
    wanted = pd.MultiIndex.from_frame(chosen[["run", "trial"]])
    t_samples = times.reindex(wanted.unique()).to_numpy(float)
    if not np.isfinite(t_samples).all():
        raise DataError(
            f"the input spikes of some column trials of layer {layer} are missing",
            remedy="simulate the column sweep again",
        )
    biases = merged.drop_duplicates(["run", "neuron", "synapse"])
    values = {
        p: biases.pivot_table(
            index=["run", "neuron"], columns="synapse", values=trial_column(p, table.knob)
        )
        for p, table in tables.items()
    }
    columns = next(iter(values.values())).index
    return ColumnData(
        run=chosen["run"].to_numpy(int),
        sample=wanted.unique().get_indexer(wanted),
        column=columns.get_indexer(pd.MultiIndex.from_frame(chosen[["run", "neuron"]])),
        t_samples=t_samples / setting.t_phase_s,
        i0_A=_currents({p: v.to_numpy(float) for p, v in values.items()}, tables, setting),
        column_run=columns.get_level_values("run").to_numpy(int),
        column_neuron=columns.get_level_values("neuron").to_numpy(int) - 1,
        v_end=(setting.v0_V - chosen["v_end_V"].to_numpy(float)) / setting.v_th_V,
        t_fire=chosen["t_fire_s"].to_numpy(float) / setting.t_phase_s,
        neighbours_rest="neighbours" in chosen and bool((chosen["neighbours"] == RESTING).all()),
        v_start=float((setting.v0_V - chosen["v_start_V"].mean()) / setting.v_th_V),
    )


def _undisturbed(trials: pd.DataFrame, t_phase_s: float) -> pd.DataFrame:
    """Trials before which the neuron fired in time, where the table knows; all of them where so few
    did that what they leave behind is the lesser evil."""
    if "t_before_s" not in trials:
        return trials
    kept = trials[trials["t_before_s"].astype(float) < _LATEST_BEFORE * t_phase_s]
    return kept if len(kept) >= len(trials) / 2 else trials


def earliest_firing(fired: pd.DataFrame, t_phase_s: float) -> float:
    """Phases before which membranes are so far below the threshold that the neuron fires at its
    smallest delay; at least EARLIEST_FIRING.

    `fired`: trials that fired. Later on V(t) is smooth: a cubic through the trials after a quarter
    of the phase holds to a few mV (and the trials' own scatter) down to where the delay saturates.
    """
    t = fired["t_fire_s"].to_numpy(float) / t_phase_s
    v = fired["v_end_V"].to_numpy(float)
    later = t > _SMOOTH_FROM
    if later.sum() < 20:
        return EARLIEST_FIRING
    law = np.polynomial.Polynomial.fit(t[later], v[later], 3)
    scatter = float(np.std(v[later] - law(t[later])))
    saturated = (v < law(t) - max(_SATURATED_V, 4 * scatter)) & ~later
    return max(float(t[saturated].max(initial=0.0)), EARLIEST_FIRING)


def left_out(run: np.ndarray) -> np.ndarray:
    """Which trials the hold-out error comes from, by their run."""
    return run % HOLDOUT == HOLDOUT - 1


def _currents(
    values: dict[str, np.ndarray], tables: dict[str, CurrentTable], setting: ColumnSetting
) -> np.ndarray:
    i0 = np.zeros(next(iter(values.values())).shape)
    for polarity, table in tables.items():
        value = values[polarity]
        on = value != table.knob.off_at(setting.supply_V)
        held = np.full(int(on.sum()), setting.v0_V)
        i0[on] = SIGN[polarity] * table.current(value[on], held)
    return i0
