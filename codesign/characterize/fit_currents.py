"""How the synapse current depends on the membrane: the papers' straight line and our polynomial.

With v = (V0 - V)/V_th and I0 the current at V0, s(v) = I/I0 = 1 - v/E + c v^2. In the linear form E
is one number per polarity [arXiv:2412.09010]; in the extended form 1/E and c are polynomials in u =
sqrt(w/w_ref) - 1, since channel length modulation depends on the current, and the polynomial is one
in y, the membrane as `codesign.characterize.membrane` counts it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codesign.characterize.currents import CurrentTable
from codesign.characterize.membrane import Membrane

W_REF = 0.25
PLAIN = Membrane()


@dataclass(frozen=True)
class ShapeFit:
    """Polynomials 1/E(u) and c(u), lowest power first, with standard errors and rms residual.

    `residual` is relative to the current at V0, weighted by the square root of the current.
    """

    inverse_e: tuple[float, ...]
    curvature: tuple[float, ...]
    standard_error: tuple[float, ...]
    residual: float


def fit_shape(
    table: CurrentTable,
    v0_V: float,
    v_th_V: float,
    scale_A: float,
    i_range_A: tuple[float, float],
    v_range: tuple[float, float],
    powers: tuple[int, int],
    membrane: Membrane = PLAIN,
) -> ShapeFit:
    """Least squares over the table. `powers`: highest power of u in 1/E and in c (-1: no c).

    `scale_A` is the current of weight 1, `v_range` the dimensionless membrane range fitted over.
    With a `membrane` the fit is to how y moves, as a polynomial in y.
    """
    i0 = table.current(table.values, np.full(len(table.values), v0_V))
    inside = (i0 >= i_range_A[0]) & (i0 <= i_range_A[1])
    knob, i0 = table.values[inside], i0[inside]
    v = np.linspace(*v_range, 31)
    grid_knob, grid_v = np.meshgrid(knob, v0_V - v_th_V * v, indexing="ij")
    ratio = table.current(grid_knob.ravel(), grid_v.ravel()).reshape(grid_knob.shape) / i0[:, None]
    ratio, v = ratio * membrane.gain_at(v), membrane.of(v)
    u = (np.sqrt(i0 / scale_A / W_REF) - 1)[:, None]
    columns = [-v * u**k for k in range(powers[0] + 1)]
    columns += [v**2 * u**k for k in range(powers[1] + 1)]
    weight = np.sqrt(i0 / i0.max())[:, None] * np.ones_like(ratio)
    design = np.stack([(weight * c * np.ones_like(ratio)).ravel() for c in columns], axis=1)
    target = ((ratio - 1) * weight).ravel()
    solution, *_ = np.linalg.lstsq(design, target, rcond=None)
    residual = design @ solution - target
    variance = residual @ residual / max(len(target) - len(solution), 1)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * variance)
    split = powers[0] + 1
    return ShapeFit(
        tuple(map(float, solution[:split])),
        tuple(map(float, solution[split:])),
        tuple(map(float, errors)),
        float(np.sqrt(np.mean(residual**2))),
    )
