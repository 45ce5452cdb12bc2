"""The joint fit of one layer: capacitance, kick, delays and firing curve from the column trials.

The model is the network model itself, solved exactly, so that a parameter means in the fit what it
means in training. The firing curve is linear in its coefficients and is solved for at every step
(variable projection); the few others are found by least squares on the firing times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from scipy.optimize import least_squares

from codesign.characterize.currents import CurrentTable
from codesign.characterize.fit_currents import W_REF, ShapeFit, fit_shape
from codesign.characterize.model import Estimate, LayerForm, firing_curve
from codesign.errors import DataError
from codesign.pnn import PNNParameters, membrane_potential

_KNOTS = 41
_HOLDOUT = 3  # every third run is left out of the fit that the hold-out error comes from
_CHEBYSHEV = 7
# Earlier, the membrane starts so near the threshold that the sensing inverter is slow and no smooth
# law holds; training keeps spikes later than this.
EARLIEST_FIRING = 0.08
_NAMES = {
    "linear": ("c_eff_F", "kick"),
    "extended": ("c_eff_F", "kick", "delay_n", "delay_p", "capacitance_1", "capacitance_2"),
}
_SCALE = np.array([1e-15, 1e-4, 1e-4, 1e-4, 1e-2, 1e-2])
_LIMIT = np.array([np.inf, 0.05, 0.05, 0.05, 0.4, 0.4])


@dataclass(frozen=True)
class ColumnData:
    """Trials of one layer as arrays. Currents are signed: > 0 discharges (positive weight).

    t_spike (trial, synapse) and t_fire (trial) in units of the phase; i0_A (run, synapse) at V0.
    """

    run: np.ndarray
    run_index: np.ndarray
    t_spike: np.ndarray
    i0_A: np.ndarray
    v_end: np.ndarray
    t_fire: np.ndarray
    v_start: float


@dataclass(frozen=True)
class ColumnSetting:
    """What the fit of a layer starts from."""

    t_phase_s: float
    t_end: float
    v0_V: float
    v_th_V: float
    i_range_A: tuple[float, float]
    v_range: tuple[float, float]


def column_data(
    trials: pd.DataFrame,
    inputs: pd.DataFrame,
    tables: dict[str, CurrentTable],
    layer: int,
    setting: ColumnSetting,
    supply_V: float,
) -> ColumnData:
    """Arrays of a layer from the trial and input tables. Raises DataError when too few fired."""
    chosen = trials[(trials["layer"] == layer) & (trials["status"] == "ok")]
    chosen = chosen[chosen["t_fire_s"] >= EARLIEST_FIRING * setting.t_phase_s]
    chosen = chosen.sort_values(["run", "trial"])
    if len(chosen) < 20:
        raise DataError(
            f"only {len(chosen)} column trials of layer {layer} fired; a fit needs 20",
            remedy="raise runs or trials of the column sweep and simulate again",
        )
    if _left_out(chosen["run"].to_numpy(int)).mean() in (0.0, 1.0):
        raise DataError(
            f"the column trials of layer {layer} come from {chosen['run'].nunique()} runs: too few "
            f"to leave every {_HOLDOUT}rd one out of the fit and test on it",
            remedy="raise runs of the column sweep and simulate again",
        )
    keys = ["run", "trial"]
    merged = inputs[(inputs["layer"] == layer) & (inputs["status"] == "ok")]
    # The first layer's spikes are the input pulses; later ones are lines that neurons drive.
    spike = "t_pulse_s" if layer == 1 else "t_line_s"
    # A line that stayed low is a spike past the phase.
    merged = merged.assign(t_spike=merged[spike].fillna(2 * setting.t_phase_s))
    times = merged.pivot_table(index=keys, columns="synapse", values="t_spike")
    t_spike = times.reindex(pd.MultiIndex.from_frame(chosen[keys])).to_numpy(float)
    if not np.isfinite(t_spike).all():
        raise DataError(
            f"the input spikes of some column trials of layer {layer} are missing",
            remedy="simulate the column sweep again",
        )
    biases = merged.drop_duplicates(["run", "synapse"])
    bias_n, bias_p = (
        biases.pivot_table(index="run", columns="synapse", values=f"v_bias_{p}_V") for p in "np"
    )
    runs = bias_n.index.to_numpy()
    n, p = bias_n.to_numpy(float), bias_p.to_numpy(float)
    i0 = np.zeros(n.shape)
    for table, bias, on, sign in ((tables["n"], n, n > 0, 1), (tables["p"], p, p < supply_V, -1)):
        i0[on] = sign * table.current(bias[on], np.full(int(on.sum()), setting.v0_V))
    return ColumnData(
        run=chosen["run"].to_numpy(int),
        run_index=np.searchsorted(runs, chosen["run"].to_numpy(int)),
        t_spike=t_spike / setting.t_phase_s,
        i0_A=i0,
        v_end=(setting.v0_V - chosen["v_end_V"].to_numpy(float)) / setting.v_th_V,
        t_fire=chosen["t_fire_s"].to_numpy(float) / setting.t_phase_s,
        v_start=float((setting.v0_V - chosen["v_start_V"].mean()) / setting.v_th_V),
    )


def fit_form(
    form: str, data: ColumnData, tables: dict[str, CurrentTable], setting: ColumnSetting
) -> LayerForm:
    """Fit one model form (`linear`: 4 parameters and a logarithmic firing law; `extended`)."""
    names = _NAMES[form]
    holdout = _left_out(data.run)
    with _one_thread():
        outside = _Fit(form, names, data, tables, setting, ~holdout)
        full = _Fit(form, names, data, tables, setting, np.ones(len(holdout), dtype=bool))
    left_out, errors = outside.errors_ns()[holdout], full.errors_ns()
    return LayerForm(
        c_eff_F=full.c_eff_F,
        pnn=full.parameters(),
        parameters=full.estimates(),
        residual_ns=float(np.sqrt(np.mean(errors**2))),
        holdout_ns=float(np.sqrt(np.mean(left_out**2))),
        max_ns=float(np.abs(errors).max()),
        trials=len(errors),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: on tensors this small, threads wait for each other (10 times slower)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _left_out(run: np.ndarray) -> np.ndarray:
    """Which trials the hold-out error comes from, by their run."""
    return run % _HOLDOUT == _HOLDOUT - 1


class _Fit:
    """One least-squares solution over the trials that `use` marks."""

    def __init__(
        self,
        form: str,
        names: tuple[str, ...],
        data: ColumnData,
        tables: dict[str, CurrentTable],
        setting: ColumnSetting,
        use: np.ndarray,
    ) -> None:
        self.form, self.names, self.data, self.setting, self.use = form, names, data, setting, use
        self.tables = tables
        # End voltages give the capacitance to a few per cent, before any firing law is known.
        guess = np.zeros(len(names))
        guess[0] = self._first_capacitance()
        self.scale = _SCALE[: len(names)]
        solved = least_squares(
            lambda x: self._residual(x * self.scale)[use],
            guess / self.scale,
            bounds=self._bounds(guess),
            diff_step=1e-5,
        )
        self.solution = solved.x * self.scale
        freedom = max(int(use.sum()) - len(names) - self._firing_size, 1)
        variance = 2 * solved.cost / freedom
        covariance = np.linalg.pinv(solved.jac.T @ solved.jac) * variance
        self.covariance = covariance * np.outer(self.scale, self.scale)
        self.error = np.sqrt(np.diag(self.covariance))
        self.v_model = self._membrane(self.solution)
        self.firing = self._firing(self.v_model)

    @property
    def c_eff_F(self) -> float:
        return float(self.solution[0])

    @property
    def _firing_size(self) -> int:
        return 3 if self.form == "linear" else _CHEBYSHEV + 1

    def _first_capacitance(self) -> float:
        """C that makes charge in = C V_th (v_end - v_start) on average, currents taken constant."""
        data, setting = self.data, self.setting
        on_time = np.clip(setting.t_end - data.t_spike, 0, None) * setting.t_phase_s
        charge = (data.i0_A[data.run_index] * on_time).sum(axis=1)
        rise = (data.v_end - data.v_start) * setting.v_th_V
        return float((charge @ rise) / (rise @ rise))

    def _bounds(self, guess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        limit = _LIMIT[: len(guess)]
        low = np.where(np.isinf(limit), 0.3 * guess, -limit)
        high = np.where(np.isinf(limit), 3 * guess, limit)
        return low / self.scale, high / self.scale

    def _shapes(self, x: np.ndarray) -> dict[str, ShapeFit]:
        setting = self.setting
        capacitance = (float(x[4]), float(x[5])) if len(x) > 4 else (0.0, 0.0)
        scale = float(x[0]) * setting.v_th_V / setting.t_phase_s
        powers = (0, -1) if self.form == "linear" else (2, 2)
        return {
            polarity: fit_shape(
                self.tables[polarity], setting.v0_V, setting.v_th_V, scale, setting.i_range_A,
                setting.v_range, powers, capacitance,
            )
            for polarity in "np"
        }  # fmt: skip

    def _pnn(self, x: np.ndarray) -> PNNParameters:
        plus, minus = self.shapes["n"], self.shapes["p"]
        delays = x[2:4] if len(x) > 2 else (0.0, 0.0)
        return PNNParameters(
            e_plus=1 / plus.inverse_e[0],
            e_minus=1 / minus.inverse_e[0],
            kick=float(x[1]),
            kick_per_weight_plus=-float(delays[0]),
            kick_per_weight_minus=-float(delays[1]),
            slope_plus=plus.inverse_e[1:],
            slope_minus=minus.inverse_e[1:],
            curvature_plus=plus.curvature,
            curvature_minus=minus.curvature,
            w_ref=W_REF,
            v_start=self.data.v_start,
            t_end=self.setting.t_end,
        )

    def _membrane(self, x: np.ndarray) -> np.ndarray:
        data, setting = self.data, self.setting
        self.shapes = self._shapes(x)
        weight = data.i0_A * setting.t_phase_s / (x[0] * setting.v_th_V)
        with torch.no_grad():
            v = membrane_potential(
                torch.tensor(data.t_spike), torch.tensor(weight), self._pnn(x), method="exact"
            )
        return v.numpy()[np.arange(len(data.run_index)), data.run_index]

    def _residual(self, x: np.ndarray) -> np.ndarray:
        v = self._membrane(x)
        time, _ = self._firing(v)(v)
        return (time - self.data.t_fire) * 1e3

    def _firing(self, v: np.ndarray) -> _FiringLaw:
        law = _LogLaw if self.form == "linear" else _ChebyshevLaw
        return law(v[self.use], self.data.t_fire[self.use])

    def errors_ns(self) -> np.ndarray:
        """Model minus simulation for every trial, also those not used, in ns."""
        time, _ = self.firing(self.v_model)
        return (time - self.data.t_fire) * self.setting.t_phase_s * 1e9

    def parameters(self) -> PNNParameters:
        """The dimensionless parameters, firing curve included."""
        v = self.v_model
        knots = np.linspace(v.min(), v.max(), _KNOTS)
        time, slope = self.firing(knots)
        if not (slope < 0).all():
            raise DataError(
                "the fitted firing curve is not monotone",
                remedy="look at the column trials; raise runs of the column sweep",
            )
        return replace(self._pnn(self.solution), firing_curve=firing_curve(knots, time, slope))

    def estimates(self) -> dict[str, Estimate]:
        """Physical parameters with standard errors."""
        setting = self.setting
        found = {"c_eff_F": Estimate(self.c_eff_F, float(self.error[0]), "F")}
        charge = self.c_eff_F * setting.v_th_V
        found["charge_kick_C"] = Estimate(
            float(self.solution[1]) * charge, float(self.error[1]) * charge, "C"
        )
        for index, polarity in ((2, "n"), (3, "p")):
            if len(self.solution) > 2:
                found[f"turn_on_delay_{polarity}_s"] = Estimate(
                    float(self.solution[index]) * setting.t_phase_s,
                    float(self.error[index]) * setting.t_phase_s,
                    "s",
                )
        for index in range(4, len(self.solution)):
            found[self.names[index]] = Estimate(
                float(self.solution[index]), float(self.error[index]), "1"
            )
        for key, polarity in (("e_plus", "n"), ("e_minus", "p")):
            value = 1 / self.shapes[polarity].inverse_e[0]
            found[key] = Estimate(value, self._inverse_e_error(polarity) * value**2, "1")
        found |= self.firing.estimates(setting)
        return found

    def _inverse_e_error(self, polarity: str) -> float:
        """Standard error of 1/E: of the table's fit, and through the capacitance over voltage."""
        slope = np.zeros(len(self.solution))
        for index, step in enumerate(self.scale):
            ends = [self.solution.copy(), self.solution.copy()]
            ends[0][index] -= step
            ends[1][index] += step
            low, high = (self._shapes(end)[polarity].inverse_e[0] for end in ends)
            slope[index] = (high - low) / (2 * step)
        own = self.shapes[polarity].standard_error[0]
        return float(np.sqrt(own**2 + slope @ self.covariance @ slope))


