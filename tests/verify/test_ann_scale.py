from __future__ import annotations

import numpy as np
import pytest

from codesign.pnn import PNNParameters
from codesign.verify.ann_scale import fit_ann_scale
from codesign.verify.prediction import model_spikes


def test_search_finds_the_scales_of_a_known_circuit(model):
    rng = np.random.default_rng(3)
    weights = [rng.normal(0.25, 0.2, (4, 5)), rng.normal(0.2, 0.2, (3, 4))]
    spikes = rng.uniform(0, 8e-7, (6, 5))
    ideal = PNNParameters(e_plus=100.0, e_minus=-100.0)
    target = model_spikes(weights, ideal, spikes, 1e-6)

    def circuit(scale):
        # Charge lost by a known factor per polarity: the search has to make up for it.
        lossy = [w * np.where(w >= 0, scale[0] / 1.25, scale[1] / 0.9) for w in weights]
        return model_spikes(lossy, ideal, spikes, 1e-6)

    found = fit_ann_scale(target, weights, model, spikes, circuit)
    assert found.scale == pytest.approx((1.25, 0.9), rel=2e-3)
    assert found.rmse_ns < 0.5
    assert found.rmse_ns == min(error for *_, error in found.history)
