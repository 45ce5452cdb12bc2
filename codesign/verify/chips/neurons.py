"""Neurons whose inputs are known, each a least-squares problem of its own: Levenberg-Marquardt."""

from __future__ import annotations

import numpy as np

from codesign.verify.chips.model import ChipModel, LayerAnswer
from codesign.verify.chips.observed import tells

_ROUNDS = 40
# Damping: at first none, then from here on, less after a step that helped and more after another.
_DAMPED, _LESS, _MORE, _MOST = 1e-3, 0.2, 5.0, 1e8
# Change of the parameters, in prior deviations, below which nothing more is to be found.
_DONE = 1e-4


def solve_neurons(
    model: ChipModel, layer: int, spikes: np.ndarray, target: np.ndarray, use: np.ndarray,
    whitening: np.ndarray, mean: np.ndarray, own: np.ndarray, noise: float,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Every neuron of a layer by itself. whitening: prior deviations over the noise."""
    deviation = whitening * noise
    scaled = np.where(deviation > 0, deviation, 1.0)

    def cost(t: np.ndarray, own: np.ndarray) -> np.ndarray:
        error = np.where(use > 0, t - target, 0.0) / noise
        return (use * error**2).sum(axis=0) + (((own - mean) / scaled) ** 2).sum(axis=1)

    answer = model.answer(layer, spikes, own)
    now, damping = cost(answer.t, own), np.zeros(len(own))
    for _ in range(_ROUNDS):
        error = np.where(use > 0, target - answer.t, 0.0)
        rows = answer.by_own * whitening
        normal = np.einsum("pn,pni,pnj->nij", use, rows, rows)
        normal += np.eye(normal.shape[-1])
        right = np.einsum("pn,pni->ni", use * error / noise, rows)
        right += np.where(deviation > 0, (mean - own) / scaled, 0.0)
        diagonal = np.einsum("nii->ni", normal)
        diagonal *= 1 + damping[:, None]
        step = np.linalg.solve(normal, right[..., None])[..., 0] * deviation
        tried, undamped = own + step, damping == 0
        then = cost(model.layer_times(layer, spikes, tried), tried)
        helped = then <= now * (1 + 1e-9)
        own = np.where(helped[:, None], tried, own)
        now = np.where(helped, then, now)
        raised = np.clip(damping * _MORE, _DAMPED, _MOST)
        damping = np.where(helped, np.where(damping > _DAMPED, damping * _LESS, 0.0), raised)
        answer = model.answer(layer, spikes, own)
        # A short step says that nothing is left only where it was not damped.
        ended = (np.abs(step / scaled).max(axis=1) < _DONE) & undamped
        if (ended | (damping >= _MOST)).all():
            break
    return own, np.where(tells(target), answer.t - target, np.nan)


def noise_share(answer: LayerAnswer) -> np.ndarray:
    """Variance of a spike (pattern, neuron), over that of its own measurement, where the spikes
    before it were measured as well."""
    return np.asarray(1.0 + (answer.by_input**2).sum(axis=-1))
