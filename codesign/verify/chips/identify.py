"""A chip from its spike times: Gauss-Newton through the exact solution, with priors.

Where the spikes of all layers are seen, a layer's inputs are known, and every neuron is a problem
of its own with as many unknowns as it has synapses, and three. Where the outputs alone are seen,
all layers are found together; products with the Jacobian then go through the layers, as the
derivatives of spike times do, and the Jacobian itself is never written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse.linalg import LinearOperator, lsmr

from codesign.verify.chips.model import ChipModel, LayerAnswer

_ROUNDS, _HALVINGS = 12, 5
# Change of the whitened parameters, in prior deviations, below which nothing more is to be found.
_DONE = 1e-4
# A neuron that fires before, in phases, was driven to its threshold, or nearly so.
_EARLIEST = 0.05
# An error beyond so many deviations counts less (Huber), and beyond so many is not believed.
_HUBER, _REFUSED = 2.5, 8.0
# Unknowns up to which the joint problem's matrix is written down: its inverse has the errors.
_MOST_DENSE = 4000
_FIRST_DAMPING, _LAST_DAMPING, _MOST_STEPS = 1e3, 1e12, 60
_APPROACH = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)


@dataclass(frozen=True)
class Observed:
    """Spike times in phases: inputs (pattern, input) and every layer's (pattern, neuron); inf where
    no spike came, nan where nobody looked."""

    inputs: np.ndarray
    layers: tuple[np.ndarray, ...]

    @property
    def all_seen(self) -> bool:
        """Whether every layer was looked at."""
        return all(np.isfinite(t).any() for t in self.layers)


@dataclass(frozen=True)
class Identified:
    """What a chip is. Per layer (neuron, parameter): values, standard errors and the priors'
    deviations; residual (pattern, neuron) in phases, nan where nothing was compared, and which of
    the spikes were not believed; scale: deviation of the residuals, in phases."""

    values: list[np.ndarray]
    errors: list[np.ndarray]
    prior: list[np.ndarray]
    residual: list[np.ndarray]
    refused: list[np.ndarray]
    scale: float

    @property
    def residual_rms(self) -> float:
        """Of what was believed, in phases; nan when nothing was."""
        parts = [r[np.isfinite(r) & ~x] for r, x in zip(self.residual, self.refused, strict=True)]
        joined = np.concatenate(parts)
        return float(np.sqrt(np.mean(joined**2))) if len(joined) else float("nan")


def identify(
    model: ChipModel,
    observed: Observed,
    prior: Sequence[np.ndarray],
    noise: float,
    start: Sequence[np.ndarray] | None = None,
) -> Identified:
    """The chip whose spike times were observed.

    prior: deviation of every parameter, an array like those of `ChipModel.nominal`; 0 holds a
    parameter at its start. start: the priors' means, the nominal chip unless given. noise: of a
    spike time, in phases: at least what the model itself is off.
    """
    means = list(start) if start is not None else model.nominal
    together = not observed.all_seen
    find = solve_together if together else _layerwise
    everything = [_tells(t) for t in observed.layers]
    weights = [np.where(use, 1.0, 0.0) for use in everything]
    values = means
    # Far from the chip the equations are not straight: the priors lead at first, then the spikes.
    for level in _APPROACH if together else (1.0,):
        values, residual = find(model, observed, prior, level * noise, means, values, weights)
    scale = _scale(residual, noise)
    for _ in range(3):
        weights = [_huber(r, scale) for r in residual]
        values, residual = find(model, observed, prior, scale, means, values, weights)
        scale = _scale(residual, noise)
    refused = [np.nan_to_num(np.abs(r)) > _REFUSED * scale for r in residual]
    if any(x.any() for x in refused):
        weights = [np.isfinite(r) & ~x for r, x in zip(residual, refused, strict=True)]
        values, residual = find(model, observed, prior, scale, means, values, weights)
        # What the others say may acquit a spike, or accuse one more.
        refused = [np.nan_to_num(np.abs(r)) > _REFUSED * scale for r in residual]
    weights = [np.isfinite(r) & ~x for r, x in zip(residual, refused, strict=True)]
    errors = _errors(model, observed, values, weights, prior, scale, together)
    return Identified(values, errors, [np.asarray(p) for p in prior], residual, refused, scale)


def _tells(times: np.ndarray) -> np.ndarray:
    """Which spikes tell something of their neurons: those not so early that no smooth law holds."""
    return np.asarray(np.isfinite(times) & (times >= _EARLIEST))


def _scale(residual: Sequence[np.ndarray], noise: float) -> float:
    """Deviation of most residuals, at least the noise."""
    found = np.concatenate([r[np.isfinite(r)] for r in residual])
    return max(noise, float(1.4826 * np.median(np.abs(found)))) if len(found) else noise


def _huber(residual: np.ndarray, scale: float) -> np.ndarray:
    size = np.abs(residual) / (_HUBER * scale)
    weight = 1.0 / np.maximum(np.where(np.isfinite(size), size, 1.0), 1.0)
    return np.where(np.isfinite(residual), weight, 0.0)


def _inputs(observed: Observed, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """What a layer received, and the patterns of which all of that is known."""
    spikes = observed.inputs if layer == 0 else observed.layers[layer - 1]
    return spikes, ~np.isnan(spikes).any(axis=1)


def _layerwise(
    model: ChipModel,
    observed: Observed,
    prior: Sequence[np.ndarray],
    noise: float,
    means: Sequence[np.ndarray],
    start: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    values, residuals = [], []
    for layer, target in enumerate(observed.layers):
        spikes, known = _inputs(observed, layer)
        use = weights[layer][known]
        if layer:
            answer = model.answer(layer, spikes[known], np.asarray(start[layer]))
            use = use / _noise_share(answer)
        own, residual = solve_neurons(
            model, layer, spikes[known], target[known], use, np.asarray(prior[layer]) / noise,
            np.asarray(means[layer]), np.asarray(start[layer]), noise,
        )  # fmt: skip
        full = np.full(target.shape, np.nan)
        full[known] = residual
        values.append(own)
        residuals.append(full)
    return values, residuals


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
    for _ in range(_ROUNDS):
        error = np.where(use > 0, target - answer.t, 0.0)
        rows = answer.by_own * whitening
        normal = np.einsum("pn,pni,pnj->nij", use, rows, rows)
        normal += np.eye(normal.shape[-1])
        right = np.einsum("pn,pni->ni", use * error / noise, rows)
        right += np.where(deviation > 0, (mean - own) / scaled, 0.0)
        step = np.linalg.solve(normal, right[..., None])[..., 0] * deviation
        before, length = cost(answer.t, own), np.ones(len(own))
        for _ in range(_HALVINGS):
            tried = own + length[:, None] * step
            worse = cost(model.layer_times(layer, spikes, tried), tried) > before * (1 + 1e-9)
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        moved = float(np.abs(length[:, None] * step / scaled).max(initial=0.0))
        own = own + np.where(worse, 0.0, length)[:, None] * step
        answer = model.answer(layer, spikes, own)
        if moved < _DONE:
            break
    return own, np.where(_tells(target), answer.t - target, np.nan)


def _noise_share(answer: LayerAnswer) -> np.ndarray:
    """Variance of a spike (pattern, neuron), over that of its own measurement, where the spikes
    before it were measured as well."""
    return np.asarray(1.0 + (answer.by_input**2).sum(axis=-1))


class _Whole:
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
        stacked = LinearOperator(
            (rows + columns, columns),
            matvec=lambda x: np.concatenate([self.forward(x), x]),
            rmatvec=lambda y: self.backward(y[:rows]) + y[rows:],
        )
        right = np.concatenate([error, mean])
        found = lsmr(stacked, right, np.sqrt(damping), atol=1e-9, btol=1e-9, maxiter=20 * columns)
        return np.asarray(found[0])

    def normal(self) -> np.ndarray:
        """The normal matrix without the priors' part."""
        columns = np.stack([self.forward(unit) for unit in np.eye(self.shape[1])], axis=1)
        return np.asarray(columns.T @ columns)


