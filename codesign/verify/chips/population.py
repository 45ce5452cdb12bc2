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
    for seed in chips:
        result = run(seed, test.inputs * nominal.phase_s)
        found.append(_measured(nominal, seed, test, result))
        write_rows(folder / "chips.parquet", found)
    return found


def write_rows(path: Path, chips: Iterable[ChipRun]) -> None:
    """Write the table of chips, whole or not at all."""
    with atomic_path(path) as temporary:
        pd.DataFrame([dict(chip.row) for chip in chips]).to_parquet(temporary, index=False)


def _measured(nominal: Nominal, seed: int, test: Samples, result: CircuitResult) -> ChipRun:
    bad = sorted(set(result.status[result.status != "ok"]))
    figures = nominal_figures(nominal, test, result)
    row = {
        "chip": seed,
        "status": ", ".join(bad) if bad else "ok",
        "accuracy": _float(figures["accuracy"]),
        "rmse_spike_time_ns": _float(figures["rms_ns"]),
        "spikes_missed": figures["spikes_missed"],
        "energy_per_inference_J": _float(figures["energy_J"]),
        **condition_columns(chip_setup(nominal.setup, seed).conditions),
    }
    return ChipRun(row, tuple(_late(nominal, test, result)))


def _float(value: float | None) -> float:
    return float("nan") if value is None else value


def nominal_figures(nominal: Nominal, test: Samples, result: CircuitResult) -> dict[str, Any]:
    """A circuit with the nominal knobs against the nominal model: `rms_ns` of the outputs,
    `accuracy`, `spikes_missed` and `energy_J`; None for what no sample tells."""
    phase_s = nominal.phase_s
    ok = result.status == "ok"
    errors = []
    meant = nominal.network.times(test.inputs, nominal.network.nominal)
    for said, chip in zip(meant, result.t_spike_s, strict=True):
        times = np.where(said < 1, np.clip(said, 0, None), np.nan) * phase_s
        errors.append(layer_errors(times, chip, ok, phase_s))
    right = classes(result.t_spike_s[-1], test.n_classes) == test.labels
    return {
        "rms_ns": errors[-1].rmse_ns if errors[-1].compared else None,
        "accuracy": float(np.mean(right[ok])) if ok.any() else None,
        "spikes_missed": sum(layer.missed for layer in errors),
        "energy_J": float(np.mean(result.energy_J[ok])) if ok.any() else None,
    }


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
