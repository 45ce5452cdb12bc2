"""verify/budget.json and its bar chart, from a verification and the tables beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codesign.characterize.currents import current_tables
from codesign.characterize.model import FittedModel
from codesign.characterize.tables import read_table
from codesign.errors import DataError
from codesign.figures import BLUE, GREY, new_figure, tidy
from codesign.files import write_atomic
from codesign.verify.budget import LayerBudget, as_json, error_budget
from codesign.verify.result import Verification

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_budget(
    verification: Verification, model: FittedModel, run_dir: Path
) -> tuple[LayerBudget, ...]:
    """Write verify/budget.json of the fitted model's mapping; returns it, empty without one.

    What the polynomials cost is in it where the run directory has the table of currents.
    """
    path = run_dir / "verify" / "budget.json"
    mapping = verification.mappings.get("pnn")
    if mapping is None or not (ok := mapping.result.status == "ok").any():
        path.unlink(missing_ok=True)
        return ()
    table = run_dir / "characterization" / "synapse_current.parquet"
    measured = None
    if table.exists():
        columns = ("polarity", "v_mem_V", "i_synapse_A", "status")
        knobs = dict(verification.setting.setup.synapse.knobs)
        measured = current_tables(read_table(table, columns), knobs)
    budget = error_budget(
        mapping.circuit.layers, model, verification.spikes_s[ok],
        [times[ok] for times in mapping.result.t_spike_s], measured,
    )  # fmt: skip
    write_atomic(path, json.dumps(as_json(budget), indent=1, allow_nan=False) + "\n")
    return budget


def budget_chart(budget: Sequence[LayerBudget]) -> Figure:
    """Bars of what each cause moves in a layer, and of the error that is left."""
    figure = new_figure(5.4 * len(budget), 3.9)
    for axes, layer in zip(figure.subplots(1, len(budget), squeeze=False)[0], budget, strict=True):
        causes = sorted(layer.contributions, key=lambda c: c.moves_ns)
        left = [
            ("left: scatter", layer.scatter_ns),
            ("left: means of neurons", layer.systematic_ns),
        ]
        labels = [*(name for name, _ in left), *(c.label for c in causes)]
        values = [*(ns for _, ns in left), *(c.moves_ns for c in causes)]
        colours = [*(BLUE for _ in left), *(GREY for _ in causes)]
        axes.barh(np.arange(len(values)), np.maximum(values, 1e-3), color=colours)
        axes.set_yticks(np.arange(len(values)), labels, fontsize=8)
        axes.set_xscale("log")
        tidy(axes, "ns rms", "", f"layer {layer.layer}: {layer.rmse_ns:.3g} ns rms against SPICE")
    return figure


def read_budget(run_dir: Path) -> dict[str, Any]:
    """The content of verify/budget.json. Raises DataError without one."""
    path = run_dir / "verify" / "budget.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        budget_text(content)
    except FileNotFoundError:
        raise DataError(
            f"{path}: there is no error budget",
            remedy='verify with "pnn" among verify.mappings, and at least one sample that succeeds',
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is damaged: {type(error).__name__}: {error}",
            remedy="run `codesign verify` again with --force",
        ) from error
    return {"budget": content}


def budget_text(content: dict[str, Any]) -> str:
    """The content of verify/budget.json as a table for a terminal."""
    lines = []
    for layer in content["layers"]:
        lines.append(
            f"layer {layer['layer']}: {layer['rmse_ns']:.3f} ns rms against SPICE on its own "
            f"inputs; means of neurons {layer['systematic_ns']:.3f}, "
            f"scatter {layer['scatter_ns']:.3f}"
        )
        lines.append(f"  {'without':<40}{'moves, ns':>10}{'mean, ns':>10}{'error, ns':>11}")
        for part in sorted(layer["contributions"], key=lambda c: -c["moves_ns"]):
            figures = f"{part['moves_ns']:>10.3f}{part['mean_ns']:>10.3f}"
            lines.append(f"  {part['label']:<40}{figures}{part['rmse_ns']:>11.3f}")
    return "\n".join(lines)
