"""A user's weights brought within the reach of the circuit, and what that changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codesign.files import write_atomic
from codesign.mapping.knobs import scales_A

if TYPE_CHECKING:
    from codesign.characterize.model import FittedModel


@dataclass(frozen=True)
class Reach:
    """What had to be changed in a layer's weights; counts of synapses.

    clipped: larger than the circuit's largest current, set to it; below: smaller than its smallest,
    switched off; wrong_sign: of a sign that the synapse cannot carry, switched off. w_max: largest
    positive and negative weight that it carries; w_min: smallest. beyond_trials: carried, clipped
    ones among them, with a current outside those of the trials that the model was fitted to,
    i_trials_A.
    """

    layer: int
    synapses: int
    clipped: int
    below: int
    wrong_sign: int
    w_min: float
    w_max_positive: float
    w_max_negative: float
    beyond_trials: int
    i_trials_A: tuple[float, float]


def within_reach(
    weights: Sequence[np.ndarray], model: FittedModel
) -> tuple[list[np.ndarray], list[Reach]]:
    """Weights that the circuit can carry, nearest to the given ones, and what was changed."""
    changed, reports = [], []
    least = {p: min(curve.i0_A) for p, curve in model.currents.items()}
    most = {p: max(curve.i0_A) for p, curve in model.currents.items()}
    trials = model.validity.i_synapse_A
    for layer, weight in enumerate(weights, start=1):
        scale = scales_A(model, layer, "extended", len(weight)) * np.ones_like(weight)
        # A hair inside, so that rounding does not leave the table.
        top = {sign: most.get(p, 0.0) / scale * (1 - 1e-9) for p, sign in (("n", 1), ("p", -1))}
        low = {sign: least.get(p, np.inf) / scale for p, sign in (("n", 1), ("p", -1))}
        positive, negative = weight > 0, weight < 0
        wrong = (positive & ("n" not in model.currents)) | (negative & ("p" not in model.currents))
        limit = np.where(positive, top[1], top[-1])
        small = np.where(positive, low[1], low[-1])
        clipped = (np.abs(weight) > limit) & ~wrong
        below = (weight != 0) & (np.abs(weight) < small) & ~wrong
        new = np.where(clipped, np.sign(weight) * limit, weight)
        new[wrong | below] = 0.0
        changed.append(new)
        current = np.abs(new) * scale
        untried = (new != 0) & ((current < trials[0]) | (current > trials[1]))
        smallest = min(float(np.min(low[s])) for s in (1, -1))
        reports.append(
            Reach(
                layer, weight.size, int(clipped.sum()), int(below.sum()), int(wrong.sum()),
                smallest, float(np.min(top[1])), float(np.min(top[-1])),
                int(untried.sum()), trials,
            )
        )  # fmt: skip
    return changed, reports


def write_reach(run_dir: Path, reach: Sequence[Reach]) -> list[dict[str, Any]]:
    """Write mapping/reach.json of a run directory; returns what stands in it, layer by layer."""
    layers = [asdict(layer) for layer in reach]
    path = run_dir / "mapping" / "reach.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps({"layers": layers}, indent=1))
    return layers
