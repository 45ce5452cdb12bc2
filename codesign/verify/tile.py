"""A tile's model against ngspice, MVM by MVM: the figures of verify/metrics.json, and a picture."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from codesign.bench.tile import TileReads
from codesign.characterize.tile.fit import TileFit, model_charge
from codesign.errors import CheckFailed
from codesign.files import atomic_path, write_atomic
from codesign.tile import TileParameters, tile_charge
from codesign.verify.metrics import SCHEMA_VERSION

_TIMED_BATCH = 64


@dataclass(frozen=True)
class TileVerification:
    """Charges (reads, columns) in C of SPICE and of the fitted model, and the figures."""

    spice_C: np.ndarray
    model_C: np.ndarray
    table: pd.DataFrame
    metrics: dict[str, Any]


def verify_reads(
    name: str, view: str, reads: TileReads, table: pd.DataFrame, spice_C: np.ndarray,
    nominal: TileParameters, fit: TileFit,
) -> TileVerification:  # fmt: skip
    """Compare reads that the fit has not seen. Errors in % of the rms charge in SPICE.

    `mvm_*` are of the fast model with the fitted parameters; `speedup` is seconds of ngspice over
    seconds of the model (batch 64, one thread) per MVM of one column.
    """
    fitted = fit.apply(nominal)
    fast = model_charge(reads, fitted, "fast")
    known = np.isfinite(spice_C)
    rms = float(np.sqrt(np.mean(spice_C[known] ** 2))) if known.any() else float("nan")

    def errors(model_C: np.ndarray) -> np.ndarray:
        return np.asarray(100 * (model_C - spice_C)[known] / rms)

    def percent(model_C: np.ndarray) -> float | None:
        return float(np.sqrt(np.mean(errors(model_C) ** 2))) if known.any() else None

    spice_s = float(table["duration_s"].mean())
    model_s = _seconds_per_column(reads, fitted)
    metrics = {
        "schema_version": SCHEMA_VERSION,
        "design": name,
        "kind": "tile",
        "views": {
            view: {
                "corner": reads.conditions.corner.value,
                "temperature_C": reads.conditions.temperature_C,
                "rows": int(reads.g_plus.shape[0]),
                "columns": int(reads.g_plus.shape[1]),
                "reads": len(reads.slots_on),
                "t_window_s": reads.timing.t_window_s,
                "mvm_rms_error_percent": percent(fast),
                "mvm_max_error_percent": (
                    float(np.abs(errors(fast)).max()) if known.any() else None
                ),
                "mvm_rms_error_exact_percent": percent(model_charge(reads, fitted)),
                "mvm_rms_error_nominal_percent": percent(model_charge(reads, nominal)),
                "speedup": spice_s / model_s,
                "spice_s_per_column": spice_s,
                "model_s_per_column": model_s,
                "energy_per_mvm_J": _energy(table),
                "failed_simulations": int((table["status"] != "ok").sum()),
            }
        },
    }
    joined = table.assign(charge_model_C=fast.T.reshape(-1))
    return TileVerification(spice_C, fast, joined, metrics)


def check_tile_error(metrics: dict[str, Any], view: str, limit_percent: float | None) -> None:
    """Raises CheckFailed when a simulation failed or the rms error is above the limit."""
    if limit_percent is None:
        return
    figures = metrics["views"][view]
    found, failed = figures["mvm_rms_error_percent"], figures["failed_simulations"]
    if failed or found is None:
        raise CheckFailed(
            f"{failed} reads failed, so their error is not that of all",
            remedy="look at status in verify/reads.parquet, and verify again",
        )
    # Written so that NaN fails.
    if not found <= limit_percent:
        raise CheckFailed(
            f"the tile model's error is {found:.3g} % rms, more than {limit_percent:g} % allowed"
        )


def write_tile_verification(verification: TileVerification, run_dir: Path) -> None:
    """Write verify/reads.parquet, verify/metrics.json and verify/charges.png."""
    folder = run_dir / "verify"
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "reads.parquet") as temporary:
        verification.table.to_parquet(temporary, index=False)
    text = json.dumps(verification.metrics, indent=1, allow_nan=False) + "\n"
    write_atomic(folder / "metrics.json", text)
    plot_charges(verification.spice_C, verification.model_C, folder / "charges.png")


def plot_charges(spice_C: np.ndarray, model_C: np.ndarray, path: Path) -> Path:
    """Model over SPICE, and the histogram of their differences."""
    from codesign.figures import BLUE, GREY, new_figure, save, tidy

    figure = new_figure(8.4, 3.6)
    left, right = figure.subplots(1, 2)
    known = np.isfinite(spice_C)
    spice_fC, model_fC = 1e15 * spice_C[known], 1e15 * model_C[known]
    left.plot(spice_fC, model_fC, "o", color=BLUE, markersize=3)
    ends = [min(spice_fC.min(), model_fC.min()), max(spice_fC.max(), model_fC.max())]
    left.plot(ends, ends, color=GREY, linewidth=0.8)
    tidy(left, "charge in SPICE, fC", "charge in the model, fC")
    right.hist(model_fC - spice_fC, 30, color=BLUE)
    tidy(right, "model - SPICE, fC", "columns and reads")
    return save(figure, path)


def _seconds_per_column(reads: TileReads, params: TileParameters) -> float:
    """Median of five runs of the fast model, per MVM of one column."""
    generator = torch.Generator().manual_seed(1)
    pulse = torch.rand(_TIMED_BATCH, reads.g_plus.shape[0], generator=generator) * 2 - 1
    g_plus = torch.tensor(reads.g_plus, dtype=torch.float32)
    g_minus = torch.tensor(reads.g_minus, dtype=torch.float32)
    spent = []
    with torch.no_grad():
        tile_charge(pulse, g_plus, g_minus, params)
        for _ in range(5):
            start = time.perf_counter()
            tile_charge(pulse, g_plus, g_minus, params)
            spent.append(time.perf_counter() - start)
    return sorted(spent)[2] / _TIMED_BATCH / g_plus.shape[1]


def _energy(table: pd.DataFrame) -> float | None:
    """Energy of the read rails per MVM of the whole tile."""
    complete = table[table["status"] == "ok"]
    if complete.empty:
        return None
    return float(complete.groupby("read")["energy_J"].sum().mean())
