"""Yield: how many chips are good, how sure that is, and which devices make the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from codesign.bench import devices_by_instance, neuron_path, synapse_path
from codesign.pdk.variation import mismatch_draws
from codesign.verify.chips.calibrate import Nominal
from codesign.verify.chips.model import NEURON
from codesign.verify.chips.population import ChipRun

SCHEMA_VERSION = 1
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_FIGURES = ("accuracy", "rmse_spike_time_ns", "spikes_missed", "energy_per_inference_J")
CHIP_WIDE = "process (whole chip)"


@dataclass(frozen=True)
class Specification:
    """A good chip: accuracy at least, output spike-time error at most (ns, None for any)."""

    min_accuracy: float
    max_rmse_ns: float | None = None

    def good(self, table: pd.DataFrame) -> np.ndarray:
        """Which chips are good; one whose simulation failed is not."""
        good = (table["status"] == "ok") & (table["accuracy"] >= self.min_accuracy - 1e-12)
        if self.max_rmse_ns is not None:
            good &= table["rmse_spike_time_ns"] <= self.max_rmse_ns
        return np.asarray(good)


def clopper_pearson(passed: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share (Clopper and Pearson, Biometrika 26, 1934)."""
    tail = (1 - confidence) / 2
    low = 0.0 if passed == 0 else float(beta.ppf(tail, passed, total - passed + 1))
    high = 1.0 if passed == total else float(beta.ppf(1 - tail, passed + 1, total - passed))
    return low, high


def yield_metrics(
    nominal: Nominal, chips: Sequence[ChipRun], wanted: Specification
) -> dict[str, Any]:
    """The content of yield/metrics.json."""
    table = pd.DataFrame([dict(chip.row) for chip in chips])
    passed = int(wanted.good(table).sum())
    interval = clopper_pearson(passed, len(table))
    ok = table[table["status"] == "ok"]
    quantiles = {
        name: {f"{q:g}": float(ok[name].quantile(q)) for q in _QUANTILES} if len(ok) else None
        for name in _FIGURES
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "design": nominal.setup.name,
        "view": nominal.setup.view.value,
        "chips": len(table),
        "failed_simulations": int((table["status"] != "ok").sum()),
        "specification": {
            "min_accuracy": wanted.min_accuracy, "max_rmse_spike_time_ns": wanted.max_rmse_ns,
        },
        "passed": passed,
        "yield": passed / len(table),
        "yield_interval_95": list(interval),
        "quantiles": quantiles,
        "contributors": [
            {"layer": layer, "device": device, "share": share, "ns_per_sigma": slope}
            for layer, device, share, slope in contributors(nominal, chips)
        ],
    }  # fmt: skip


def contributors(
    nominal: Nominal, chips: Sequence[ChipRun]
) -> list[tuple[int, str, float, float | None]]:
    """(layer, device, share, ns per sigma), largest share first: of the variance over chips of a
    neuron's mean firing time, given the spikes that it received, what each device explains.

    A regression over the draws, ridge-penalised, for all neurons of a layer together: a neuron's
    own devices by their names in the cell; a synapse's by their names, weighted by what the model
    says a change of its current does. What the neurons of a chip have in common is the chip's.
    Empty where there are too few chips to tell.
    """
    found: list[tuple[int, str, float, float | None]] = []
    for layer in range(len(nominal.network.weights)):
        late = np.array([chip.late_s[layer] for chip in chips])
        names, factors = _factors(nominal, layer, [int(chip.row["chip"]) for chip in chips])
        use = np.isfinite(late)
        if use.sum() < len(names) + 10:
            continue
        found += _shares(layer + 1, late, use, names, factors)
    return sorted(found, key=lambda row: -row[2])


def _shares(
    layer: int, late: np.ndarray, use: np.ndarray, names: list[str], factors: np.ndarray
) -> list[tuple[int, str, float, float | None]]:
    # Neurons differ in how late they are on every chip: that is the model's error, not the draws'.
    centred = late - np.nanmean(late, axis=0)
    # What all neurons of a chip share goes by itself: one column per chip, kept small by the ridge.
    chips = late.shape[0]
    shared = np.zeros((*late.shape, chips))
    shared[np.arange(chips), :, np.arange(chips)] = 1.0
    columns = np.concatenate([factors, shared], axis=-1)[use]
    values = centred[use]
    spread = float(np.std(values))
    if spread == 0:
        return []
    ridge = 1e-2 * len(values)
    normal = columns.T @ columns + ridge * np.eye(columns.shape[1])
    slopes = np.linalg.solve(normal, columns.T @ values)
    parts = columns * slopes
    own, chip = parts[:, : len(names)], parts[:, len(names) :].sum(axis=1)
    total = float(np.var(values))
    # Covariance with the whole: shares of correlated parts still add up to what is explained.
    share = np.array([np.mean((p - p.mean()) * (values - values.mean())) for p in own.T]) / total
    rows: list[tuple[int, str, float, float | None]] = [
        (layer, name, float(s), float(slope * np.std(column) * 1e9))
        for name, s, slope, column in zip(names, share, slopes, columns.T, strict=False)
    ]
    common = float(np.mean((chip - chip.mean()) * (values - values.mean())) / total)
    return [*rows, (layer, CHIP_WIDE, common, None)]


def _factors(
    nominal: Nominal, layer: int, seeds: Sequence[int]
) -> tuple[list[str], np.ndarray]:
    """Names of a layer's kinds of devices, and their draws (chip, neuron, kind)."""
    devices = devices_by_instance(nominal.setup.cell)
    neurons, inputs = nominal.network.weights[layer].shape
    own = [devices[neuron_path(layer + 1, i + 1)] for i in range(neurons)]
    pairs = [
        [devices[synapse_path(layer + 1, i + 1, j + 1)] for j in range(inputs)]
        for i in range(neurons)
    ]
    weight = _gain_slopes(nominal, layer)
    kinds = list(own[0])
    synapse_kinds = [f"synapse {name}" for name in pairs[0][0]]
    draws = np.zeros((len(seeds), neurons, len(kinds) + len(synapse_kinds)))
    for c, seed in enumerate(seeds):
        for i in range(neurons):
            for k, kind in enumerate(kinds):
                draws[c, i, k] = mismatch_draws(seed, own[i][kind])[0]
            for k, kind in enumerate(pairs[0][0]):
                z = [mismatch_draws(seed, pairs[i][j][kind])[0] for j in range(inputs)]
                side = _carried(kind, nominal.layers[layer].weight[i])
                draws[c, i, len(kinds) + k] = float(np.sum(weight[i] * side * np.array(z)))
    scale = draws.std(axis=(0, 1))
    return [*kinds, *synapse_kinds], draws / np.where(scale > 0, scale, 1.0)


def _carried(kind: str, weight: np.ndarray) -> np.ndarray:
    """Which synapses' currents a device carries, where its name ends with its polarity."""
    if kind.endswith("_n"):
        return np.asarray(weight > 0, dtype=float)
    if kind.endswith("_p"):
        return np.asarray(weight < 0, dtype=float)
    return np.ones_like(weight)


def _gain_slopes(nominal: Nominal, layer: int) -> np.ndarray:
    """Mean change of a neuron's time for a change of a synapse's current, (neuron, input)."""
    network = nominal.network
    spikes = nominal.training
    for before in range(layer):
        times = network.layer_times(before, spikes, network.nominal[before])
        spikes = np.clip(times, 0.0, None)
    answer = network.answer(layer, spikes, network.nominal[layer])
    return np.asarray(answer.by_own[..., : -len(NEURON)].mean(axis=0))
