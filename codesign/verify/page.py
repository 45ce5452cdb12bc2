"""The pages of a run directory: what the datasheet and the report share."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign.bench import Setup
from codesign.characterize.doubts import doubts
from codesign.characterize.model import Estimate, FittedModel
from codesign.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class PageSetting:
    """What every page says of where it comes from."""

    design_text: str
    versions: dict[str, str]
    seed: int


def render(template: str, **values: Any) -> str:
    """A page from a template beside this module, text escaped."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("codesign.verify", "."), autoescape=True, trim_blocks=True
    )
    return environment.get_template(template).render(**values)


def cell_values(setup: Setup, model: FittedModel, run_dir: Path) -> dict[str, Any]:
    """What cells.html.j2 shows: layouts, the cells' figures, fitted parameters, netlists, plots."""
    return {
        "model": model,
        "sheet": sheet_rows(setup, model),
        "doubts": doubts(model),
        "parameters": [
            (str(layer.layer), form, key, shown(estimate))
            for layer in model.layers
            for form, fitted in layer.forms.items()
            for key, estimate in fitted.parameters.items()
        ],
        "characterised": [(key, shown(e)) for key, e in model.characterised.items()],
        "fits": [
            (path.stem.replace("_", " "), encoded(path.read_bytes()))
            for path in sorted((run_dir / "fit").glob("*.png"))
        ],
        "netlists": [(cell.name, cell.netlist()) for cell in (setup.synapse, setup.neuron)],
        "layout": _layout(run_dir, setup.name),
        "extraction": "network" if setup.cell.abuts else "cells",
    }


def sheet_rows(setup: Setup, model: FittedModel) -> list[tuple[str, str, str]]:
    """(quantity, value with error, how it was found) of the cells."""
    rows = []
    for polarity, knob in setup.synapse.knobs.items():
        curve, sign = model.currents[polarity], "positive" if polarity == "n" else "negative"
        unit = "V" if knob.is_bias else knob.unit
        low, high = (_value(v, unit) for v in (curve.values[0], curve.values[-1]))
        name = f"{'bias' if knob.is_bias else 'device value'} {knob.name}"
        how = f"{name} from {low} to {high}, off at {_value(curve.off, unit)}"
        least, most = (format_quantity(i, "A", 3) for i in (min(curve.i0_A), max(curve.i0_A)))
        rows.append((f"current of {sign} weights at reset", f"{least} to {most}", how))
    first = model.layers[0].forms["linear"].parameters
    for key, label in (("e_plus", "reversal potential E+"), ("e_minus", "reversal potential E-")):
        if key in first:
            at_V = model.v0_V - model.v_th_V * first[key].value
            rows.append((label, f"{shown(first[key])} ({at_V:.3g} V)", "straight line, layer 1"))
    volts = f"{model.v0_V:.4g} V, V_th = {model.v_th_V:.4g} V"
    rows.append(("reset and threshold", volts, "trials"))
    for layer in model.layers:
        fitted = layer.forms["extended"].parameters
        for key, label in _FITTED.items():
            if key in fitted:
                rows.append((f"{label}, layer {layer.layer}", shown(fitted[key]), "joint fit"))
        one = format_quantity(model.current_scale_A(layer.layer), "A", 3)
        rows.append((f"current of weight 1, layer {layer.layer}", one, "C_eff V_th / T"))
    for key, label in _MEASURED.items():
        if key in model.characterised:
            rows.append((label, shown(model.characterised[key]), "sweep, mean and its error"))
    low_s, high_s = (format_quantity(t, "s", 3) for t in model.validity.t_fire_s)
    rows.append(("firing times that were calibrated", f"{low_s} to {high_s}", "trials"))
    return rows


_FITTED = {
    "c_eff_F": "effective capacitance",
    "charge_kick_C": "charge of an arriving spike",
    "charge_kick_n_C": "charge of an arriving spike, N",
    "charge_kick_p_C": "charge of an arriving spike, P",
    "turn_on_delay_n_s": "turn-on delay N",
    "turn_on_delay_p_s": "turn-on delay P",
    "series_resistance_ohm": "resistance between dendrite and membrane",
}
_MEASURED = {
    "capacitance.c_eff_F": "capacitance at zero weight",
    "leak.leak_per_s": "leak",
    "charge_injection.q_arriving_C": "charge of a rising line at zero weight",
    "charge_injection.q_falling_C": "charge of a falling line at zero weight",
    "sensing_threshold.v_threshold_V": "threshold of the sensing inverter",
    "sensing_delay.t_delay_s": "delay of sensing and output stage",
}


def shown(estimate: Estimate) -> str:
    """A value with its standard error, in engineering notation."""
    unit = "" if estimate.unit == "1" else estimate.unit
    if not unit:
        error = "" if estimate.standard_error is None else f" ± {estimate.standard_error:.1g}"
        return f"{estimate.value:.4g}{error}"
    text = format_quantity(estimate.value, unit)
    if estimate.standard_error is not None:
        text += f" ± {format_quantity(estimate.standard_error, unit, 2)}"
    return text


def encoded(png: bytes) -> str:
    """A picture as text inside a page."""
    return base64.b64encode(png).decode("ascii")


def embedded(figure: Figure) -> str:
    """A figure as a picture inside a page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return encoded(buffer.getvalue())


def _value(value: float, unit: str) -> str:
    return format_quantity(value, unit, 3) if unit else f"{value:.4g}"


def _layout(run_dir: Path, name: str) -> dict[str, Any] | None:
    """What was drawn and how it checked out; None without a layout."""
    folder = run_dir / "layout"
    try:
        drc, lvs = (
            json.loads((folder / f"{part}.json").read_text(encoding="utf-8"))
            for part in ("drc", "lvs")
        )
    except FileNotFoundError:
        return None
    areas = folder / "areas.json"
    rows = [
        (
            cell,
            drc["cells"][cell]["violations"],
            found["devices"]["layout"],
            ", ".join(f"{k}: {'match' if v else 'differ'}" for k, v in found["engines"].items()),
            f"{found['port_audit']['ports']} ports, {len(found['port_audit']['faults'])} faults",
        )
        for cell, found in lvs["cells"].items()
    ]
    pictures = [
        (path.stem, encoded(path.read_bytes()))
        for path in (folder / f"{cell}.png" for cell in (name, "neuron", "synapse"))
        if path.is_file()
    ]
    return {
        "rows": rows,
        "pictures": pictures,
        "areas": json.loads(areas.read_text(encoding="utf-8")) if areas.is_file() else None,
        "rules": max((cell["rules_checked"] for cell in drc["cells"].values()), default=0),
    }
