"""What the single-quantity sweeps measured directly, and whether the model can describe it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codesign.bench import Setup
from codesign.characterize.model import Estimate
from codesign.characterize.tables import read_table
from codesign.errors import DataError

_WANTED = {
    "capacitance": {"c_eff_F": "F"},
    "leak": {"leak_per_s": "1/s"},
    "charge_injection": {"q_arriving_C": "C", "q_falling_C": "C"},
    "sensing_threshold": {"v_threshold_V": "V"},
    "sensing_delay": {"t_delay_s": "s"},
}
# A membrane that loses this share of itself within a phase by leakage holds no sum.
_MOST_LEAK = 0.3


def characterised(tables_dir: Path) -> dict[str, Estimate]:
    """Means and standard errors of what the single-quantity sweeps measured."""
    found = {}
    for sweep, columns in _WANTED.items():
        path = tables_dir / f"{sweep}.parquet"
        if not path.exists():
            continue
        table = read_table(path)
        for column, unit in columns.items():
            if column not in table:
                continue
            values = table.loc[table["status"] == "ok", column].dropna().to_numpy(float)
            if len(values):
                error = (
                    float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
                )
                found[f"{sweep}.{column}"] = Estimate(float(values.mean()), error, unit)
    return found


def check_leak(tables_dir: Path, setup: Setup) -> None:
    """Raises DataError where the membrane leaks away within a phase."""
    path = tables_dir / "leak.parquet"
    if not path.exists():
        return
    table = read_table(path, ("status", "leak_per_s"))
    rates = table.loc[table["status"] == "ok", "leak_per_s"].dropna().abs().to_numpy(float)
    if len(rates) and (share := float(np.median(rates)) * setup.timing.t_phase) > _MOST_LEAK:
        raise DataError(
            f"the membrane loses {share:.0%} of its voltage within a phase with all synapses off: "
            "it holds no weighted sum",
            remedy="check the knobs' off values and the neuron's controls, enlarge the membrane's "
            "capacitance, or shorten timing.t_phase",
        )
