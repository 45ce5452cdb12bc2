"""Which input patterns to show a chip: random ones, chosen for what their answers would tell.

A pattern is worth the more the less its answers are known beforehand: the gain in the logarithm of
the determinant of the information, pattern after pattern (greedy D-optimal design). Derivatives are
those of the nominal network. Patterns at which neurons would stay silent, or fire at once, say
little, and are not taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codesign.errors import DataError
from codesign.verify.chips.model import ChipModel

# Spikes of the nominal network are kept inside: a chip's may be a fifth of a phase elsewhere.
EARLIEST, LATEST = 0.15, 0.82
# Inputs: not before the lines have settled, not so late that nothing is moved.
_FIRST, _LAST, _ABSENT = 0.02, 0.9, 0.1
# Time of an input that does not spike, in phases.
NO_SPIKE = 2.0
_DRAWN, _BATCH, _CONSIDERED = 40_000, 2_000, 300
# Unknowns up to which a choice for outputs alone is computed; beyond, patterns are random ones.
_MOST_JOINT = 300


def choose_patterns(
    model: ChipModel,
    prior: Sequence[np.ndarray],
    count: int,
    noise: float,
    rng: np.random.Generator,
    outputs_only: bool = False,
) -> np.ndarray:
    """Input spike times (count, inputs) in phases; `NO_SPIKE` where an input is left out.

    prior, noise: as for `identify`. Raises DataError when no pattern makes the neurons fire.
    """
    pool = _admissible(model, max(count, min(_CONSIDERED, 5 * count)), rng)
    blocks = _blocks(model, pool, prior, noise, outputs_only)
    if not blocks:
        return pool[:count]
    covariance = [np.broadcast_to(np.eye(b.shape[-1]), (*b.shape[1:-2], *2 * b.shape[-1:])).copy()
                  for b in blocks]  # fmt: skip
    chosen: list[int] = []
    for _ in range(min(count, len(pool))):
        gains = [_gain(rows, spread) for rows, spread in zip(blocks, covariance, strict=True)]
        gain = np.sum(gains, axis=0)
        gain[chosen] = -np.inf
        best = int(np.argmax(gain))
        chosen.append(best)
        covariance = [
            _with_row(rows[best], spread) for rows, spread in zip(blocks, covariance, strict=True)
        ]
    return pool[chosen]


def _admissible(model: ChipModel, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Random patterns; those first at which most neurons fire inside the window."""
    inputs = model.weights[0].shape[1]
    found, shares = [], []
    for _ in range(_DRAWN // _BATCH):
        spikes = rng.uniform(_FIRST, _LAST, (_BATCH, inputs))
        spikes[rng.random(spikes.shape) < _ABSENT] = NO_SPIKE
        times = np.concatenate(model.times(spikes, model.nominal), axis=1)
        inside = ((times > EARLIEST) & (times < LATEST)).mean(axis=1)
        found.append(spikes)
        shares.append(inside)
        if (np.concatenate(shares) == 1.0).sum() >= wanted:
            break
    share = np.concatenate(shares)
    best = np.argsort(-share, kind="stable")[:wanted]
    if share[best[0]] < 0.5:
        raise DataError(
            "no random input pattern makes half of the neurons fire inside the window",
            remedy="train with t_early and t_late of [training.circuit], or check the weights",
        )
    return np.concatenate(found)[best]


def _blocks(
    model: ChipModel,
    pool: np.ndarray,
    prior: Sequence[np.ndarray],
    noise: float,
    outputs_only: bool,
) -> list[np.ndarray]:
    """Whitened derivatives of what is observed: per layer (pattern, neuron, 1, parameter), where
    neurons are problems of their own, or one (pattern, output, parameter) of the outputs."""
    if outputs_only and sum(np.size(p) for p in prior) > _MOST_JOINT:
        return []
    blocks: list[np.ndarray] = []
    spikes = pool
    joint: np.ndarray | None = None
    for layer, own in enumerate(model.nominal):
        answer = model.answer(layer, spikes, own)
        spikes = np.clip(answer.t, 0.0, None)
        seen = ((answer.t > 0) & (answer.t < 1))[..., None]
        rows = answer.by_own * np.asarray(prior[layer]) / noise * seen
        if not outputs_only:
            blocks.append(rows[:, :, None, :])
            continue
        patterns, neurons, size = rows.shape
        spread = np.zeros((patterns, neurons, neurons, size))
        spread[:, np.arange(neurons), np.arange(neurons)] = rows
        mine = spread.reshape(patterns, neurons, -1)
        if joint is not None:
            carried = np.einsum("pnj,pjq->pnq", answer.by_input * seen, joint)
            mine = np.concatenate([carried, mine], axis=-1)
        joint = mine
    return blocks if joint is None else [joint]


def _gain(rows: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """What each pattern would add, (pattern,): log det(1 + R S R')."""
    if rows.ndim == 4:
        one = rows[:, :, 0, :]
        return np.log1p(np.einsum("pni,nij,pnj->pn", one, spread, one)).sum(axis=1)
    seen = np.einsum("pni,ij,pmj->pnm", rows, spread, rows)
    return np.asarray(np.linalg.slogdet(seen + np.eye(seen.shape[-1]))[1])


def _with_row(rows: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The covariance once a pattern's answers are known (Woodbury)."""
    moved = rows @ spread
    inner = moved @ np.swapaxes(rows, -1, -2) + np.eye(rows.shape[-2])
    return np.asarray(spread - np.swapaxes(moved, -1, -2) @ np.linalg.solve(inner, moved))
