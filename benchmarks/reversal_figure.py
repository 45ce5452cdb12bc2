"""The figure of `reversal_potential`: accuracy by |E| per task and noise, and by M."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.reversal_statistics import KINDS, by_seed, spread

LABELS = {"pnn": "trained with E", "mapped": "ideal, mapped", "scaled": "ideal, mapped and scaled"}
COLOURS = {"pnn": "C0", "mapped": "C3", "scaled": "C1"}


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Above: accuracy by |E|, all of it. Below: the trained ones close up, and accuracy by M."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    tasks = list(dict.fromkeys(row["task"] for row in rows if row["study"] == "E"))
    studied = list(dict.fromkeys(row["task"] for row in rows if row["study"] == "M"))
    figure, panels = plt.subplots(
        *(3, len(tasks)), figsize=(3.7 * len(tasks), 10), layout="constrained", squeeze=False
    )
    for number, task in enumerate(tasks):
        wide, close = panels[0][number], panels[1][number]
        for noise, style in ((0.0, "--"), (0.01, "-")):
            for kind in KINDS:
                _by_e(wide, rows, task, noise, kind, style, f"{LABELS[kind]}, noise {noise:g}")
            _by_e(close, rows, task, noise, "pnn", style, f"noise {noise:g}", bars=True)
        wide.set(title=task, ylim=(0, 100))
        close.set(title=f"{task}: trained with E")
        for axes in (wide, close):
            axes.set(xlabel="|E|", xscale="log")
            _ticks(axes, (0.25, 0.5, 1, 2, 4, 16, 100))
    panels[0][0].legend(fontsize=7, handlelength=3.5, loc="lower right")
    panels[1][0].legend(fontsize=7, handlelength=3.5, loc="lower right", title="mean, sd")
    for number, task in enumerate(studied[: len(tasks)]):
        _by_m(panels[2][number], rows, task)
    for axes in panels[2][len(studied) :]:
        axes.axis("off")
    for row in panels:
        row[0].set_ylabel("test accuracy, %")
        for axes in row:
            axes.grid(alpha=0.3)
    figure.savefig(path, dpi=90)


def _ticks(axes: Any, values: Sequence[float]) -> None:
    """Plain numbers on a logarithmic axis."""
    axes.set_xticks(values, [f"{x:g}" for x in values])
    axes.set_xticks([], minor=True)


def _by_e(
    axes: Any,
    rows: list[dict[str, Any]],
    task: str,
    noise: float,
    kind: str,
    style: str,
    label: str,
    bars: bool = False,
) -> None:
    where = {"study": "E", "task": task, "noise": noise}
    all_e = sorted({row["e"] for row in rows if row["study"] == "E"})
    points = [(e, spread(x)) for e in all_e if (x := by_seed(rows, kind, **where, e=e))]
    if not points:
        return
    # Side by side where both noises have bars.
    shift = 1.03 if bars and noise else 1.0
    axes.errorbar(
        [e * shift for e, _ in points],
        [100 * x["mean"] for _, x in points],
        yerr=[100 * (x["sd"] or 0.0) for _, x in points] if bars else None,
        fmt="o" + style,
        color=COLOURS[kind] if not bars or noise else "C7",
        markersize=4,
        capsize=2,
        label=label,
    )


def _by_m(axes: Any, rows: list[dict[str, Any]], task: str) -> None:
    chosen = [row for row in rows if row["study"] == "M" and row["task"] == task]
    for colour, method in (("C2", "dstd"), ("C0", "dstd2")):
        for random, style in ((False, "--"), (True, "-")):
            where = {"method": method, "random": random}
            all_m = sorted({r["steps"] for r in chosen if r["method"] == method})
            points = [(m, spread(by_seed(chosen, "pnn", **where, steps=m))) for m in all_m]
            if points:
                axes.errorbar(
                    [m * (1.03 if random else 1.0) for m, _ in points],
                    [100 * x["mean"] for _, x in points],
                    yerr=[100 * (x["sd"] or 0.0) for _, x in points],
                    fmt="o" + style,
                    color=colour,
                    markersize=4,
                    capsize=2,
                    label=f"{method}, {'random' if random else 'fixed'} offset",
                )
    exact = by_seed(chosen, "pnn", method="exact")
    axes.axhline(100 * statistics.mean(exact.values()), color="k", linestyle=":", label="exact")
    axes.set(title=f"{task}: |E| = 4, noise 0.01", xlabel="M in training", xscale="log")
    _ticks(axes, sorted({r["steps"] for r in chosen if r["method"] != "exact"}))
    axes.legend(fontsize=7, handlelength=3.5)
