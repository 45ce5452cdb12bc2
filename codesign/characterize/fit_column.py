"""The joint fit of one layer: capacitance, kick, delays and firing curve from the column trials.

The model is the network model itself, solved exactly, so that a parameter means in the fit what it
means in training. The firing curve is linear in its coefficients and is solved for at every step
(variable projection); the few others are found by least squares on the firing times.

Where all neurons of a layer were characterised as they are drawn, the extended form gives each its
own capacitance and its own offset of the firing curve: dendrites differ in length and surroundings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares

from codesign.characterize.column_data import (
    ColumnData,
    ColumnSetting,
    left_out,
)
from codesign.characterize.column_model import trial_membranes
from codesign.characterize.currents import CurrentTable
from codesign.characterize.firing_laws import ChebyshevLaw, FiringLaw, LogLaw, chebyshev_degree
from codesign.characterize.fit_currents import W_REF, ShapeFit, fit_shape
from codesign.characterize.membrane import Membrane, straightest
from codesign.characterize.model import Estimate, LayerForm, firing_curve
from codesign.errors import DataError
from codesign.pnn import PNNParameters
from codesign.pnn.parameters import Coupling

_KNOTS = 41
_LINEAR = ("c_eff_F", "kick")
# Trials have no synapse at weight 0: a kick that all spikes share cannot be told from those of the
# polarities.
_EXTENDED = (
    "c_eff_F", "delay_n", "delay_p", "kick_n", "kick_p", "off_n", "off_p",
)  # fmt: skip
# Of u in 1/E and in the curvature: with two each, all strong currents are a part in 10,000 off.
_POWERS = (4, 4)
_BENT = ("capacitance_1", "capacitance_2")
_BY_CURRENT = ("kick_n_by_u", "kick_p_by_u")
_SERIES = "series"
# What the gate leaves when it closes; where its resistance is largest and how wide that is, in
# thresholds, start in the middle of what fits find.
_GATE = {"shift": 2e-4, "lag": -3e-4, "middle": 0.38, "width": 0.22}
_GATE_REACH = {"middle": 0.2, "width": 0.12}
# Step and bound of each kind of parameter, by the first word of its name.
_SCALE = {
    "c": 1e-15, "kick": 1e-4, "delay": 1e-4, "capacitance": 1e-2, "off": 1e-5, _SERIES: 1e-4,
    "shift": 1e-4, "lag": 1e-4, "middle": 1e-2, "width": 1e-2,
}  # fmt: skip
_LIMIT = {
    "c": np.inf, "kick": 0.05, "delay": 0.05, "capacitance": 0.4, "off": 0.005, _SERIES: 0.05,
    "shift": 0.01, "lag": 0.01, **_GATE_REACH,
}  # fmt: skip
_FIRST_SERIES = 5e-4
_LEAST_INVERSE_E = 1e-3
# Logarithm of a neuron's share of C_eff, and the offset of its firing curve.
_NEURON_SCALE = (1e-3, 1e-4)
_NEURON_LIMIT = (0.3, 0.1)


def fit_form(
    form: str,
    data: ColumnData,
    tables: dict[str, CurrentTable],
    setting: ColumnSetting,
    leave_out: Collection[str] = (),
) -> LayerForm:
    """Fit one model form (`linear`: 4 parameters and a logarithmic firing law; `extended`).

    `leave_out`: parameters that stay 0, to see what they bring (`series`, `kick_n`, ...).
    """
    names = tuple(n for n in _parameter_names(form, setting) if n not in leave_out)
    holdout = left_out(data.run)
    with _one_thread():
        outside = _Fit(form, names, data, tables, setting, ~holdout)
        full = _Fit(form, names, data, tables, setting, np.ones(len(holdout), dtype=bool))
    unseen, errors = outside.errors_ns()[holdout], full.errors_ns()
    return LayerForm(
        c_eff_F=full.c_eff_F,
        c_relative=full.c_relative,
        pnn=full.parameters(),
        parameters=full.estimates(),
        residual_ns=float(np.sqrt(np.mean(errors**2))),
        holdout_ns=float(np.sqrt(np.mean(unseen**2))),
        max_ns=float(np.abs(errors).max()),
        trials=len(errors),
        membrane=full.membrane,
    )


def _parameter_names(form: str, setting: ColumnSetting) -> tuple[str, ...]:
    """What is fitted besides the firing curve and what neurons differ in."""
    if form == "linear":
        return _LINEAR
    by_current = _BY_CURRENT if setting.kick_by_current else ()
    # Synapses with inner nodes add to what was measured at zero weight.
    bent = _BENT if setting.capacitance is None or setting.kick_by_current else ()
    return (*_EXTENDED, *bent, *by_current, *((_SERIES, *_GATE) if setting.gated else ()))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: on tensors this small, threads wait for each other (10 times slower)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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
        self._known: tuple[tuple[float, ...], tuple[Membrane, dict[str, ShapeFit]]] | None = None
        own = _told_apart(data, setting) - 1 if form == "extended" else 0
        # Columns span what neurons may differ in: their mean is the layer's own parameter.
        self.contrast = _contrast(own + 1)
        self.scale, limit = (
            np.concatenate(
                [[shared[n.split("_")[0]] for n in names], *(np.full(own, x) for x in neurons)]
            )
            for shared, neurons in ((_SCALE, _NEURON_SCALE), (_LIMIT, _NEURON_LIMIT))
        )
        # End voltages give the capacitance to a few per cent, before any firing law is known.
        guess = np.zeros(len(self.scale))
        guess[0] = self._first_capacitance()
        low, high = _bounds(guess, limit, self.scale)
        if _SERIES in names:
            low[names.index(_SERIES)] = 0.0
            guess[names.index(_SERIES)] = _FIRST_SERIES
        for name in set(_GATE) & set(names):
            index = names.index(name)
            guess[index] = _GATE[name]
            if name in _GATE_REACH:
                low[index], high[index] = (
                    (_GATE[name] + sign * _GATE_REACH[name]) / self.scale[index] for sign in (-1, 1)
                )
        solved = least_squares(
            lambda x: self._residual(x * self.scale)[use],
            guess / self.scale,
            bounds=(low, high),
            diff_step=1e-5,
        )
        self.solution = solved.x * self.scale
        freedom = max(int(use.sum()) - len(self.scale) - self._firing_size, 1)
        variance = 2 * solved.cost / freedom
        covariance = np.linalg.pinv(solved.jac.T @ solved.jac) * variance
        self.covariance = covariance * np.outer(self.scale, self.scale)
        self.error = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        self.v_model = self._membrane(self.solution)
        self.firing = self._firing(self.v_model)

    @property
    def c_eff_F(self) -> float:
        return float(self.solution[0])

    @property
    def _firing_size(self) -> int:
        return 3 if self.form == "linear" else chebyshev_degree(int(self.use.sum())) + 1

    def _first_capacitance(self) -> float:
        """C that makes charge in = C V_th (v_end - v_start) on average, currents taken constant."""
        data, setting = self.data, self.setting
        on_time = np.clip(setting.t_end - data.t_spike, 0, None) * setting.t_phase_s
        charge = (data.i0_A[data.column] * on_time).sum(axis=1)
        rise = (data.v_end - data.v_start) * setting.v_th_V
        return float((charge @ rise) / (rise @ rise))

    def _neurons(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Relative capacitance and firing offset of each neuron; one of each if all are equal."""
        own = self.contrast.shape[1]
        start = len(self.names)
        logs, offsets = x[start : start + own], x[start + own : start + 2 * own]
        return np.exp(self.contrast @ logs), self.contrast @ offsets

    @property
    def c_relative(self) -> tuple[float, ...]:
        """Capacitance of each neuron over C_eff; empty when they were not told apart."""
        relative, _ = self._neurons(self.solution)
        return tuple(map(float, relative)) if len(relative) > 1 else ()

    def _value(self, x: np.ndarray, name: str) -> float:
        """A parameter by its name; 0 where it is not fitted."""
        return float(x[self.names.index(name)]) if name in self.names else 0.0

    def _shapes(self, x: np.ndarray) -> tuple[Membrane, dict[str, ShapeFit]]:
        setting = self.setting
        capacitance = (self._value(x, "capacitance_1"), self._value(x, "capacitance_2"))
        # Most steps of the search change other parameters only.
        key = (float(x[0]), *capacitance)
        if self._known is not None and self._known[0] == key:
            return self._known[1]
        scale = float(x[0]) * setting.v_th_V / setting.t_phase_s
        powers = _POWERS if self.form == "extended" else (0, -1)

        def shapes(membrane: Membrane) -> dict[str, ShapeFit]:
            return {
                polarity: fit_shape(
                    self.tables[polarity], setting.v0_V, setting.v_th_V, scale, setting.i_range_A,
                    setting.v_range, powers, membrane,
                )
                for polarity in self.tables
            }  # fmt: skip

        if self.form == "extended" and (curve := setting.capacitance) is not None:

            def rms(b: float) -> float:
                found = shapes(curve.membrane(float(x[0]), b, capacitance)).values()
                return float(np.hypot.reduce([shape.residual for shape in found]))

            membrane = curve.membrane(float(x[0]), straightest(rms), capacitance)
        else:
            membrane = Membrane.bent(*capacitance)
        found = (membrane, shapes(membrane))
        self._known = (key, found)
        return found

    def _largest_weight(self, x: np.ndarray) -> float:
        """That of the largest current that shapes are fitted to."""
        scale = float(x[0]) * self.setting.v_th_V / self.setting.t_phase_s
        return self.setting.i_range_A[1] / scale if self.form == "extended" else float("inf")

    def _pnn(self, x: np.ndarray) -> PNNParameters:
        # A polarity that the synapse does not have keeps the ideal sum's values.
        given: dict[str, Any] = {}
        for polarity, sign, name in (("n", 1, "plus"), ("p", -1, "minus")):
            if polarity in self.shapes:
                shape = self.shapes[polarity]
                # A step of the search may try what no circuit has.
                given[f"e_{name}"] = sign / max(sign * shape.inverse_e[0], _LEAST_INVERSE_E)
                given[f"slope_{name}"] = shape.inverse_e[1:]
                given[f"curvature_{name}"] = shape.curvature
                kick = (self._value(x, f"kick_{polarity}"), self._value(x, f"kick_{polarity}_by_u"))
                given[f"kick_{name}"] = kick[: 2 if kick[1] else 1] if any(kick) else ()
                given[f"kick_per_weight_{name}"] = -self._value(x, f"delay_{polarity}")
                given[f"off_{name}"] = sign * self._value(x, f"off_{polarity}")
        return PNNParameters(
            **given,
            kick=self._value(x, "kick"),
            w_ref=W_REF,
            w_most=self._largest_weight(x),
            v_start=float(self.membrane.of(np.array(self.data.v_start))),
            t_end=self.setting.t_end,
            series=self._value(x, _SERIES),
            gate=tuple(self._value(x, name) for name in _GATE) if "lag" in self.names else (),
            coupling=self._coupling(float(x[0])),
        )

    def _coupling(self, c_eff_F: float) -> tuple[Coupling, ...]:
        """Shares of the neighbours' membranes, from the layout alone."""
        if self.form == "linear":
            return ()
        return tuple((i, j, c_F / c_eff_F) for i, j, c_F in self.setting.couplings_F)

    def _membrane(self, x: np.ndarray) -> np.ndarray:
        """The membrane at the end of accumulation in every trial, the firing offset added."""
        data, setting = self.data, self.setting
        self.membrane, self.shapes = self._shapes(x)
        relative, offset = self._neurons(x)
        # Where neurons are not told apart, all of them are neuron 0.
        apart = int(len(relative) > 1)
        c_eff_F = x[0] * relative[apart * data.column_neuron]
        weight = data.i0_A * setting.t_phase_s / (c_eff_F * setting.v_th_V)[:, None]
        v = trial_membranes(data, weight, self._pnn(x))
        return v + offset[apart * data.neuron]

    def _residual(self, x: np.ndarray) -> np.ndarray:
        v = self._membrane(x)
        time, _ = self._firing(v)(v)
        return (time - self.data.t_fire) * 1e3

    def _firing(self, v: np.ndarray) -> FiringLaw:
        law = LogLaw if self.form == "linear" else ChebyshevLaw
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
        _, offset = self._neurons(self.solution)
        own = tuple(map(float, offset)) if len(offset) > 1 else 0.0
        return replace(
            self._pnn(self.solution),
            firing_curve=firing_curve(knots, time, slope),
            firing_offset=own,
        )

    def estimates(self) -> dict[str, Estimate]:
        """Physical parameters with standard errors."""
        setting = self.setting
        found = {"c_eff_F": Estimate(self.c_eff_F, float(self.error[0]), "F")}
        charge = self.c_eff_F * setting.v_th_V
        for index, name in enumerate(self.names):
            if name.startswith("kick") and (name == "kick" or name[5] in self.shapes):
                found[f"charge_{name}_C"] = Estimate(
                    float(self.solution[index]) * charge, float(self.error[index]) * charge, "C"
                )
        for index, name in enumerate(self.names):
            value, error = float(self.solution[index]), float(self.error[index])
            if name.startswith("delay") and name[-1] in self.shapes:
                unit = setting.t_phase_s
                found[f"turn_on_{name}_s"] = Estimate(value * unit, error * unit, "s")
            elif name == _SERIES:
                # Behind the resistance is the membrane's capacitance, most of C_eff.
                unit = setting.t_phase_s / self.c_eff_F
                found["series_resistance_ohm"] = Estimate(value * unit, error * unit, "ohm")
            elif name in _GATE:
                seconds = name not in _GATE_REACH
                unit = setting.t_phase_s if seconds else 1.0
                found[f"gate_{name}{'_s' if seconds else ''}"] = Estimate(
                    value * unit, error * unit, "s" if seconds else "1"
                )
            elif name.startswith("off") and name[-1] in self.shapes:
                unit = charge / setting.t_phase_s
                found[f"off_current_{name[-1]}_A"] = Estimate(value * unit, error * unit, "A")
            elif name.startswith("capacitance"):
                found[name] = Estimate(value, error, "1")
        for key, polarity in (("e_plus", "n"), ("e_minus", "p")):
            if polarity not in self.shapes:
                continue
            value = 1 / self.shapes[polarity].inverse_e[0]
            found[key] = Estimate(value, self._inverse_e_error(polarity) * value**2, "1")
        found |= self.firing.estimates(setting.v0_V, setting.v_th_V)
        return found

    def _inverse_e_error(self, polarity: str) -> float:
        """Standard error of 1/E: of the table's fit, and through the capacitance over voltage."""
        slope = np.zeros(len(self.solution))
        for index, step in enumerate(self.scale[: len(self.names)]):
            ends = [self.solution.copy(), self.solution.copy()]
            ends[0][index] -= step
            ends[1][index] += step
            low, high = (self._shapes(end)[1][polarity].inverse_e[0] for end in ends)
            slope[index] = (high - low) / (2 * step)
        own = self.shapes[polarity].standard_error[0]
        return float(np.sqrt(own**2 + slope @ self.covariance @ slope))


def _told_apart(data: ColumnData, setting: ColumnSetting) -> int:
    """How many neurons get parameters of their own: all, or 1 where some were not characterised."""
    neurons = setting.neurons or data.neurons
    return neurons if len(np.unique(data.neuron)) == neurons else 1


def _contrast(neurons: int) -> np.ndarray:
    """Orthonormal columns (neurons, neurons - 1) that are all orthogonal to the mean."""
    if neurons == 1:
        return np.zeros((1, 0))
    centred = np.eye(neurons) - 1 / neurons
    vectors, *_ = np.linalg.svd(centred)
    return vectors[:, : neurons - 1]


def _bounds(
    guess: np.ndarray, limit: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    low = np.where(np.isinf(limit), 0.3 * guess, -limit)
    high = np.where(np.isinf(limit), 3 * guess, limit)
    return low / scale, high / scale
