"""A picture of every fit over its data: fit/*.png."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from codesign.characterize.column_data import ColumnData, ColumnSetting, column_data
from codesign.characterize.column_model import trial_membranes
from codesign.characterize.currents import CurrentTable
from codesign.characterize.model import FORMS, FittedModel, LayerModel
from codesign.characterize.shape import synapse_shape
from codesign.figures import BLUE, GREY, ORANGE, RED, new_figure, save, tidy
from codesign.pnn import firing_time

FORM_STYLE = {"linear": (ORANGE, "--"), "extended": (BLUE, "-")}
# Weights whose currents are drawn over the membrane.
_SHOWN_WEIGHTS = (0.08, 0.23, 0.46, 0.77, 1.08)


def plot_fits(
    model: FittedModel,
    tables: dict[str, CurrentTable],
    trials: pd.DataFrame,
    inputs: pd.DataFrame,
    setting: ColumnSetting,
    out_dir: Path,
) -> list[Path]:
    """Write the pictures; returns their paths."""
    figures = {"synapse_current": _synapse_current(model, tables), "bias": _bias(model)}
    for layer in model.layers:
        data = column_data(trials, inputs, tables, layer.layer, setting)
        figures[f"firing_layer_{layer.layer}"] = _firing(layer, data, setting)
    return [save(figure, out_dir / f"{name}.png") for name, figure in figures.items()]


def _synapse_current(model: FittedModel, tables: dict[str, CurrentTable]) -> Figure:
    figure = new_figure(9, 3.8)
    scale = model.current_scale_A(1)
    grid = figure.subplots(1, len(tables), squeeze=False)[0]
    for axes, (polarity, table) in zip(grid, tables.items(), strict=True):
        curve = table.at(model.v0_V, model.supply_V)
        low, high = model.v0_V - 1.03 * model.v_th_V, model.v0_V + 0.32
        v_mem = table.v_mem_V[(table.v_mem_V > low) & (table.v_mem_V < high)]
        v = (model.v0_V - v_mem) / model.v_th_V
        for weight in _SHOWN_WEIGHTS:
            current = weight * scale
            if not min(curve.i0_A) <= current <= max(curve.i0_A):
                continue
            value = float(curve.value(np.array([current]))[0])
            data = table.current(np.full(len(v_mem), value), v_mem)
            axes.plot(v_mem, data * 1e9, "o", color=GREY, markersize=3.5)
            for form in FORMS:
                shape = synapse_shape(model.layers[0].forms[form], polarity, weight, v)
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
    for (polarity, curve), colour in zip(model.currents.items(), (BLUE, RED), strict=False):
        spaced = np.linspace if curve.is_bias else np.geomspace
        fine = spaced(curve.values[0], curve.values[-1], 400)[1:-1]
        draw = axes.semilogy if curve.is_bias else axes.loglog
        draw(fine, curve.current(fine), color=colour, linewidth=1.2)
        draw(
            curve.values, curve.i0_A, "o", color=colour, markersize=3, label=f"{polarity.upper()}"
        )
    axes.axhspan(*model.validity.i_synapse_A, color=GREY, alpha=0.15, label="calibrated range")
    unit = next(iter(model.currents.values())).unit
    label = "gate bias, V" if unit == "V" else f"knob{f', {unit}' if unit else ''}"
    tidy(axes, label, f"current at {model.v0_V:g} V, A")
    axes.legend(frameon=False, fontsize=8)
    return figure


def _firing(layer: LayerModel, data: ColumnData, setting: ColumnSetting) -> Figure:
    figure = new_figure(10, 3.8)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.2, 1.2, 0.9))
    bins = np.linspace(-4, 4, 41)
    unit = setting.t_phase_s * 1e9
    for form in FORMS:
        fitted = layer.forms[form]
        colour, line = FORM_STYLE[form]
        v, t, fine, curve = _modelled(layer, form, data, setting)
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


def _modelled(
    layer: LayerModel, form: str, data: ColumnData, setting: ColumnSetting
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Membranes and firing times of every trial, and the firing law over a fine grid."""
    fitted = layer.forms[form]
    weight = data.i0_A * setting.t_phase_s / (fitted.c_eff_F * setting.v_th_V)
    offset = np.zeros(1)
    if fitted.c_relative:
        weight = weight / np.array(fitted.c_relative)[data.column_neuron][:, None]
        offset = np.array(fitted.pnn.firing_offset)[data.neuron]
    law = replace(fitted.pnn, firing_offset=0.0)
    with torch.no_grad():
        v = trial_membranes(data, weight, law) + offset
        t = firing_time(torch.tensor(v), law, clip=False).numpy()
        fine = np.linspace(v.min(), v.max(), 200)
        curve = firing_time(torch.tensor(fine), law, clip=False).numpy()
    return v, t, fine, curve
