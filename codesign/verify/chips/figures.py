"""Figures of chips: how a population does, and what makes the difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from codesign.figures import BLUE, GREEN, GREY, ORANGE, new_figure, tidy

_PANELS = (
    ("accuracy", "accuracy, %", 100.0),
    ("rmse_spike_time_ns", "output spike times off, ns rms", 1.0),
    ("energy_per_inference_J", "energy per inference, pJ", 1e12),
)
_MOST = 12


def distributions(table: pd.DataFrame) -> Figure:
    """Cumulative distributions over chips."""
    figure = new_figure(12.0, 3.4)
    for axes, (column, label, scale) in zip(figure.subplots(1, 3), _PANELS, strict=True):
        values = np.sort(table[column].dropna().to_numpy(dtype=float)) * scale
        if len(values):
            share = np.arange(1, len(values) + 1) / len(values)
            axes.step(values, share, where="post", color=BLUE)
            axes.plot(values, share, "o", color=BLUE, markersize=3)
        tidy(axes, label, "share of chips")
        axes.set_ylim(0, 1.02)
    return figure


def pareto(contributors: list[Mapping[str, Any]]) -> Figure | None:
    """The largest contributors of every layer; None where there are none."""
    layers = sorted({row["layer"] for row in contributors})
    if not layers:
        return None
    figure = new_figure(6.0 * len(layers), 4.0)
    for axes, layer in zip(figure.subplots(1, len(layers), squeeze=False)[0], layers, strict=True):
        rows = [row for row in contributors if row["layer"] == layer][:_MOST][::-1]
        axes.barh([r["device"] for r in rows], [100 * r["share"] for r in rows], color=ORANGE)
        tidy(axes, "share of the variance, %", "", f"layer {layer}: mean firing times")
    return figure


def gains(table: pd.DataFrame) -> Figure:
    """Currents of a chip's synapses over the nominal ones, with their standard errors, and what its
    neurons have of their own."""
    figure = new_figure(12.0, 3.6)
    left, right = figure.subplots(1, 2)
    own = table[table["parameter"] == "gain"].reset_index(drop=True)
    for known, colour in ((True, BLUE), (False, GREY)):
        part = own[own["known"] == known]
        label = "known" if known else "not known from these patterns"
        left.errorbar(
            part.index, 100 * np.expm1(part["value"]), yerr=100 * part["standard_error"],
            fmt="o", markersize=3, color=colour, linewidth=0.8, label=label,
        )  # fmt: skip
    tidy(left, "synapse, layer by layer", "current over nominal, %")
    left.legend(frameon=False, fontsize=8)
    for name, colour in (("offset", GREEN), ("slope", ORANGE)):
        part = table[table["parameter"] == name].reset_index(drop=True)
        right.errorbar(
            part.index, 100 * part["value"], yerr=100 * part["standard_error"], fmt="o",
            markersize=4, color=colour, linewidth=0.8,
            label="discharge time over nominal, %" if name == "slope" else "offset, % of threshold",
        )  # fmt: skip
    tidy(right, "neuron, layer by layer", "")
    right.legend(frameon=False, fontsize=8)
    return figure
