"""Chips drawn and run as they are written for the nominal one: a row per chip, as it finishes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from codesign.bench import condition_columns
from codesign.files import atomic_path
from codesign.verify.chips.calibrate import Nominal
from codesign.verify.chips.instrument import chip_setup
from codesign.verify.chips.results import Samples
from codesign.verify.circuit import CircuitResult
from codesign.verify.metrics import classes, layer_errors

# Runs the test samples on the chip with a seed: inputs in s, chip's setup.
Run = Callable[[int, np.ndarray], CircuitResult]


@dataclass(frozen=True)
class ChipRun:
    """One chip: its row, and per layer the mean error of each neuron's firing time, in s, for the
    spikes that it received: later than the nominal neuron is positive; nan where it did not fire.
    """

    row: Mapping[str, Any]
    late_s: tuple[np.ndarray, ...]


def draw_chips(
    nominal: Nominal, chips: Iterable[int], test: Samples, run: Run, folder: Path
) -> list[ChipRun]:
    """Run chips one by one; yield/chips.parquet in `folder` has a row for each that is finished.

    An interrupted population starts again and finds its finished simulations in the cache, so that
    the table in the end is the same.
    """
    found: list[ChipRun] = []
    phase_s = nominal.phase_s
    meant = nominal.network.times(test.inputs, nominal.network.nominal)
    for seed in chips:
        result = run(seed, test.inputs * phase_s)
        found.append(_measured(nominal, seed, test, meant, result))
        write_rows(folder / "chips.parquet", found)
    return found


def write_rows(path: Path, chips: Iterable[ChipRun]) -> None:
    """Write the table of chips, whole or not at all."""
    with atomic_path(path) as temporary:
        pd.DataFrame([dict(chip.row) for chip in chips]).to_parquet(temporary, index=False)


def _measured(
    nominal: Nominal, seed: int, test: Samples, meant: list[np.ndarray], result: CircuitResult
) -> ChipRun:
    phase_s = nominal.phase_s
    ok = result.status == "ok"
    errors = []
    for said, chip in zip(meant, result.t_spike_s, strict=True):
        times = np.where(said < 1, np.clip(said, 0, None), np.nan) * phase_s
        errors.append(layer_errors(times, chip, ok, phase_s))
    outputs = result.t_spike_s[-1]
    right = classes(outputs, test.n_classes) == test.labels
    bad = sorted(set(result.status[~ok]))
    row = {
        "chip": seed,
        "status": ", ".join(bad) if bad else "ok",
        "accuracy": float(np.mean(right[ok])) if ok.any() else np.nan,
        "rmse_spike_time_ns": errors[-1].rmse_ns,
        "spikes_missed": sum(layer.missed for layer in errors),
        "energy_per_inference_J": float(np.mean(result.energy_J[ok])) if ok.any() else np.nan,
        **condition_columns(chip_setup(nominal.setup, seed).conditions),
    }
    return ChipRun(row, tuple(_late(nominal, test, result)))


def _late(nominal: Nominal, test: Samples, result: CircuitResult) -> list[np.ndarray]:
    network, phase_s = nominal.network, nominal.phase_s
    received, late = test.inputs, []
    for layer, own in enumerate(network.nominal):
        times = result.t_spike_s[layer]
        model = network.layer_times(layer, np.where(np.isfinite(received), received, 2.0), own)
        error = times - np.where((model > 0) & (model < 1), model, np.nan) * phase_s
        counted = np.isfinite(error).sum(axis=0)
        late.append(np.where(counted, np.nansum(error, axis=0) / np.maximum(counted, 1), np.nan))
        received = np.where(np.isfinite(times), times / phase_s, 2.0)
    return late
