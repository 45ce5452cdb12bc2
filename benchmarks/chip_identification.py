"""A chip with two thousand unknowns, 33-32-32, identified from its spike times: error and time.

    python -m benchmarks.chip_identification [--outputs]

The chip is synthetic: parameters of the shipped Iris circuit (layer model of fit/model.json without
what tells its five neurons apart), random weights, every synapse's current, every neuron's
capacitance, firing offset and discharge drawn; spike times with .05 ns of noise. One thread.
Compared with, in the same run: the nominal model on unseen patterns (error), and the Jacobian by
finite differences, which one Gauss-Newton step of all unknowns would need (time, from the measured
cost of one evaluation). `--outputs` sees the outputs alone. Prints JSON; exits with 1 when a claim
does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from codesign.characterize.model import FittedModel
from codesign.resources import resource_dir
from codesign.verify.chips import ChipModel, Observed, choose_patterns, identify

SIZES = (33, 32, 32)
NOISE_NS, PHASE_NS = 0.05, 1000.0
SPREAD = {"gain": 0.25, "capacitance": 0.03, "offset": 0.01, "slope": 0.15}
LIMIT_S, LIMIT_NS = 300.0, 0.5


def network(rng: np.random.Generator) -> ChipModel:
    """Random weights with which most neurons fire inside the window."""
    path = resource_dir("characterization") / "iris" / "model.json"
    params = tuple(FittedModel.load(path).averaged().parameters())
    weights: list[np.ndarray] = []
    spikes = rng.uniform(0.02, 0.9, (400, SIZES[0]))
    for layer, (n_in, n_out) in enumerate(pairwise(SIZES)):
        weight = rng.normal(1.0, 1.2, (n_out, n_in))
        scale = np.full(n_out, 1.0 / n_in)
        for _ in range(30):
            # Half of the patterns before the middle of the phase, neuron by neuron.
            model = ChipModel((*weights, weight * scale[:, None]), params[: layer + 1])
            times = model.layer_times(layer, spikes, model.nominal[layer])
            scale *= np.exp(0.5 * (np.median(times, axis=0) - 0.5))
        weights.append(weight * scale[:, None])
        spikes = np.clip(times, 0.0, None)
    return ChipModel(tuple(weights), params)


def drawn(model: ChipModel, rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The priors' deviations and a chip drawn from them."""
    prior = []
    for neurons, parameters in model.shapes:
        deviation = np.full((neurons, parameters), SPREAD["gain"])
        deviation[:, -3:] = [SPREAD["capacitance"], SPREAD["offset"], SPREAD["slope"]]
        prior.append(deviation)
    return prior, [rng.normal(size=p.shape) * p for p in prior]


def rms_ns(model: ChipModel, a: Sequence[np.ndarray], b: Sequence[np.ndarray], seed: int) -> float:
    """Difference of the outputs of two chips over unseen random patterns."""
    spikes = np.random.default_rng(seed).uniform(0.02, 0.9, (500, SIZES[0]))
    one, other = (np.clip(model.times(spikes, chip)[-1], 0, 1) for chip in (a, b))
    return float(np.sqrt(np.mean((one - other) ** 2)) * PHASE_NS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--outputs", action="store_true", help="see the outputs alone")
    parser.add_argument("--patterns", type=int, help="how many; 100, with --outputs 300")
    given = parser.parse_args()
    torch.set_num_threads(1)
    count = given.patterns or (300 if given.outputs else 100)
    rng = np.random.default_rng(1)
    model = network(rng)
    prior, chip = drawn(model, rng)
    noise = NOISE_NS / PHASE_NS
    start_s = time.perf_counter()
    patterns = choose_patterns(model, prior, count, noise, rng, given.outputs)
    chosen_s = time.perf_counter() - start_s
    times = model.times(patterns, chip)
    seen = [
        np.where(t < 1, np.clip(t, 0, None) + noise * rng.normal(size=t.shape), np.inf)
        for t in times
    ]
    if given.outputs:
        seen[0] = np.full_like(seen[0], np.nan)
    start_s = time.perf_counter()
    found = identify(model, Observed(patterns, tuple(seen)), prior, noise)
    identified_s = time.perf_counter() - start_s
    start_s = time.perf_counter()
    model.times(patterns, chip)
    once_s = time.perf_counter() - start_s
    unknowns = sum(p.size for p in prior)
    error = np.concatenate([(v - c).ravel() for v, c in zip(found.values, chip, strict=True)])
    stated = np.concatenate([e.ravel() for e in found.errors])
    result = {
        "benchmark": "chip_identification",
        "layers": list(SIZES),
        "observed": "outputs" if given.outputs else "all",
        "unknowns": unknowns,
        "patterns": count,
        "noise_ns": NOISE_NS,
        "silent": [float(np.isinf(t).mean()) for t in seen],
        "rms_ns_nominal": rms_ns(model, model.nominal, chip, 2),
        "rms_ns_identified": rms_ns(model, found.values, chip, 2),
        "residual_ns": found.residual_rms * PHASE_NS,
        "error_over_standard_error": float(np.sqrt(np.mean((error / stated) ** 2))),
        "choice_of_patterns_s": chosen_s,
        "identification_s": identified_s,
        "finite_difference_jacobian_s": once_s * unknowns,
    }
    held = identified_s + chosen_s < LIMIT_S
    if not given.outputs:
        held &= result["rms_ns_identified"] < LIMIT_NS
    print(json.dumps({**result, "holds": bool(held)}, indent=1))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