class _FiringLaw(Protocol):
    """A firing law t(v), solved for by linear least squares; calls return (t, dt/dv)."""

    def __call__(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def estimates(self, setting: ColumnSetting) -> dict[str, Estimate]:
        """Parameters of the law that mean something on their own."""
        ...


class _ChebyshevLaw:
    """A polynomial over the range of v seen."""

    def __init__(self, v: np.ndarray, t: np.ndarray) -> None:
        self.series = np.polynomial.Chebyshev.fit(v, t, _CHEBYSHEV)

    def __call__(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.series(v), self.series.deriv()(v)

    def estimates(self, setting: ColumnSetting) -> dict[str, Estimate]:
        return {}


class _LogLaw:
    """Discharge with a constant output conductance: t = a [ln(1 - b v) - ln(1 - b v1)], t(v1) = 0.

    The published law [arXiv:2412.09010] with its duration and threshold left free; E_dis = 1/b.
    """

    def __init__(self, v: np.ndarray, t: np.ndarray) -> None:
        def solve(b: float) -> tuple[np.ndarray, np.ndarray]:
            design = np.stack([np.log1p(-b * v), np.ones_like(v)], axis=1)
            found, *_ = np.linalg.lstsq(design, t, rcond=None)
            return found, design @ found - t

        fitted = least_squares(lambda x: solve(float(x[0]))[1], [0.15], bounds=(1e-6, 0.9))
        self.b = float(fitted.x[0])
        (self.a, self.offset), residual = solve(self.b)
        variance = residual @ residual / max(len(t) - 3, 1)
        self.b_error = float(np.sqrt(variance / float(fitted.jac[:, 0] @ fitted.jac[:, 0])))

    def __call__(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inside = np.clip(1 - self.b * v, 1e-6, None)
        return self.a * np.log(inside) + self.offset, -self.a * self.b / inside

    def estimates(self, setting: ColumnSetting) -> dict[str, Estimate]:
        v_switch = -np.expm1(-self.offset / self.a) / self.b
        return {
            "e_dis": Estimate(1 / self.b, self.b_error / self.b**2, "1"),
            "v_switch_V": Estimate(float(setting.v0_V - setting.v_th_V * v_switch), None, "V"),
        }
