"""The synapse's current over the membrane as a fitted form has it."""

from __future__ import annotations

import numpy as np

from codesign.characterize.model import LayerForm


def synapse_shape(fitted: LayerForm, polarity: str, weight: float, v: np.ndarray) -> np.ndarray:
    """I/I0 at dimensionless membranes v for a pair ("n" or "p") of weight magnitude `weight`."""
    pnn, plus = fitted.pnn, polarity == "n"
    u = np.sqrt(min(weight, pnn.w_most) / pnn.w_ref) - 1
    rest = pnn.slope_plus if plus else pnn.slope_minus
    slopes = (1 / (pnn.e_plus if plus else pnn.e_minus), *rest)
    curvature = pnn.curvature_plus if plus else pnn.curvature_minus
    inverse_e = sum(c * u**k for k, c in enumerate(slopes))
    bend = sum(c * u**k for k, c in enumerate(curvature))
    v = np.asarray(v, dtype=float)
    y = fitted.membrane.of(v)
    return (1 - inverse_e * y + bend * y**2) / fitted.membrane.gain_at(v)
