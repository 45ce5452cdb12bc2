"""A chip from its spike times: least squares through the exact solution, with priors.

Where the spikes of all layers are seen, a layer's inputs are known, and every neuron is a problem
of its own with as many unknowns as it has synapses, and three. Where the outputs alone are seen,
all layers are found together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from codesign.verify.chips.model import ChipModel
from codesign.verify.chips.neurons import noise_share, solve_neurons
from codesign.verify.chips.observed import Observed, tells
from codesign.verify.chips.together import Whole, free_running, solve_together

# An error beyond so many deviations counts less (Huber), and beyond so many is not believed.
_HUBER, _REFUSED = 2.5, 8.0
# Unknowns up to which the joint problem's matrix is inverted: its inverse has the errors.
_MOST_DENSE = 4000
# Noise over the stated one, step by step: of the joint problem, and where all spikes are seen.
_APPROACH = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
# There may be a second solution that most spikes contradict: two ways, the better one is kept.
_APPROACHES_BY_LAYER = ((1.0,), (100.0, 10.0, 1.0))


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
    ways = _APPROACHES_BY_LAYER if observed.all_seen else (_APPROACH,)
    found = [_identified(model, observed, prior, noise, start, way) for way in ways]
    return min(found, key=lambda one: _doubt(one, _means(model, start), noise))


def _means(model: ChipModel, start: Sequence[np.ndarray] | None) -> Sequence[np.ndarray]:
    """What the priors are about."""
    return start if start is not None else model.nominal


def _doubt(one: Identified, means: Sequence[np.ndarray], noise: float) -> tuple[int, float]:
    """Spikes that are not believed, then how unlikely the rest and the chip are."""
    refused = sum(int(x.sum()) for x in one.refused)
    cost = 0.0
    for residual, bad, own, mean, prior in zip(
        one.residual, one.refused, one.values, means, one.prior, strict=True
    ):
        believed = np.isfinite(residual) & ~bad
        cost += float(((residual[believed] / noise) ** 2).sum())
        free = prior > 0
        cost += float((((own - mean)[free] / prior[free]) ** 2).sum())
    return refused, cost


def _identified(
    model: ChipModel,
    observed: Observed,
    prior: Sequence[np.ndarray],
    noise: float,
    start: Sequence[np.ndarray] | None,
    approach: Sequence[float],
) -> Identified:
    means = list(_means(model, start))
    together = not observed.all_seen
    find = solve_together if together else _layerwise
    everything = [tells(t) for t in observed.layers]
    weights = [np.where(use, 1.0, 0.0) for use in everything]
    values = means
    # Far from the chip the equations are not straight: the priors lead at first, then the spikes.
    for level in approach:
        values, residual = find(model, observed, prior, level * noise, means, values, weights)
    scale = _scale(residual, noise)
    for _ in range(3):
        weights = [_huber(r, scale) for r in residual]
        values, residual = find(model, observed, prior, scale, means, values, weights)
        scale = _scale(residual, noise)
    refused = _refused(residual, scale)
    for _ in range(3):
        if not any(x.any() for x in refused):
            break
        weights = [np.isfinite(r) & ~x for r, x in zip(residual, refused, strict=True)]
        # From the start again: what is not believed may have led the search elsewhere.
        values = means
        for level in approach:
            values, residual = find(model, observed, prior, level * noise, means, values, weights)
        believed = [np.where(w, r, np.nan) for w, r in zip(weights, residual, strict=True)]
        scale = _scale(believed, noise)
        values, residual = find(model, observed, prior, scale, means, values, weights)
        # What the others say may acquit a pattern, or accuse one more.
        refused = _refused(residual, scale)
    weights = [np.isfinite(r) & ~x for r, x in zip(residual, refused, strict=True)]
    errors = _errors(model, observed, values, weights, prior, scale, together)
    return Identified(values, errors, [np.asarray(p) for p in prior], residual, refused, scale)


def _scale(residual: Sequence[np.ndarray], noise: float) -> float:
    """Deviation of most residuals, at least the noise."""
    found = np.concatenate([r[np.isfinite(r)] for r in residual])
    return max(noise, float(1.4826 * np.median(np.abs(found)))) if len(found) else noise


def _refused(residual: Sequence[np.ndarray], scale: float) -> list[np.ndarray]:
    """Spikes that are not believed: with one that is far off, all of its pattern in its layer, and
    behind it, where it went in."""
    found: list[np.ndarray] = []
    bad = np.zeros((len(residual[0]), 1), dtype=bool)
    for times in residual:
        far = np.nan_to_num(np.abs(times)) > _REFUSED * scale
        bad = bad | far.any(axis=1, keepdims=True)
        found.append(np.isfinite(times) & bad)
    return found


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
            use = use / noise_share(answer)
        own, residual = solve_neurons(
            model, layer, spikes[known], target[known], use, np.asarray(prior[layer]) / noise,
            np.asarray(means[layer]), np.asarray(start[layer]), noise,
        )  # fmt: skip
        full = np.full(target.shape, np.nan)
        full[known] = residual
        values.append(own)
        residuals.append(full)
    return values, residuals


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
            use = weights[layer][known] / (noise_share(answer) if layer else 1.0)
            normal = np.einsum("pn,pni,pnj->nij", use, rows, rows)
            spread = np.linalg.inv(normal + np.eye(normal.shape[-1]))
            share = np.sqrt(np.diagonal(spread, axis1=1, axis2=2))
            found.append(share * prior[layer])
        return found
    whitening = [np.asarray(p) / noise for p in prior]
    whole = Whole(free_running(model, observed.inputs, values), whitening, weights)
    columns = whole.shape[1]
    if columns > _MOST_DENSE:
        # A bound from below would mislead: what nobody computed is the prior's.
        return [np.asarray(p) for p in prior]
    spread = np.linalg.inv(whole.normal + np.eye(columns))
    pieces = np.split(np.sqrt(np.diag(spread)), np.cumsum([p.size for p in prior])[:-1])
    return [x.reshape(p.shape) * p for x, p in zip(pieces, prior, strict=True)]
