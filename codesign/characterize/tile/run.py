"""Runs a tile's reads in ngspice, a column per job, and keeps them as a table."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from codesign.bench.tile import ReadResult, TileReads, simulate_reads
from codesign.characterize.tables import frame_of
from codesign.errors import DataError, SimulationError
from codesign.pdk import Process
from codesign.progress import ProgressCallback, silent
from codesign.spice import Cache, Workers, run_jobs

COLUMNS = ("read", "column", "charge_C", "energy_J", "status", "duration_s")
# Per row and read; a 64-row column of transistors takes 0.02 s per row and read.
_TIMEOUT_S, _TIMEOUT_S_PER_ROW = 60.0, 1.0
_LADDER_ATTEMPTS = 3


def run_reads(
    reads: TileReads,
    process: Process,
    *,
    workers: Workers = None,
    cache_dir: Path | None = None,
    progress: ProgressCallback = silent,
    label: str = "tile reads",
) -> pd.DataFrame:
    """One row per read and column (from 1): charge_C, energy_J of its read rails, status, and the
    simulation's seconds shared by its reads.

    Columns share nothing but ideal sources, so each is a simulation of its own. A failed one gives
    rows with a status. Raises SimulationError when none succeeds.
    """
    windows, cols = len(reads.slots_on), reads.g_plus.shape[1]
    parts = [_column(reads, col) for col in range(cols)]
    timeout_s = _TIMEOUT_S + _TIMEOUT_S_PER_ROW * reads.g_plus.shape[0] * windows
    factory = functools.partial(_worker, process, cache_dir, timeout_s)
    found: dict[int, ReadResult] = {}
    message = ""
    for outcome in run_jobs(
        parts, factory, workers=workers, timeout_s=_LADDER_ATTEMPTS * timeout_s + 30
    ):
        result = outcome.value
        if result is None:
            empty = np.full((windows, 1), np.nan)
            result = ReadResult(
                empty, empty[:, 0], outcome.status.value, outcome.duration_s, outcome.message
            )
        found[outcome.index] = result
        message = message or result.log_tail
        progress(len(found), cols, label)
    rows = [
        {
            "read": window + 1,
            "column": col + 1,
            "charge_C": float(found[col].charge_C[window, 0]),
            "energy_J": float(found[col].energy_J[window]),
            "status": found[col].status,
            "duration_s": found[col].duration_s / windows,
        }
        for col in range(cols)
        for window in range(windows)
    ]
    if not any(result.ok for result in found.values()):
        raise SimulationError(
            "every read of the tile failed: " + message.replace("\n", "\n  "),
            remedy="check `codesign doctor` and the sizes of the access transistors",
        )
    return frame_of(rows)


def charges(table: pd.DataFrame, reads: int, columns: int) -> np.ndarray:
    """Charges (reads, columns) in C of a table; nan where a simulation failed."""
    if len(table) != reads * columns:
        raise DataError(
            f"the table of reads has {len(table)} rows, the design {reads * columns}",
            remedy="run `codesign simulate` again",
        )
    wide = table.pivot(index="read", columns="column", values="charge_C")
    return np.asarray(wide.to_numpy(dtype=float))


def _column(reads: TileReads, col: int) -> TileReads:
    part = slice(col, col + 1)
    return replace(reads, g_plus=reads.g_plus[:, part], g_minus=reads.g_minus[:, part])


def _worker(process: Process, cache_dir: Path | None, timeout_s: float) -> functools.partial:
    return functools.partial(_run, process, cache_dir, timeout_s)


def _run(
    process: Process, cache_dir: Path | None, timeout_s: float, reads: TileReads
) -> ReadResult:
    cache = Cache(cache_dir) if cache_dir is not None else None
    return simulate_reads(reads, process, timeout_s=timeout_s, cache=cache)
