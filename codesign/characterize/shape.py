"""The synapse's current over the membrane as a fitted form has it."""

from __future__ import annotations

import numpy as np

from codesign.characterize.model import LayerForm


def synapse_shape(fitted: LayerForm, polarity: str, weight: float, v: np.ndarray) -> np.ndarray:
    """I/I0 at dimensionless membranes v for a pair ("n" or "p") of weight magnitude `weight`.

    The network model moves v by I/C(v); what C(v) contributes to its shape is taken out again.
    """
    pnn, plus = fitted.pnn, polarity == "n"
    u = np.sqrt(weight / pnn.w_ref) - 1
    rest = pnn.slope_plus if plus else pnn.slope_minus
    slopes = (1 / (pnn.e_plus if plus else pnn.e_minus), *rest)
    curvature = pnn.curvature_plus if plus else pnn.curvature_minus
    inverse_e = sum(c * u**k for k, c in enumerate(slopes))
    bend = sum(c * u**k for k, c in enumerate(curvature))
    extra = [fitted.parameters.get(f"capacitance_{k}") for k in (1, 2)]
    c1, c2 = (0.0 if found is None else found.value for found in extra)
    v = np.asarray(v, dtype=float)
    return (1 - inverse_e * v + bend * v**2) * (1 + c1 * v + c2 * v**2)
