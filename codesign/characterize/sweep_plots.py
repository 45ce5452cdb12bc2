"""Pictures of what the sweeps measured, before anything is fitted: fit/sweeps.png, currents.png."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from codesign.cells.knobs import Knob
from codesign.characterize.currents import knob_column
from codesign.errors import DataError
from codesign.figures import BLUE, RED, new_figure, save, tidy

_SWEEPS = {
    "capacitance": ("v_mem_V", "c_eff_F", 1e15, "effective capacitance, fF"),
    "charge_injection": ("v_mem_V", "q_arriving_C", 1e15, "charge of an arriving spike, fC"),
    "leak": ("v_mem_V", "i_leak_A", 1e12, "leak current, pA"),
    "discharger": ("v_mem_V", "i_discharge_A", 1e9, "discharge current, nA"),
    "sensing_threshold": ("v_mem_V", "v_line_V", 1.0, "spike line, V"),
    "sensing_delay": ("slope_V_per_s", "t_delay_s", 1e9, "sensing delay, ns"),
}
_MOST_CURVES = 9
PICTURES = ("currents.png", "sweeps.png")


def plot_sweeps(tables_dir: Path, out_dir: Path) -> Path | None:
    """The single-quantity sweeps that are there, good rows only; None when there is none."""
    found = []
    for name, (x, y, factor, label) in _SWEEPS.items():
        path = tables_dir / f"{name}.parquet"
        if not path.exists():
            continue
        table = pd.read_parquet(path)
        if {x, y, "status"} <= set(table.columns) and len(table):
            found.append((name, table[table["status"] == "ok"], x, y, factor, label))
    if not found:
        return None
    columns = 3
    rows = -(-len(found) // columns)
    figure = new_figure(10, 2.9 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, table, x, y, factor, label) in zip(grid, found, strict=False):
        axes.plot(table[x], table[y] * factor, ".", color=BLUE, markersize=4)
        across = {"v_mem_V": "membrane, V", "slope_V_per_s": "slope, V/s"}[x]
        tidy(axes, across, label, name.replace("_", " "))
    for axes in grid[len(found) :]:
        axes.set_axis_off()
    return save(figure, out_dir / "sweeps.png")


def plot_measured(tables_dir: Path, knobs: dict[str, Knob], v0_V: float, out_dir: Path) -> None:
    """currents.png and sweeps.png in `out_dir`, of the tables that are there."""
    table = tables_dir / "synapse_current.parquet"
    if table.is_file():
        plot_currents(pd.read_parquet(table), knobs, v0_V, out_dir / "currents.png")
    plot_sweeps(tables_dir, out_dir)


def with_plots(error: DataError, out_dir: Path) -> DataError:
    """The error with the pictures of `plot_measured` named in its remedy."""
    there = [out_dir / name for name in PICTURES if (out_dir / name).is_file()]
    pictures = f"; what was measured is in {' and '.join(map(str, there))}" if there else ""
    return DataError(error.message, remedy=(error.remedy or "look at the tables") + pictures)


def plot_currents(table: pd.DataFrame, knobs: dict[str, Knob], v0_V: float, path: Path) -> Path:
    """Synapse current over the membrane for some knob values, and over the knob at the reset
    voltage: as measured, whatever it looks like."""
    figure = new_figure(9, 3.4 * len(knobs))
    grid = figure.subplots(len(knobs), 2, squeeze=False)
    for (left, right), (polarity, knob), colour in zip(
        grid, knobs.items(), (BLUE, RED), strict=False
    ):
        rows = table[(table["polarity"] == polarity) & (table["status"] == "ok")]
        column = knob_column(knob)
        values = np.sort(rows[column].unique())
        for value in values[:: max(len(values) // _MOST_CURVES, 1)]:
            one = rows[rows[column] == value].sort_values("v_mem_V")
            left.plot(one["v_mem_V"], one["i_synapse_A"] * 1e9, color=colour, linewidth=0.9)
        left.axvline(v0_V, color="#777777", linewidth=0.7)
        _over_knob(right, rows, column, knob, v0_V, colour)
        tidy(left, "membrane, V", "current, nA", f"{polarity.upper()}: over the membrane")
        label = "bias, V" if knob.is_bias else f"{knob.name} {knob.unit}".strip()
        tidy(right, label, "current at reset, A", f"{polarity.upper()}: over the knob")
    return save(figure, path)


def _over_knob(
    axes: Axes, rows: pd.DataFrame, column: str, knob: Knob, v0_V: float, colour: str
) -> None:
    if rows.empty:
        return
    nearest = rows["v_mem_V"].iloc[(rows["v_mem_V"] - v0_V).abs().argmin()]
    one = rows[rows["v_mem_V"] == nearest].sort_values(column)
    draw = axes.semilogy if knob.is_bias else axes.loglog
    draw(one[column], one["i_synapse_A"].abs().clip(lower=1e-18), "o-", color=colour, markersize=3)

