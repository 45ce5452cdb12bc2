"""A picture of every fit over its data: fit/*.png."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from codesign.characterize.column_data import ColumnData, ColumnSetting, column_data
from codesign.characterize.currents import CurrentTable
from codesign.characterize.model import FORMS, FittedModel, LayerModel
from codesign.characterize.shape import synapse_shape
from codesign.files import atomic_path
from codesign.pnn import firing_time, membrane_potential

# Okabe and Ito's palette, readable for the colour-blind.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#777777"
FORM_STYLE = {"linear": (ORANGE, "--"), "extended": (BLUE, "-")}
_SWEEPS = {
    "capacitance": ("v_mem_V", "c_eff_F", 1e15, "effective capacitance, fF"),
    "charge_injection": ("v_mem_V", "q_arriving_C", 1e15, "charge of an arriving spike, fC"),
    "leak": ("v_mem_V", "i_leak_A", 1e12, "leak current, pA"),
    "discharger": ("v_mem_V", "i_discharge_A", 1e9, "discharge current, nA"),
    "sensing_threshold": ("v_mem_V", "v_line_V", 1.0, "spike line, V"),
    "sensing_delay": ("slope_V_per_s", "t_delay_s", 1e9, "sensing delay, ns"),
}


def plot_fits(
    model: FittedModel,
    tables: dict[str, CurrentTable],
    trials: pd.DataFrame,
    inputs: pd.DataFrame,
    setting: ColumnSetting,
    supply_V: float,
    out_dir: Path,
    tables_dir: Path | None = None,
) -> list[Path]:
    """Write the pictures; returns their paths."""
    figures = {"synapse_current": _synapse_current(model, tables), "bias": _bias(model)}
    for layer in model.layers:
        data = column_data(trials, inputs, tables, layer.layer, setting, supply_V)
        figures[f"firing_layer_{layer.layer}"] = _firing(layer, data, setting)
    sweeps = _sweeps(tables_dir) if tables_dir is not None else None
    if sweeps is not None:
        figures["sweeps"] = sweeps
    return [save(figure, out_dir / f"{name}.png") for name, figure in figures.items()]


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return path


def new_figure(width: float, height: float) -> Figure:
    """A figure without global state, laid out so that labels do not overlap."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, x: str, y: str, title: str | None = None) -> None:
    """Axis labels, a light grid, no box."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title, loc="left", fontsize=10)


def _synapse_current(model: FittedModel, tables: dict[str, CurrentTable]) -> Figure:
    figure = new_figure(9, 3.8)
    scale = model.current_scale_A(1)
    for axes, (polarity, table) in zip(figure.subplots(1, 2), tables.items(), strict=True):
        curve = table.at(model.v0_V)
        v_mem = table.v_mem_V[(table.v_mem_V > 0.4) & (table.v_mem_V < 1.62)]
        v = (model.v0_V - v_mem) / model.v_th_V
        for current in (1e-8, 3e-8, 6e-8, 1e-7, 1.4e-7):
            bias = float(curve.bias(np.array([current]))[0])
            data = table.current(np.full(len(v_mem), bias), v_mem)
            axes.plot(v_mem, data * 1e9, "o", color=GREY, markersize=3.5)
            for form in FORMS:
                shape = synapse_shape(model.layers[0].forms[form], polarity, current / scale, v)
                colour, line = FORM_STYLE[form]
                axes.plot(v_mem, current * shape * 1e9, line, color=colour, linewidth=1.3)
        for form in FORMS:
            colour, line = FORM_STYLE[form]
            axes.plot([], [], line, color=colour, label=form)
        axes.plot([], [], "o", color=GREY, markersize=3.5, label="SPICE")
        axes.set_ylim(bottom=0)
        tidy(axes, "membrane, V", "current, nA", f"{polarity.upper()} pair")
        axes.legend(frameon=False, fontsize=8)
    return figure


def _bias(model: FittedModel) -> Figure:
    figure = new_figure(5.5, 3.8)
    axes = figure.subplots()
    for (polarity, curve), colour in zip(model.currents.items(), (BLUE, RED), strict=True):
        fine = np.linspace(curve.bias_V[0], curve.bias_V[-1], 400)
        axes.semilogy(fine, curve.current(fine), color=colour, linewidth=1.2)
        axes.semilogy(
            curve.bias_V, curve.i0_A, "o", color=colour, markersize=3, label=f"{polarity.upper()}"
        )
    axes.axhspan(*model.validity.i_synapse_A, color=GREY, alpha=0.15, label="calibrated range")
    tidy(axes, "gate bias, V", f"current at {model.v0_V:g} V, A")
    axes.legend(frameon=False, fontsize=8)
    return figure


def _firing(layer: LayerModel, data: ColumnData, setting: ColumnSetting) -> Figure:
    figure = new_figure(10, 3.8)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.2, 1.2, 0.9))
    bins = np.linspace(-4, 4, 41)
    for form in FORMS:
        fitted = layer.forms[form]
        colour, line = FORM_STYLE[form]
        weight = data.i0_A * setting.t_phase_s / (fitted.c_eff_F * setting.v_th_V)
        offset = np.zeros(1)
        if fitted.c_relative:
            weight = weight / np.array(fitted.c_relative)[data.column_neuron][:, None]
            offset = np.array(fitted.pnn.firing_offset)[data.neuron]
        law = replace(fitted.pnn, firing_offset=0.0)
        with torch.no_grad():
            v = membrane_potential(
                torch.tensor(data.t_samples), torch.tensor(weight), law, method="exact"
            ).numpy()[data.sample, data.column] + offset
            t = firing_time(torch.tensor(v), law, clip=False).numpy()
            fine = np.linspace(v.min(), v.max(), 200)
            curve = firing_time(torch.tensor(fine), law, clip=False).numpy()
        unit = setting.t_phase_s * 1e9
        error = (t - data.t_fire) * unit
        if form == "extended":
            left.plot(v, data.t_fire * unit, "o", color=GREY, markersize=3, label="SPICE")
            left.plot(fine, curve * unit, line, color=colour, label="fitted curve")
        middle.plot(data.t_fire * unit, error, "o", color=colour, markersize=3, label=form)
        right.hist(
            np.clip(error, bins[0], bins[-1]), bins=bins, color=colour, alpha=0.65,
            label=f"{form}: {fitted.residual_ns:.2f} ns rms",
        )  # fmt: skip
    tidy(left, "model's v at the end of accumulation", "firing time, ns", f"layer {layer.layer}")
    tidy(middle, "firing time, ns", "model - SPICE, ns")
    tidy(right, "model - SPICE, ns", "trials")
    for axes in (left, middle, right):
        axes.legend(frameon=False, fontsize=8)
    return figure


def _sweeps(tables_dir: Path) -> Figure | None:
    """The single-quantity sweeps that are there; good rows only."""
    found = []
    for name, (x, y, factor, label) in _SWEEPS.items():
        path = tables_dir / f"{name}.parquet"
        if not path.exists():
            continue
        table = pd.read_parquet(path)
        if {x, y, "status"} <= set(table.columns):
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
    return figure