def _free_running(
    model: ChipModel, spikes: np.ndarray, values: Sequence[np.ndarray]
) -> list[LayerAnswer]:
    answers = []
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

    answers = _free_running(model, observed.inputs, unpacked(own))
    whitening = [np.asarray(p) / noise for p in prior]
    error = errors([a.t for a in answers])
    before, damping = cost(error, own), _FIRST_DAMPING
    for _ in range(_MOST_STEPS):
        whole = _Whole(answers, whitening, weights)
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
        done = after > before * (1 - 1e-6)
        own, before, damping = tried, after, damping / 4.0
        answers = _free_running(model, observed.inputs, unpacked(own))
        error = errors([a.t for a in answers])
        if done:
            break
    residual = [
        np.where(_tells(t), answer.t - t, np.nan)
        for answer, t in zip(answers, observed.layers, strict=True)
    ]
    return unpacked(own), residual


def _errors(
    model: ChipModel,
    observed: Observed,
    values: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    prior: Sequence[np.ndarray],
    noise: float,
    together: bool,
) -> list[np.ndarray]:
    """Standard errors of the parameters."""
    if not together:
        found = []
        for layer, own in enumerate(values):
            spikes, known = _inputs(observed, layer)
            white = np.asarray(prior[layer]) / noise
            answer = model.answer(layer, spikes[known], own)
            rows = answer.by_own * white
            use = weights[layer][known] / (_noise_share(answer) if layer else 1.0)
            normal = np.einsum("pn,pni,pnj->nij", use, rows, rows)
            spread = np.linalg.inv(normal + np.eye(normal.shape[-1]))
            share = np.sqrt(np.diagonal(spread, axis1=1, axis2=2))
            found.append(share * prior[layer])
        return found
    whitening = [np.asarray(p) / noise for p in prior]
    whole = _Whole(_free_running(model, observed.inputs, values), whitening, weights)
    columns = whole.shape[1]
    if columns > _MOST_DENSE:
        # A bound from below would mislead: what nobody computed is the prior's.
        return [np.asarray(p) for p in prior]
    spread = np.linalg.inv(whole.normal() + np.eye(columns))
    pieces = np.split(np.sqrt(np.diag(spread)), np.cumsum([p.size for p in prior])[:-1])
    return [x.reshape(p.shape) * p for x, p in zip(pieces, prior, strict=True)]
