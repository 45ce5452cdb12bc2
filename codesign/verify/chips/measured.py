"""Spike times of a chip as a table: what a tester writes, and what we write for it.

A row per pattern, layer and neuron: `pattern`, `layer`, `neuron` (whole numbers, layers and neurons
from 1), `t_spike_s`, in s after the phase in which the neuron fires starts, empty where it stayed
silent. Layer 0 are the inputs, in s after accumulation starts: the table says itself what the chip
was shown. A row that is missing was not measured. Every pattern needs all its inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from codesign.errors import DataError
from codesign.files import atomic_path
from codesign.verify.chips.observed import Observed

COLUMNS = ("pattern", "layer", "neuron", "t_spike_s")
_SHOWN = 6


@dataclass(frozen=True)
class Measured:
    """What a table holds: observations in phases, names of the patterns, what is missing."""

    observed: Observed
    patterns: tuple[int, ...]
    doubts: tuple[str, ...]


def write_spikes(path: Path, inputs_s: np.ndarray, layers_s: Sequence[np.ndarray] = ()) -> None:
    """Write a table; times in s, inf for silent, nan (not measured) is left out. Without `layers_s`
    it has the inputs alone: what to show a chip."""
    frames = []
    for layer, times in enumerate((inputs_s, *layers_s)):
        patterns, neurons = times.shape
        frame = pd.DataFrame(
            {
                "pattern": np.repeat(np.arange(1, patterns + 1), neurons),
                "layer": layer,
                "neuron": np.tile(np.arange(1, neurons + 1), patterns),
                "t_spike_s": times.ravel(),
            }
        )
        frames.append(frame[frame["t_spike_s"].notna()])
    table = pd.concat(frames, ignore_index=True)
    table["t_spike_s"] = table["t_spike_s"].where(np.isfinite(table["t_spike_s"]))
    table = table.sort_values(["pattern", "layer", "neuron"], kind="stable")
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.15g")


def read_spikes(path: Path, sizes: Sequence[int], t_phase_s: float) -> Measured:
    """Read a table of a network with these layer sizes. Raises DataError, naming the file, for one
    that cannot be of this network, is in another unit, or does not say what was shown."""
    table = _table(path)
    _check_places(path, table, sizes)
    _check_unit(path, table, t_phase_s)
    names = sorted(int(p) for p in table["pattern"].unique())
    rows = {name: k for k, name in enumerate(names)}
    arrays = [np.full((len(names), width), np.nan) for width in sizes]
    at = table["pattern"].map(rows).to_numpy()
    times = table["t_spike_s"].to_numpy(dtype=float) / t_phase_s
    times = np.where(np.isnan(times) | (times >= 1.0), np.inf, times)
    layer, neuron = table["layer"].to_numpy(), table["neuron"].to_numpy()
    for number, array in enumerate(arrays):
        own = layer == number
        array[at[own], neuron[own] - 1] = times[own]
    missing = np.isnan(arrays[0])
    if missing.any():
        pattern, source = (int(k) for k in np.argwhere(missing)[0])
        raise DataError(
            f"{path}: pattern {names[pattern]} does not say when input {source + 1} spiked",
            remedy="give a row with layer 0 for every input; leave t_spike_s empty for one that "
            "did not spike",
        )
    if not np.isfinite(arrays[-1]).any():
        raise DataError(
            f"{path} has no spike of the output layer ({len(sizes) - 1})",
            remedy="measure at least the outputs",
        )
    observed = Observed(arrays[0], tuple(arrays[1:]))
    return Measured(observed, tuple(names), tuple(_doubts(observed, names)))


def _table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such table of spike times") from None
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise DataError(
            f"{path} has no column {missing[0]}; it has {', '.join(map(str, table.columns))[:200]}",
            remedy=f"the columns are {', '.join(COLUMNS)}",
        )
    for name in COLUMNS:
        numbers = pd.to_numeric(table[name], errors="coerce")
        bad = numbers.isna() & (table[name].notna() if name == "t_spike_s" else True)
        if name != "t_spike_s":
            bad |= numbers != numbers.round()
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise DataError(
                f"{path}, row {row + 1}: {name} is {str(table[name].iloc[row])[:40]!r}, "
                f"{'no time in s' if name == 't_spike_s' else 'no whole number'}"
            )
        table[name] = numbers if name == "t_spike_s" else numbers.astype(int)
    if table.empty:
        raise DataError(f"{path} has no rows", remedy="measure some patterns")
    return table


def _check_places(path: Path, table: pd.DataFrame, sizes: Sequence[int]) -> None:
    layers, neurons = table["layer"].to_numpy(), table["neuron"].to_numpy()
    widths = np.array([*sizes])
    known = (layers >= 0) & (layers < len(sizes))
    inside = known & (neurons >= 1) & (neurons <= widths[np.clip(layers, 0, len(sizes) - 1)])
    if not inside.all():
        row = int(np.flatnonzero(~inside)[0])
        raise DataError(
            f"{path}, row {row + 1}: layer {layers[row]} has no neuron {neurons[row]} in a network "
            f"{'-'.join(map(str, sizes))}; these are spike times of another network",
            remedy="give those of a chip of this design",
        )
    double = table.duplicated(["pattern", "layer", "neuron"])
    if double.any():
        row = int(np.flatnonzero(double)[0])
        pattern = int(table["pattern"].iloc[row])
        raise DataError(
            f"{path}, row {row + 1}: pattern {pattern} has layer {layers[row]}, neuron "
            f"{neurons[row]} twice",
            remedy="number patterns that were shown again apart",
        )
    short = [k for k in range(len(sizes)) if not (layers == k).any()]
    if 0 in short or len(sizes) - 1 in short:
        what = "inputs (layer 0)" if 0 in short else f"outputs (layer {len(sizes) - 1})"
        raise DataError(f"{path} has no {what}", remedy="give them with the same patterns")
    for k, width in enumerate(sizes):
        if k not in short and neurons[layers == k].max() < width:
            most = int(neurons[layers == k].max())
            if k in (0, len(sizes) - 1):
                raise DataError(
                    f"{path}: layer {k} has neurons up to {most}, the network {width}; these are "
                    "spike times of another network, or not of all neurons",
                    remedy="give those of a chip of this design",
                )


def _check_unit(path: Path, table: pd.DataFrame, t_phase_s: float) -> None:
    times = table["t_spike_s"].dropna().to_numpy(dtype=float)
    if not len(times):
        raise DataError(f"{path} has no spike at all")
    largest, middle = float(np.abs(times).max()), float(np.median(np.abs(times)))
    if middle > 2 * t_phase_s or middle < 0.01 * t_phase_s or largest > 100 * t_phase_s:
        raise DataError(
            f"{path}: t_spike_s is {middle:.3g} in the middle and {largest:.3g} at most, in a "
            f"phase of {t_phase_s:g} s: the unit is another one",
            remedy="give times in s",
        )
    if times.min() < -0.05 * t_phase_s:
        raise DataError(
            f"{path}: a spike comes {-times.min():.3g} s before its phase",
            remedy="count t_spike_s from the start of the phase in which the neuron fires",
        )


def _doubts(observed: Observed, names: Sequence[int]) -> list[str]:
    doubts = []
    for number, times in enumerate(observed.layers, start=1):
        missing = np.isnan(times)
        if missing.all():
            doubts.append(f"layer {number} was not measured; it is found through the outputs")
        elif missing.any():
            patterns = sorted({names[int(k)] for k in np.flatnonzero(missing.any(axis=1))})
            shown = ", ".join(map(str, patterns[:_SHOWN])) + ", ..." * (len(patterns) > _SHOWN)
            doubts.append(
                f"layer {number}: {int(missing.sum())} spike times are missing (patterns {shown})"
            )
    return doubts
