"""signoff/report.html: a table of conditions, and maps of the error over corner and temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from codesign.figures import new_figure, save
from codesign.files import write_atomic
from codesign.verify.page import PageSetting, embedded, render

_COLUMNS = {
    "condition": "condition", "rms_ns": "output, ns rms", "rms_hidden_ns": "hidden, ns rms",
    "accuracy": "accuracy", "energy_J": "energy, J", "worst_margin_ns": "worst margin, ns",
    "rms_ns_nominal": "nominal model, ns", "accuracy_nominal": "accuracy, nominal biases",
    "rms_ns_tuned": "settings tuned, ns", "accuracy_tuned": "accuracy, settings tuned",
    "cause": "does not work because",
}  # fmt: skip


def write_signoff_page(folder: Path, metrics: Mapping[str, Any], page: PageSetting) -> Path:
    """Write report.html and map.png of a grid of conditions; returns the page."""
    rows = metrics["conditions"]
    works = [row for row in rows if row["works"]]
    figure = error_map(rows)
    save(figure, folder / "map.png")
    worst = max((row["rms_ns"] for row in works), default=None)
    far = max((r["rms_ns_nominal"] for r in rows if r["rms_ns_nominal"] is not None), default=None)
    headline = [
        ("works at", f"{len(works)} of {len(rows)}", "conditions"),
        ("worst error", _shown(worst, " ns"), "outputs, with the model fitted there"),
        ("nominal model", _shown(far, " ns"), "worst condition, nominal biases"),
    ]
    table = [tuple(_shown(row.get(key)) for key in _COLUMNS) for row in rows]
    text = render(
        "chips.html.j2",
        **vars(page),
        title=f"{metrics['design']}: conditions",
        note=f"{metrics['view']} view, {metrics['samples']} test samples at each condition; each "
        "with the model that was fitted there, and its own biases for the same weights",
        headline=headline,
        doubts=(),
        pictures=[("Error of output spikes, ns rms", embedded(figure))],
        tables=[("Conditions", tuple(_COLUMNS.values()), table)],
    )
    path = folder / "report.html"
    write_atomic(path, text)
    return path


def error_map(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Error over corner (down) and temperature (right), a map per supply; grey: does not work."""
    corners, temperatures, supplies = (
        list(dict.fromkeys(row[key] for row in rows))
        for key in ("corner", "temperature_C", "supply_V")
    )
    figure = new_figure(1.6 + 2.6 * len(supplies), 1.2 + 0.5 * len(corners))
    found = [row["rms_ns"] for row in rows if row["works"]]
    top = max([*found, 1e-3])
    panels = figure.subplots(1, len(supplies), squeeze=False)[0]
    for axes, supply in zip(panels, supplies, strict=True):
        values = np.full((len(corners), len(temperatures)), np.nan)
        for row in rows:
            if row["supply_V"] == supply and row["works"]:
                place = corners.index(row["corner"]), temperatures.index(row["temperature_C"])
                values[place] = row["rms_ns"]
        axes.set_facecolor("#bbbbbb")
        axes.imshow(values, vmin=0, vmax=top, cmap="viridis", aspect="auto")
        for (k, m), value in np.ndenumerate(values):
            text = "-" if np.isnan(value) else f"{value:.2f}"
            axes.text(m, k, text, ha="center", va="center", fontsize=8, color="white")
        axes.set_xticks(range(len(temperatures)), [f"{t:g} °C" for t in temperatures])
        axes.set_yticks(range(len(corners)), corners)
        axes.set_title(f"{supply:g} V", loc="left", fontsize=10)
    return figure


def _shown(value: Any, unit: str = "") -> str:
    if value is None:
        return "-"
    return f"{value:.3g}{unit}" if isinstance(value, float) else str(value)
