"""report.html: one self-contained page of a verification, pictures and styles inside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign.bench import Setup
from codesign.characterize.model import FittedModel
from codesign.figures import save
from codesign.files import write_atomic
from codesign.units import format_quantity
from codesign.verify import report_figures as figures
from codesign.verify.budget import LayerBudget
from codesign.verify.budget_files import budget_chart
from codesign.verify.page import PageSetting, cell_values, embedded, render
from codesign.verify.result import Verification

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# arXiv:2412.09010: post-layout output spike-time error over 50 Iris samples, ns.
PUBLISHED_NS = {"pnn": 1.97, "ann": 39.04}


def write_report(
    verification: Verification,
    model: FittedModel,
    run_dir: Path,
    page: PageSetting,
    *,
    history: dict[str, Path] | None = None,
    compared: Sequence[Verification] = (),
    budget: Sequence[LayerBudget] = (),
) -> Path:
    """Write run_dir/report.html and the pictures of verify/; returns the page's path."""
    setup = verification.setting.setup
    view = verification.metrics["views"][verification.setting.view]
    drawn: dict[str, Figure | None] = {
        "errors": figures.error_histograms(verification),
        "scatter": figures.model_over_spice(verification),
        "history": figures.training_history(history or {}),
        "budget": budget_chart(budget) if budget else None,
    }
    for name, mapping in verification.mappings.items():
        suffix = "" if name == "pnn" else f"_{name}"
        drawn[f"waveforms{suffix}"] = figures.waveforms(verification, mapping, model)
    for name, figure in drawn.items():
        if figure is not None and name != "history":
            save(figure, run_dir / "verify" / f"{name}.png")
    text = render(
        "report.html.j2",
        **vars(page),
        **cell_values(setup, model, run_dir),
        name=verification.setting.name,
        setting=verification.setting,
        view=view,
        mappings=view["mappings"],
        headline=_headline(view["mappings"]),
        published=PUBLISHED_NS,
        metric_rows=_metric_rows(view["mappings"]),
        budget=budget,
        pictures={name: embedded(figure) for name, figure in drawn.items() if figure},
        views=_view_rows([verification, *compared]),
    )
    path = run_dir / "report.html"
    write_atomic(path, text)
    return path


def write_datasheet(
    setup: Setup, model: FittedModel, run_dir: Path, page: PageSetting
) -> Path:
    """Write run_dir/report.html of cells that no network has been verified with; returns it."""
    text = render(
        "datasheet.html.j2",
        **vars(page),
        **cell_values(setup, model, run_dir),
        name=setup.name,
        synapse=setup.synapse.what,
        neuron=setup.neuron.what,
        view=setup.view.value,
        conditions=setup.conditions,
    )
    path = run_dir / "report.html"
    write_atomic(path, text)
    return path


def _view_rows(verifications: Sequence[Verification]) -> list[tuple[str, str, int, str, str, str]]:
    """(view, mapping, samples, output ns, hidden ns, missed) of everything that was simulated."""
    return [
        (
            v.setting.view,
            name,
            v.setting.samples,
            _cell(mapping.metrics["rmse_spike_time_ns"]),
            _cell(mapping.metrics["rmse_hidden_spike_time_ns"]),
            _cell(mapping.metrics["spikes_missed"]),
        )
        for v in verifications
        for name, mapping in v.mappings.items()
    ]


def _headline(mappings: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(figure, value, remark) of the first lines."""
    rows = []
    for name, figures_ in mappings.items():
        value = figures_["rmse_spike_time_ns"]
        shown = "none" if value is None else f"{value:.3g} ns"
        rows.append((f"{name}: output spike-time error", shown, "rms, model against SPICE"))
    errors = [mappings[name]["rmse_spike_time_ns"] for name in ("pnn", "ann") if name in mappings]
    if len(errors) == 2 and all(errors):
        remark = "ann error over pnn error"
        rows.append(("gain of the fitted model", f"{errors[1] / errors[0]:.3g} times", remark))
    first = next(iter(mappings.values()))
    accuracy = first["accuracy_spice"]
    if accuracy is not None:
        remark = f"model {first['accuracy_model']:.1%}"
        rows.append(("accuracy in SPICE", f"{accuracy:.1%}", remark))
    energy = first["energy_per_inference_J"]
    if energy is not None:
        controls = first["energy_of_controls_J"]
        own = f"; {controls / energy:.0%} of it for the phase controls" if controls else ""
        rows.append(("energy per inference", format_quantity(energy, "J"), f"of all sources{own}"))
    return rows


def _metric_rows(mappings: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Every figure of metrics.json, one row each, a column per mapping."""
    keys: dict[str, None] = {}
    flat = {name: dict(_flat(figures_, "")) for name, figures_ in mappings.items()}
    for figures_ in flat.values():
        keys |= dict.fromkeys(figures_)
    return [(key, [_cell(flat[name].get(key, "")) for name in mappings]) for key in keys]


def _flat(values: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value))
    return rows


def _cell(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(f"{item:.4g}" for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
