"""All layers at once, from what is seen of some: Levenberg-Marquardt.

Products with the Jacobian go through the layers, as the derivatives of spike times do. Where there
are many unknowns it is not written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, lsmr

from codesign.verify.chips.model import ChipModel, LayerAnswer
from codesign.verify.chips.observed import Observed, tells

_FIRST_DAMPING, _LAST_DAMPING, _MOST_STEPS = 1e3, 1e12, 60
# Share of the cost that a step has to save.
_DONE = 1e-5
# Unknowns up to which steps are solved with the matrix written down.
_MOST_WRITTEN = 600


class Whole:
    """The Jacobian of the observed spike times by all parameters, whitened by their priors."""

    def __init__(
        self, answers: Sequence[LayerAnswer], whitening: Sequence[np.ndarray],
        weights: Sequence[np.ndarray],
    ) -> None:  # fmt: skip
        self.answers, self.whitening = answers, whitening
        self.root = [np.sqrt(w) for w in weights]
        self.sizes = [w.size for w in whitening]
        self.shape = (sum(w.size for w in weights), sum(self.sizes))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Changes of the spike times (weighted) for changes of the parameters."""
        parts, moved = [], None
        pieces = np.split(x, np.cumsum(self.sizes)[:-1])
        for piece, white, answer, root in zip(
            pieces, self.whitening, self.answers, self.root, strict=True
        ):
            own = piece.reshape(white.shape) * white
            change = np.einsum("pni,ni->pn", answer.by_own, own)
            if moved is not None:
                change += np.einsum("pnj,pj->pn", answer.by_input, moved)
            moved = change
            parts.append((root * change).ravel())
        return np.concatenate(parts)

    def backward(self, y: np.ndarray) -> np.ndarray:
        """The transposed product."""
        pieces = np.split(y, np.cumsum([r.size for r in self.root])[:-1])
        parts: list[np.ndarray] = []
        later: np.ndarray | None = None
        for layer in range(len(self.answers) - 1, -1, -1):
            answer, root = self.answers[layer], self.root[layer]
            own = root * pieces[layer].reshape(root.shape)
            if later is not None:
                own = own + np.einsum("pnj,pn->pj", self.answers[layer + 1].by_input, later)
            later = own
            parts.append(np.einsum("pni,pn->ni", answer.by_own, own) * self.whitening[layer])
        return np.concatenate([part.ravel() for part in reversed(parts)])

    def solve(self, error: np.ndarray, mean: np.ndarray, damping: float) -> np.ndarray:
        """Whitened step: least squares of error, with weight 1 of the distance from the mean, and
        of the step's length (Levenberg-Marquardt)."""
        rows, columns = self.shape
        if columns <= _MOST_WRITTEN:
            normal = self.normal + (1.0 + damping) * np.eye(columns)
            return np.asarray(cho_solve(cho_factor(normal), self.backward(error) + mean))
        stacked = LinearOperator(
            (rows + columns, columns),
            matvec=lambda x: np.concatenate([self.forward(x), x]),
            rmatvec=lambda y: self.backward(y[:rows]) + y[rows:],
        )
        right = np.concatenate([error, mean])
        root = np.sqrt(damping)
        found = lsmr(stacked, right, root, atol=1e-9, btol=1e-9, maxiter=20 * columns)
        return np.asarray(found[0])

    @cached_property
    def normal(self) -> np.ndarray:
        """The normal matrix without the priors' part."""
        total = np.zeros((self.shape[1],) * 2)
        moved: np.ndarray | None = None
        for answer, white, root in zip(self.answers, self.whitening, self.root, strict=True):
            own = answer.by_own * white
            patterns, neurons, size = own.shape
            block = np.zeros((patterns, neurons, neurons, size))
            block[:, np.arange(neurons), np.arange(neurons)] = own
            jacobian = block.reshape(patterns, neurons, -1)
            if moved is not None:
                carried = answer.by_input @ moved
                jacobian = np.concatenate([carried, jacobian], axis=-1)
            moved = jacobian
            flat = (root[..., None] * jacobian).reshape(patterns * neurons, -1)
            total[: flat.shape[1], : flat.shape[1]] += flat.T @ flat
        return total


def free_running(
    model: ChipModel, spikes: np.ndarray, values: Sequence[np.ndarray]
) -> list[LayerAnswer]:
    answers: list[LayerAnswer] = []
    for layer, own in enumerate(values):
        answer = model.answer(layer, spikes, own)
        if layer:
            # A neuron driven past its threshold fires at once, whatever else changes.
            moves = (answers[-1].t > 0)[:, None, :]
            answer = replace(answer, by_input=answer.by_input * moves)
        answers.append(answer)
        spikes = np.clip(answer.t, 0.0, None)
    return answers


def solve_together(
    model: ChipModel,
    observed: Observed,
    prior: Sequence[np.ndarray],
    noise: float,
    means: Sequence[np.ndarray],
    start: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    deviations = np.concatenate([np.asarray(p).ravel() for p in prior])
    scaled = np.where(deviations > 0, deviations, 1.0)
    mean = np.concatenate([np.asarray(m).ravel() for m in means])
    own = np.concatenate([np.asarray(s).ravel() for s in start])
    use = np.concatenate([w.ravel() for w in weights])
    target = np.concatenate([t.ravel() for t in observed.layers])

    def unpacked(flat: np.ndarray) -> list[np.ndarray]:
        pieces = np.split(flat, np.cumsum([p.size for p in prior])[:-1])
        return [x.reshape(p.shape) for x, p in zip(pieces, prior, strict=True)]

    def errors(times: Sequence[np.ndarray]) -> np.ndarray:
        flat = np.concatenate([t.ravel() for t in times])
        return np.where(use > 0, target - flat, 0.0) / noise

    def cost(error: np.ndarray, flat: np.ndarray) -> float:
        return float((use * error**2).sum() + (((flat - mean) / scaled) ** 2).sum())

    answers = free_running(model, observed.inputs, unpacked(own))
    whitening = [np.asarray(p) / noise for p in prior]
    error = errors([a.t for a in answers])
    before, damping = cost(error, own), _FIRST_DAMPING
    for _ in range(_MOST_STEPS):
        whole = Whole(answers, whitening, weights)
        toward = np.where(deviations > 0, (mean - own) / scaled, 0.0)
        step = whole.solve(np.sqrt(use) * error, toward, damping)
        tried = own + step * deviations
        times = model.times(observed.inputs, unpacked(tried))
        after = cost(errors(times), tried)
        if after > before:
            damping *= 8.0
            if damping > _LAST_DAMPING:
                break
            continue
        done = after > before * (1 - _DONE)
        own, before, damping = tried, after, damping / 4.0
        answers = free_running(model, observed.inputs, unpacked(own))
        error = errors([a.t for a in answers])
        if done:
            break
    residual = [
        np.where(tells(t), answer.t - t, np.nan)
        for answer, t in zip(answers, observed.layers, strict=True)
    ]
    return unpacked(own), residual
