"""Laws of the firing phase, linear in their coefficients: spike time from the membrane."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.optimize import least_squares

from codesign.characterize.model import Estimate

# Near the threshold the sensing inverter is slow: the curve bends, and many trials show how.
_LEAST_DEGREE, _LARGEST_DEGREE, _TRIALS_PER_DEGREE = 7, 17, 22


class FiringLaw(Protocol):
    """A firing law t(v), solved for by linear least squares; calls return (t, dt/dv)."""

    def __call__(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def estimates(self, v0_V: float, v_th_V: float) -> dict[str, Estimate]:
        """Parameters of the law that mean something on their own."""
        ...


def chebyshev_degree(trials: int) -> int:
    """Degree of the polynomial law that so many trials support."""
    return min(max(trials // _TRIALS_PER_DEGREE, _LEAST_DEGREE), _LARGEST_DEGREE)


class ChebyshevLaw:
    """A polynomial over the range of v seen."""

    def __init__(self, v: np.ndarray, t: np.ndarray) -> None:
        self.series = np.polynomial.Chebyshev.fit(v, t, chebyshev_degree(len(v)))

    def __call__(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.series(v), self.series.deriv()(v)

    def estimates(self, v0_V: float, v_th_V: float) -> dict[str, Estimate]:
        return {}


class LogLaw:
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

    def estimates(self, v0_V: float, v_th_V: float) -> dict[str, Estimate]:
        v_switch = -np.expm1(-self.offset / self.a) / self.b
        return {
            "e_dis": Estimate(1 / self.b, self.b_error / self.b**2, "1"),
            "v_switch_V": Estimate(float(v0_V - v_th_V * v_switch), None, "V"),
        }
