"""The experiment for people: a table in Markdown, and accuracy over line resistance."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def markdown_table(table: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Accuracies in %, mean ± spread over seeds: a row per condition, a column per training.

    table: kind to condition to figures, as `experiment.json` has it for one test.
    """
    kinds = list(table)
    names = list(dict.fromkeys(name for kind in kinds for name in table[kind]))
    lines = [f"| condition | {' | '.join(kinds)} |", "|---" * (1 + len(kinds)) + "|"]
    for name in names:
        cells = [_cell(table[kind].get(name)) for kind in kinds]
        lines.append(f"| {_readable(name)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def plot_accuracy(table: dict[str, dict[str, dict[str, Any]]], path: Path) -> None:
    """Accuracy over line resistance, a colour per training, dashed when calibrated."""
    from codesign.figures import BLUE, GREEN, ORANGE, RED, new_figure, save, tidy

    figure = new_figure(5.6, 3.8)
    axes = figure.subplots()
    resistances: dict[float, str] = {}
    for (kind, found), colour in zip(table.items(), (ORANGE, GREEN, BLUE, RED), strict=False):
        for suffix, line in (("", "o-"), (", calibrated", "s--")):
            at = [n for n in found if n.startswith("r=") and (", " in n) == bool(suffix)]
            r_ohm = [float(name.removeprefix("r=").removesuffix(suffix)) for name in at]
            resistances |= {r: f"{r:g}" for r in r_ohm}
            axes.errorbar(
                r_ohm,
                [100 * found[name]["accuracy"] for name in at],
                [100 * found[name]["spread_seeds"] for name in at],
                fmt=line, color=colour, markersize=4, capsize=2, label=kind + suffix,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(list(resistances), list(resistances.values()))
    axes.minorticks_off()
    tidy(axes, "line resistance per cell, ohm", "accuracy, %")
    axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    return f"{100 * found['accuracy']:.1f} ± {100 * found['spread_seeds']:.1f}"


def _readable(name: str) -> str:
    return name.replace("noise", "+ read noise").replace("r=", "r = ")
