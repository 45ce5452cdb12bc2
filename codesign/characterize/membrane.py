"""The membrane as the model counts it: by its charge, and bent so that currents come out simple.

Currents move charge, so with y the integral of C/C_eff over the voltage dy/dt = I/(C_eff V_th),
whatever C(v) looks like, the step included that a sensing inverter makes where it turns off. C
comes from the capacitance sweep. A cubic y + b y^3, one b for all synapses, then makes the currents
of both polarities as quadratic in y as they can be, which the model's closed forms solve. A firing
law in y is as good as one in v.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.integrate import cumulative_simpson
from scipy.interpolate import CubicSpline

# Range of v and points of it.
_LOW, _HIGH, _POINTS = -0.45, 1.15, 81
_FEWEST = 8
_LEAST_SHARE = -0.9
# Steps of the search for b, each around what the one before found.
_STEPS = (0.02, 0.005)


@dataclass(frozen=True)
class Membrane:
    """y over v = (V0 - V)/V_th at points of v, and `gain`: dy/dt over I/(C_eff V_th) there. Without
    points y = v and the gain is 1."""

    v: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    gain: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.v) == len(self.y) == len(self.gain):
            raise ValueError("membrane needs v, y and gain at the same points")
        if self.v and not (np.all(np.diff(self.v) > 0) and np.all(np.diff(self.y) > 0)):
            raise ValueError("membrane's v and y have to rise")

    def of(self, v: np.ndarray) -> np.ndarray:
        """y at v."""
        return _through(self.v, self.y, v) if self.v else np.asarray(v, dtype=float)

    def voltage(self, y: np.ndarray) -> np.ndarray:
        """v at y: the inverse of `of`."""
        return _through(self.y, self.v, y) if self.v else np.asarray(y, dtype=float)

    def gain_at(self, v: np.ndarray) -> np.ndarray:
        """dy/dt over I/(C_eff V_th) at v."""
        return _through(self.v, self.gain, v) if self.v else np.ones_like(v, dtype=float)

    @classmethod
    def bent(cls, first: float, second: float) -> Membrane:
        """y = v where C = C_eff (1 + first v + second v^2)."""
        if not (first or second):
            return cls()
        v = np.linspace(_LOW, _HIGH, _POINTS)
        return _of_arrays(v, v, 1 / (1 + first * v + second * v**2))


@dataclass(frozen=True)
class CapacitanceCurve:
    """C(v) - C(0) in F over rising v = (V0 - V)/V_th, as the sweep measured it."""

    v: tuple[float, ...]
    change_F: tuple[float, ...]

    @classmethod
    def measured(
        cls, table: pd.DataFrame | None, fan_in: int, v0_V: float, v_th_V: float
    ) -> CapacitanceCurve | None:
        """Of one fan-in from the table of the capacitance sweep; None where it has too little."""
        if table is None or not {"fan_in", "lines", "v_mem_V", "c_eff_F", "status"} <= set(table):
            return None
        good = (table["fan_in"] == fan_in) & (table["lines"] == "low") & (table["status"] == "ok")
        rows = table[good].dropna(subset=["c_eff_F"]).sort_values("v_mem_V", ascending=False)
        volts = rows["v_mem_V"].to_numpy(float)
        if len(rows) < _FEWEST or not volts.min() < v0_V < volts.max():
            return None
        v, c_F = (v0_V - volts) / v_th_V, rows["c_eff_F"].to_numpy(float)
        return cls(tuple(map(float, v)), tuple(map(float, c_F - CubicSpline(v, c_F)(0.0))))

    def membrane(
        self, c_eff_F: float, b: float, more: tuple[float, float] = (0.0, 0.0)
    ) -> Membrane:
        """The membrane of a neuron with C_eff at the reset voltage; `b` of the cubic; `more`: what
        C has besides, as the coefficients of `Membrane.bent`."""
        v = np.linspace(_LOW, _HIGH, _POINTS)
        inside = np.clip(v, self.v[0], self.v[-1])
        # A step of the search may try a capacitance smaller than what it changes by.
        share = np.maximum(CubicSpline(self.v, self.change_F)(inside) / c_eff_F, _LEAST_SHARE)
        charge = v + cumulative_simpson(share, x=v, initial=0.0)
        charge = charge - CubicSpline(v, charge)(0.0)
        gain = (1 + 3 * b * charge**2) / (1 + more[0] * v + more[1] * v**2)
        return _of_arrays(v, charge + b * charge**3, gain)


def straightest(rms_of: Callable[[float], float]) -> float:
    """The b that leaves the smallest rms, which is the root of a parabola in b, nearly."""
    b = 0.0
    for step in _STEPS:
        left, middle, right = (rms_of(b + k * step) ** 2 for k in (-1, 0, 1))
        bend = left - 2 * middle + right
        if bend > 0:
            b += float(np.clip(0.5 * step * (left - right) / bend, -2 * step, 2 * step))
    return b


def _through(x: tuple[float, ...], y: tuple[float, ...], at: np.ndarray) -> np.ndarray:
    """A curve through points, straight beyond them."""
    spline, inside = CubicSpline(x, y), np.clip(at, x[0], x[-1])
    return spline(inside) + spline(inside, 1) * (at - inside)


def _of_arrays(v: np.ndarray, y: np.ndarray, gain: np.ndarray) -> Membrane:
    return Membrane(*(tuple(map(float, x)) for x in (v, y, gain)))
