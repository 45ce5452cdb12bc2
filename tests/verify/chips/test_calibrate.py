"""Chips identified from spike times, and written so that they do what was meant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from codesign.verify.chips import (
    ChipModel,
    Nominal,
    Observed,
    Samples,
    calibrate,
    chip_metrics,
    chip_prior,
    choose_patterns,
    identify,
    write_calibration,
)

NOISE = 0.05e-3


def _rms_ns(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.clip(a, 0, 1) - np.clip(b, 0, 1)) ** 2)) * 1e3)


def _unseen(network: ChipModel, seed: int) -> np.ndarray:
    """Patterns at which the nominal network fires inside its window."""
    spikes = np.random.default_rng(seed).uniform(0.05, 0.9, (1500, 5))
    times = np.concatenate(network.times(spikes, network.nominal), axis=1)
    return spikes[((times > 0.2) & (times < 0.8)).all(axis=1)][:100]


def _drawn(nominal: Nominal, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    prior = chip_prior(nominal.setup, nominal.model, nominal.layers)
    rng = np.random.default_rng(seed)
    return prior, [0.5 * rng.normal(size=p.shape) * p for p in prior]


def _observed(
    network: ChipModel, chip: list[np.ndarray], patterns: np.ndarray, outputs_only: bool = False
) -> Observed:
    rng = np.random.default_rng(6)
    times = network.times(patterns, chip)
    seen = [np.where(t < 1, t + NOISE * rng.normal(size=t.shape), np.inf) for t in times]
    if outputs_only:
        seen[0] = np.full_like(seen[0], np.nan)
    return Observed(patterns, tuple(seen))


@pytest.mark.parametrize(("outputs_only", "count"), [(False, 30), (True, 50)])
def test_a_chip_is_identified(nominal: Nominal, outputs_only: bool, count: int) -> None:
    """.05 ns of noise, some tens of patterns: unseen outputs to a tenth of a ns."""
    network = nominal.network
    prior, chip = _drawn(nominal, 2)
    rng = np.random.default_rng(4)
    patterns = choose_patterns(network, prior, count, NOISE, rng, outputs_only)
    observed = _observed(network, chip, patterns, outputs_only)
    found = identify(network, observed, prior, NOISE)
    unseen = _unseen(network, 5)
    meant, real = network.times(unseen, network.nominal), network.times(unseen, chip)
    told = network.times(unseen, found.values)
    assert _rms_ns(meant[-1], real[-1]) > 30
    assert _rms_ns(told[-1], real[-1]) < 0.1
    assert found.residual_rms * 1e3 == pytest.approx(NOISE * 1e3, rel=0.35)
    if not outputs_only:
        assert _rms_ns(told[0], real[0]) < 0.1
        z = [
            (value - true)[p > 0] / error[p > 0]
            for value, true, error, p in zip(found.values, chip, found.errors, prior, strict=True)
        ]
        # Standard errors are what they say; half of the prior was drawn.
        assert 0.4 < float(np.sqrt(np.mean(np.concatenate(z) ** 2))) < 1.6


def test_chosen_patterns_tell_more_than_random_ones(nominal: Nominal) -> None:
    network = nominal.network
    prior, chip = _drawn(nominal, 2)
    rng = np.random.default_rng(4)
    chosen = choose_patterns(network, prior, 12, NOISE, rng)
    assert chosen.shape == (12, 5) and len(np.unique(chosen, axis=0)) == 12

    def error(patterns: np.ndarray) -> float:
        found = identify(network, _observed(network, chip, patterns), prior, NOISE)
        logs = [np.log(e[p > 0]) for e, p in zip(found.errors, prior, strict=True)]
        return float(np.mean(np.concatenate(logs)))

    assert error(chosen) < error(_unseen(network, 9)[:12]) - 0.1


def test_a_spike_that_contradicts_the_others_is_refused(nominal: Nominal) -> None:
    network = nominal.network
    prior, chip = _drawn(nominal, 3)
    patterns = choose_patterns(network, prior, 30, NOISE, np.random.default_rng(4))
    observed = _observed(network, chip, patterns)
    shuffled = [t.copy() for t in observed.layers]
    for times in shuffled:
        times[7] = times[7, [4, 3, 1, 0, 2]]
    found = identify(network, Observed(patterns, tuple(shuffled)), prior, NOISE)
    assert {int(k) for x in found.refused for k in np.flatnonzero(x.any(axis=1))} == {7}
    unseen = _unseen(network, 5)
    told, real = network.times(unseen, found.values), network.times(unseen, chip)
    assert _rms_ns(told[-1], real[-1]) < 0.15


def test_a_chip_written_again_does_what_was_meant(
    nominal: Nominal, chip: Any, tmp_path: Any
) -> None:
    """Thresholds that moved by the foundry's statistics: 100 ns before, 2 ns after."""
    network = nominal.network
    calibration = calibrate(nominal, chip, 40, np.random.default_rng(2))
    assert calibration.patterns == 40 and len(calibration.rounds) == 3
    inputs = nominal.training[::2]
    labels = network.times(inputs, network.nominal)[-1][:, :3].argmin(axis=1)
    metrics = chip_metrics(nominal, calibration, chip, Samples(inputs, labels, 3))
    assert metrics["rms_ns_nominal"] > 50
    assert metrics["rms_ns_identified"] < 0.2
    assert metrics["rms_ns_rewritten"] < 2
    assert metrics["accuracy_nominal"] == 1.0
    assert metrics["accuracy_rewritten"] >= 0.9
    table = write_calibration(tmp_path, nominal, calibration, metrics)
    assert {path.name for path in tmp_path.iterdir()} == {
        "metrics.json", "parameters.csv", "biases.csv", "iris.trained.spice", "spikes_1.csv",
        "spikes_2.csv", "spikes_3.csv",
    }  # fmt: skip
    assert table["known"].mean() > 0.6
