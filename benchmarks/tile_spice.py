"""The tile model against ngspice transients of whole columns.

    python -m benchmarks.tile_spice

Ideal switches, columns of 32 to 512 rows, without and with 0.5 fF of line capacitance per cell; and
sky130 access transistors, on reads that the fit has not seen: nominal parameters; on-resistance
fitted; the same with the switches' charge taken out by measurement, once as each column's offset in
the known reads, once by subtracting a read of the same pulses at 0 V; and everything fitted, which
is what `fit` does. Errors in % of the rms charge. Prints JSON; exits with 1 when a claim does not
hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.tile_accuracy import draw
from codesign.bench.tile import ReadTiming, TileReads, simulate_reads
from codesign.cells.tile_column import TileColumnParameters
from codesign.cells.transistor import nmos
from codesign.characterize.tile.fit import fit_reads, model_charge
from codesign.pdk import Conditions, Process, default_process
from codesign.tile import TileParameters

SIZES = (32, 64, 128, 256, 512)
R_OHM = 1.0
C_LINE_F = 0.5e-15
# Errors that are claimed to be small.
FITTED_WITHIN = (
    "on_resistance_and_column_offset", "on_resistance_less_read_at_0_V", "all_fitted",
)  # fmt: skip
CLAIM_IDEAL, CLAIM_FITTED_PERCENT = 1e-4, 0.5


def make(rows: int, cols: int, windows: int, seed: int, cells: TileColumnParameters) -> TileReads:
    """Random reads of a random tile; `seed` of the pulses, the tile is always the same."""
    _, plus, minus = draw(rows, cols, 1)
    x, _, _ = draw(rows, cols, windows, seed)
    slots = torch.round(127 * x).numpy().astype(int)
    return TileReads(cells, plus.numpy(), minus.numpy(), slots, ReadTiming(), Conditions())


def at_zero_volts(reads: TileReads) -> TileReads:
    """The same pulses with the source lines at 0 V: what the switches alone leave."""
    return replace(reads, timing=replace(reads.timing, v_read_V=0.0))


def relative(found: np.ndarray, want: np.ndarray) -> float:
    """rms difference as a share of the rms of `want`."""
    return float(np.sqrt(np.mean((found - want) ** 2) / np.mean(want**2)))


def ideal(process: Process) -> list[dict[str, Any]]:
    """Columns with ideal switches, without and with line capacitance."""
    found = []
    for rows in SIZES:
        row: dict[str, Any] = {"rows": rows, "r_line_ohm": R_OHM}
        for name, c_line in (("no_capacitance", 0.0), ("0.5fF_per_cell", C_LINE_F)):
            cells = TileColumnParameters(r_line=R_OHM, c_line=c_line)
            reads = make(rows, 2, 2, 7, cells)
            result = simulate_reads(reads, process, timeout_s=600)
            exact = model_charge(reads, TileParameters(r_line_ohm=R_OHM))
            row[name] = relative(exact, result.charge_C) if result.ok else result.status
        found.append(row)
    return found


def transistors(process: Process) -> list[dict[str, Any]]:
    """Columns with access transistors: fitted on four reads, compared on two others."""
    found = []
    for rows in (32, 64):
        cells = TileColumnParameters(r_line=0.35, access=nmos(1.0, 0.15))
        cols = 3
        known, fresh = make(rows, cols, 4, 7, cells), make(rows, cols, 2, 8, cells)
        charge_C, other_C, silent_C, other_silent_C = (
            simulate_reads(reads, process, timeout_s=900).charge_C
            for reads in (known, fresh, at_zero_volts(known), at_zero_volts(fresh))
        )
        nominal = TileParameters(r_line_ohm=0.35)

        def fitted(
            wanted: np.ndarray, *names: str, known: TileReads = known, start: Any = nominal
        ) -> TileParameters:
            return fit_reads(known, wanted, start, names).apply(start)

        best = fitted(charge_C, "r_access_ohm", "q_switch_C", "c_cell_F")
        alone = fitted(charge_C, "r_access_ohm")
        offset_C, calibrated = np.zeros(cols), alone
        for _ in range(3):
            offset_C = (charge_C - model_charge(known, calibrated)).mean(axis=0)
            calibrated = fitted(charge_C - offset_C, "r_access_ohm")
        subtracted = fitted(charge_C - silent_C, "r_access_ohm")
        errors = {
            "nominal": relative(model_charge(fresh, nominal), other_C),
            "on_resistance_fitted": relative(model_charge(fresh, alone), other_C),
            "on_resistance_and_column_offset": relative(
                model_charge(fresh, calibrated) + offset_C, other_C
            ),
            "on_resistance_less_read_at_0_V": relative(
                model_charge(fresh, subtracted), other_C - other_silent_C
            ),
            "all_fitted": relative(model_charge(fresh, best), other_C),
        }
        # What the on-resistance leaves when only the switches' charge is taken out of the reads.
        injected = model_charge(fresh, best) - model_charge(
            fresh, replace(best, q_switch_C=0.0, c_cell_F=0.0)
        )
        found.append(
            {
                "rows": rows, "access": "nfet_01v8 1/0.15 um",
                "error_percent": {name: 100 * error for name, error in errors.items()},
                "share_of_switch_charge_percent": 100 * float(
                    np.sqrt(np.mean(injected**2) / np.mean(other_C**2))
                ),
                "r_access_ohm": best.r_access_ohm,
                "q_switch_C": best.q_switch_C,
                "c_cell_F": best.c_cell_F,
            }
        )  # fmt: skip
    return found


def main() -> int:
    """Measure, print, and say whether the claims hold."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    process = default_process()
    columns, access = ideal(process), transistors(process)
    claims = {
        "ideal": all(
            isinstance(c["no_capacitance"], float) and c["no_capacitance"] <= CLAIM_IDEAL
            for c in columns
        ),
        "fitted": all(
            a["error_percent"][name] <= CLAIM_FITTED_PERCENT
            for a in access
            for name in FITTED_WITHIN
        ),
    }
    figures = {
        "benchmark": "tile_spice", "ideal_switches": columns, "access_transistors": access,
        "claims": claims, "holds": all(claims.values()),
    }  # fmt: skip
    print(json.dumps(figures, indent=1))
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
