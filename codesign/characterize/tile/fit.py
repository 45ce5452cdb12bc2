"""Effective parameters of a tile from its reads in ngspice: fit/model.json of a tile design.

Least squares of the exact ladder over the reads: line resistance per cell, on-resistance of the
access transistor, integrator's input resistance, and what a switch leaves in the integrator.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares

from codesign.bench.tile import TileReads
from codesign.errors import DataError, InputError
from codesign.files import write_atomic
from codesign.tile import TileParameters, tile_charge

SCHEMA_VERSION = 1
# Name in TileParameters: (unit, size of a typical value, lower bound).
FITTED = {
    "r_line_ohm": ("ohm", 0.3, 0.0),
    "r_access_ohm": ("ohm", 1e3, 0.0),
    "r_integrator_ohm": ("ohm", 10.0, 0.0),
    "q_switch_C": ("C", 1e-16, -np.inf),
    "c_cell_F": ("F", 1e-15, -np.inf),
}


@dataclass(frozen=True)
class TileEstimate:
    """A fitted value in `unit` with its standard error."""

    value: float
    standard_error: float
    unit: str


@dataclass(frozen=True)
class TileFit:
    """What was fitted and how well; errors are in % of the rms charge in SPICE.

    nominal_percent: of the design's own parameters; access_only_percent: with the on-resistance
    alone fitted; residual_percent: of all fitted parameters, on the reads they were fitted to.
    """

    parameters: dict[str, TileEstimate]
    nominal_percent: float
    access_only_percent: float
    residual_percent: float
    reads: int

    def apply(self, params: TileParameters) -> TileParameters:
        """The tile's parameters with the fitted values."""
        given: dict[str, Any] = {name: e.value for name, e in self.parameters.items()}
        return replace(params, **given)

    def summary(self) -> dict[str, Any]:
        """Figures for the manifest and the command line."""
        values = {name: e.value for name, e in self.parameters.items()}
        return {**values, "residual_percent": self.residual_percent}

    def write(self, path: Path) -> None:
        content = {"schema_version": SCHEMA_VERSION, "kind": "tile", **asdict(self)}
        write_atomic(path, json.dumps(content, indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> TileFit:
        """Raises DataError when the file is missing, damaged or of another kind."""
        remedy = "run `codesign fit` again; it writes this file"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("kind") != "tile" or content.pop("schema_version") != SCHEMA_VERSION:
                raise ValueError("it is no fitted tile of this version")
            estimates = {n: TileEstimate(**e) for n, e in content.pop("parameters").items()}
            unknown = set(estimates) - set(FITTED)
            if unknown:
                raise ValueError(f"unknown parameters {sorted(unknown)}")
            return cls(estimates, **content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path} is no fitted tile: {error}", remedy=remedy) from error


def model_charge(reads: TileReads, params: TileParameters, method: str = "exact") -> np.ndarray:
    """The model's charges (windows, cols) in C of simulated reads."""
    pulse = torch.tensor(reads.slots_on / reads.timing.slots, dtype=torch.float64)
    g_plus, g_minus = torch.tensor(reads.g_plus), torch.tensor(reads.g_minus)
    with torch.no_grad():
        return tile_charge(pulse, g_plus, g_minus, params, method).numpy()  # type: ignore[arg-type]


def fit_reads(
    reads: TileReads, charge_C: np.ndarray, params: TileParameters, names: Sequence[str] = ()
) -> TileFit:
    """Fit `names` (all of FITTED when none are given) to charges (windows, cols) from SPICE.

    With ideal switches there is no transistor to fit: leave its parameters out of `names`. Raises
    InputError when there are fewer charges than parameters.
    """
    names = tuple(names) or tuple(FITTED)
    known = np.isfinite(charge_C)
    if known.sum() <= len(names):
        raise InputError(
            f"{int(known.sum())} charges cannot determine {len(names)} parameters",
            remedy="simulate more reads, and look at their status",
        )
    rms = float(np.sqrt(np.mean(charge_C[known] ** 2)))

    def error(chosen: Sequence[str], values: np.ndarray) -> np.ndarray:
        given: dict[str, Any] = {
            n: float(v * FITTED[n][1]) for n, v in zip(chosen, values, strict=True)
        }
        return np.asarray((model_charge(reads, replace(params, **given)) - charge_C)[known] / rms)

    def solve(chosen: Sequence[str]) -> Any:
        start = [max(getattr(params, n), FITTED[n][1] * 0.5) / FITTED[n][1] for n in chosen]
        low = [FITTED[n][2] for n in chosen]
        return least_squares(lambda v: error(chosen, v), start, bounds=(low, np.inf))

    def percent(residual: np.ndarray) -> float:
        return float(100 * np.sqrt(np.mean(residual**2)))

    nominal = percent(error((), np.array([])))
    alone = percent(solve(("r_access_ohm",)).fun) if "r_access_ohm" in names else nominal
    best = solve(names)
    spread = _standard_errors(best.jac, best.fun)
    estimates = {
        name: TileEstimate(float(v * FITTED[name][1]), float(e * FITTED[name][1]), FITTED[name][0])
        for name, v, e in zip(names, best.x, spread, strict=True)
    }
    return TileFit(estimates, nominal, alone, percent(best.fun), int(known.sum()))


def _standard_errors(jacobian: np.ndarray, residual: np.ndarray) -> np.ndarray:
    freedom = max(len(residual) - jacobian.shape[1], 1)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * float(residual @ residual) / freedom
    return np.sqrt(np.diag(covariance))
