"""Pages of chips: yield/report.html of a population, calibrate/<chip>/report.html of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from codesign.figures import save
from codesign.files import write_atomic
from codesign.units import format_quantity
from codesign.verify.chips import figures
from codesign.verify.chips.calibrate import Calibration, Nominal
from codesign.verify.page import PageSetting, embedded, render


def write_yield_page(
    folder: Path,
    nominal: Nominal,
    table: pd.DataFrame,
    metrics: Mapping[str, Any],
    page: PageSetting,
) -> Path:
    """Write report.html and the pictures of a population of chips; returns the page."""
    contributors = list(metrics["contributors"])
    drawn = {"distributions": figures.distributions(table), "pareto": figures.pareto(contributors)}
    headings = {
        "distributions": "Chips, each with the nominal biases",
        "pareto": "Which devices make the difference",
    }
    pictures = []
    for name, figure in drawn.items():
        if figure is not None:
            save(figure, folder / f"{name}.png")
            pictures.append((headings[name], embedded(figure)))
    low, high = metrics["yield_interval_95"]
    limit = metrics["specification"]["max_rmse_spike_time_ns"]
    wanted = f"accuracy at least {100 * metrics['specification']['min_accuracy']:g} %"
    wanted += "" if limit is None else f", output error at most {limit:g} ns"
    median = (metrics["quantiles"] or {}).get("rmse_spike_time_ns")
    headline = [
        ("yield", f"{100 * metrics['yield']:.0f} %",
         f"95 % interval {100 * low:.0f} to {100 * high:.0f} %; {wanted}"),
        ("chips", str(metrics["chips"]), f"{metrics['failed_simulations']} simulations failed"),
        ("output error, median", "-" if median is None else f"{median['0.5']:.3g} ns", "rms"),
    ]  # fmt: skip
    rows = [
        (c["layer"], c["device"], f"{100 * c['share']:.1f} %",
         "" if c["ns_per_sigma"] is None else f"{c['ns_per_sigma']:+.3g}")
        for c in contributors[:30]
    ]  # fmt: skip
    tables = [
        ("Shares of the variance", ("layer", "device", "share", "ns/sigma"), rows),
        ("Chips", tuple(table.columns), [tuple(map(_cell, r)) for r in table.to_numpy()]),
    ]
    return _write(folder, page, f"{nominal.setup.name}: yield", _note(nominal), headline, (),
                  pictures, tables)  # fmt: skip


def write_calibration_page(
    folder: Path,
    nominal: Nominal,
    calibration: Calibration,
    metrics: Mapping[str, Any],
    table: pd.DataFrame,
    doubts: Sequence[str],
    page: PageSetting,
) -> Path:
    """Write report.html and its picture of one chip: what it was, what is new, what is left."""
    figure = figures.gains(table)
    save(figure, folder / "parameters.png")
    headline = [
        (label, "-" if metrics[key] is None else f"{metrics[key]:.3g} ns", remark)
        for label, key, remark in (
            ("as it was", "rms_ns_nominal", "outputs against the nominal model, rms"),
            ("its own model", "rms_ns_identified", "outputs against the identified model"),
            ("written again", "rms_ns_rewritten", "outputs against what was meant"),
        )
    ]
    rounds = [
        (k, len(one.inputs_s), f"{one.found.residual_rms * nominal.phase_s * 1e9:.3g}")
        for k, one in enumerate(calibration.rounds, start=1)
    ]
    changes = []
    for layer, (old, new) in enumerate(zip(nominal.layers, calibration.knobs, strict=True), 1):
        for polarity, values in new.values.items():
            moved = values - old.values[polarity]
            changes.append((layer, polarity.upper(), f"{abs(moved).max():.3g}",
                            f"{(moved**2).mean() ** 0.5:.3g}"))  # fmt: skip
    known = table.groupby("parameter", sort=False)["known"].agg(["sum", "size"])
    tables = [
        ("Rounds", ("round", "patterns", "residual, ns rms"), rounds),
        ("Parameters", ("kind", "known", "of"), [(k, int(r["sum"]), int(r["size"]))
                                                for k, r in known.iterrows()]),
        ("Changes of the knobs", ("layer", "polarity", "largest", "rms"), changes),
    ]  # fmt: skip
    pictures = [("What the chip was", embedded(figure))]
    title = f"{nominal.setup.name}: chip {folder.name}"
    return _write(folder, page, title, _note(nominal), headline, doubts, pictures, tables)


def _write(
    folder: Path, page: PageSetting, title: str, note: str, headline: Any, doubts: Sequence[str],
    pictures: Any, tables: Any,
) -> Path:  # fmt: skip
    text = render(
        "chips.html.j2", **vars(page), title=title, note=note, headline=headline, doubts=doubts,
        pictures=pictures, tables=tables,
    )  # fmt: skip
    path = folder / "report.html"
    write_atomic(path, text)
    return path


def _note(nominal: Nominal) -> str:
    conditions, view = nominal.setup.conditions, nominal.setup.view.value
    return (
        f"Layers {'-'.join(map(str, nominal.setup.network.layers))}, {view} view; nominal circuit: "
        f"corner {conditions.corner}, interconnect {conditions.interconnect}, "
        f"{conditions.temperature_C:g} C, {format_quantity(conditions.supply_V, 'V', 3)}; chips: "
        "process and mismatch drawn by their seeds"
    )


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
