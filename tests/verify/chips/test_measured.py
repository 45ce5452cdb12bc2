"""Tables of spike times: what is read, what is refused, what cannot be known is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from codesign.errors import DataError
from codesign.verify.chips import (
    Nominal,
    calibrate_measured,
    parameter_table,
    patterns_for,
    read_spikes,
    refused,
    unknown,
    write_spikes,
)

SIZES, PHASE_S = (5, 5, 5), 1e-6
Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def table(nominal: Nominal, chip: Any, tmp_path: Path) -> Path:
    """A tester's: the patterns that we chose, and what the chip answered."""
    path = tmp_path / "tester.csv"
    inputs_s = patterns_for(nominal, 30, 3, outputs_only=False)
    write_spikes(path, inputs_s, chip.spikes(nominal.layers, inputs_s, "").layers_s)
    return path


def _changed(path: Path, change: Change) -> Path:
    change(pd.read_csv(path)).to_csv(path, index=False)
    return path


def _set(frame: pd.DataFrame, column: str, values: Any, where: Any = slice(None)) -> pd.DataFrame:
    frame = frame.astype({"t_spike_s": float}).copy()
    frame.loc[where, column] = values
    return frame


BAD: dict[str, tuple[Change, str]] = {
    "nanoseconds": (lambda f: f.assign(t_spike_s=f.t_spike_s * 1e9), "unit"),
    "milliseconds": (lambda f: f.assign(t_spike_s=f.t_spike_s * 1e-3), "unit"),
    "another network": (lambda f: f.assign(neuron=f.neuron + 3), "another network"),
    "more layers": (lambda f: f.assign(layer=f.layer + (f.layer == 2)), "another network"),
    "fewer neurons": (lambda f: f[(f.layer != 2) | (f.neuron < 4)], "another network"),
    "no inputs": (lambda f: f[f.layer > 0], r"no inputs \(layer 0\)"),
    "no outputs": (lambda f: f[f.layer < 2], r"no outputs \(layer 2\)"),
    "an input is missing": (lambda f: f.drop(index=f.index[2]), "input 3 spiked"),
    "a column is missing": (lambda f: f.drop(columns="t_spike_s"), "no column t_spike_s"),
    "a row twice": (lambda f: pd.concat([f, f.tail(1)]), "twice"),
    "words": (lambda f: f.astype(object).replace({"neuron": {1: "one"}}), "no whole number"),
    "before the phase": (lambda f: f.assign(t_spike_s=f.t_spike_s - 4e-7), "before its phase"),
    "empty": (lambda f: f.head(0), "no rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_tables_of_no_chip_of_ours_are_refused(table: Path, name: str) -> None:
    change, message = BAD[name]
    with pytest.raises(DataError, match=message) as caught:
        read_spikes(_changed(table, change), SIZES, PHASE_S)
    assert str(table) in str(caught.value)


def test_a_table_is_read_as_it_was_written(table: Path, tmp_path: Path) -> None:
    found = read_spikes(table, SIZES, PHASE_S)
    assert found.patterns == tuple(range(1, 31)) and not found.doubts
    again = tmp_path / "again.csv"
    observed = found.observed
    write_spikes(again, observed.inputs * PHASE_S, [t * PHASE_S for t in observed.layers])
    second = read_spikes(again, SIZES, PHASE_S).observed
    for a, b in zip(
        (observed.inputs, *observed.layers), (second.inputs, *second.layers), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_what_was_not_measured_is_said(table: Path) -> None:
    gone = _changed(table, lambda f: f[~((f.layer == 1) & f.pattern.isin([4, 9]))])
    found = read_spikes(gone, SIZES, PHASE_S)
    assert found.doubts == ("layer 1: 10 spike times are missing (patterns 4, 9)",)
    outputs = _changed(table, lambda f: f[f.layer != 1])
    assert "layer 1 was not measured" in read_spikes(outputs, SIZES, PHASE_S).doubts[0]


def test_a_measured_chip_is_written_again(nominal: Nominal, chip: Any, table: Path) -> None:
    calibration, patterns, doubts = calibrate_measured(nominal, table)
    assert not doubts and len(patterns) == 30
    inputs_s = nominal.training[::4] * PHASE_S
    meant = nominal.network.times(nominal.training[::4], nominal.network.nominal)[-1]
    seen = chip.spikes(calibration.knobs, inputs_s, "").layers_s[-1] / PHASE_S
    before = chip.spikes(nominal.layers, inputs_s, "").layers_s[-1] / PHASE_S
    rms = [np.sqrt(np.mean((np.minimum(t, 1) - meant) ** 2)) for t in (before, seen)]
    assert rms[1] < rms[0] / 20


def test_one_shuffled_sample_is_named(nominal: Nominal, table: Path) -> None:
    def shuffle(frame: pd.DataFrame) -> pd.DataFrame:
        own = (frame.pattern == 8) & (frame.layer == 2)
        return _set(frame, "t_spike_s", frame.t_spike_s[own].to_numpy()[[2, 3, 4, 0, 1]], own)

    calibration, patterns, _ = calibrate_measured(nominal, _changed(table, shuffle))
    said = refused(calibration.rounds[0].found, patterns)
    assert len(said) == 1 and said[0].endswith("were left out (patterns 8)")


def test_spike_times_of_other_patterns_are_refused(nominal: Nominal, table: Path) -> None:
    def other(frame: pd.DataFrame) -> pd.DataFrame:
        own = frame.layer == 0
        times = np.random.default_rng(1).permutation(frame.t_spike_s[own].to_numpy())
        return _set(frame, "t_spike_s", times, own)

    with pytest.raises(DataError, match=r"of another network.*other input patterns"):
        calibrate_measured(nominal, _changed(table, other))


def test_five_patterns_for_fifty_unknowns(nominal: Nominal, table: Path) -> None:
    few = _changed(table, lambda f: f[f.pattern <= 5])
    calibration, _, _ = calibrate_measured(nominal, few)
    one = calibration.rounds[0]
    said = " ".join(unknown(parameter_table(one.model, one.found)))
    assert "currents of synapses cannot be known from these patterns" in said
