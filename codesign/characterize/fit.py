"""Tables to the fitted model: fit/model.json and a plot of every fit over its data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from codesign.cells import NetworkParameters, PhaseTiming
from codesign.characterize.bias_curve import BiasCurve
from codesign.characterize.column_data import ColumnSetting, column_data, earliest_firing
from codesign.characterize.currents import CurrentTable
from codesign.characterize.fit_column import fit_form
from codesign.characterize.model import (
    FORMS,
    Estimate,
    FittedModel,
    LayerModel,
    Validity,
)
from codesign.characterize.tables import read_table
from codesign.errors import DataError
from codesign.pdk import Conditions
from codesign.progress import ProgressCallback, silent

_SYNAPSE = ("polarity", "v_bias_V", "v_mem_V", "i_synapse_A", "status")
_TRIALS = ("layer", "run", "trial", "v_start_V", "v_end_V", "t_fire_s", "status")
_INPUTS = (
    "layer",
    "run",
    "trial",
    "synapse",
    "v_bias_n_V",
    "v_bias_p_V",
    "t_pulse_s",
    "t_line_s",
    "status",
)


def fit_tables(
    tables_dir: Path,
    network: NetworkParameters,
    timing: PhaseTiming,
    conditions: Conditions,
    supply_V: float,
    out_dir: Path | None = None,
    progress: ProgressCallback = silent,
) -> FittedModel:
    """Fit every layer and model form; with `out_dir`, write model.json and the plots there.

    Raises DataError when a table is missing, damaged or too thin.
    """
    synapse = read_table(tables_dir / "synapse_current.parquet", _SYNAPSE)
    trials = read_table(tables_dir / "column_trials.parquet", _TRIALS)
    inputs = read_table(tables_dir / "column_inputs.parquet", _INPUTS)
    tables = {polarity: CurrentTable.from_frame(synapse, polarity) for polarity in "np"}
    v0 = network.neuron.v0
    fired = trials[(trials["status"] == "ok") & trials["t_fire_s"].notna()]
    if len(fired) < 20:
        raise DataError(
            f"only {len(fired)} of {len(trials)} column trials fired; a fit needs 20",
            remedy="look at status and v_end_V in column_trials.parquet; raise runs of the column "
            "sweep, or change the neuron's v0, v_discharge or v_sense, and simulate again",
        )
    t_earliest = earliest_firing(fired, timing.t_phase)
    fired = fired[fired["t_fire_s"] > t_earliest * timing.t_phase]
    v_th = v0 - _switching_voltage(fired)
    currents = {polarity: table.at(v0) for polarity, table in tables.items()}
    i_range = _current_range(inputs, currents, supply_V)
    setting = ColumnSetting(
        t_phase_s=timing.t_phase,
        t_end=1 - (timing.gate_lead + timing.t_edge / 2) / timing.t_phase
        if network.neuron.transmission_gate
        else 1.0,
        v0_V=v0,
        v_th_V=v_th,
        i_range_A=(0.7 * i_range[0], 1.4 * i_range[1]),
        v_range=(-0.35, 1.0),
        t_earliest=t_earliest,
        # Without a gate the membrane sees its lines fall.
        kick_by_current=not network.neuron.transmission_gate,
    )
    layers = []
    total = len(network.connections) * len(FORMS)
    for layer, (fan_in, _) in enumerate(network.connections, start=1):
        fan_out = network.layers[layer + 1] if layer + 1 < len(network.layers) else 0
        data = column_data(trials, inputs, tables, layer, setting, supply_V)
        forms = {}
        for form in FORMS:
            forms[form] = fit_form(form, data, tables, setting)
            progress(len(forms) + len(FORMS) * (layer - 1), total, f"layer {layer}, {form}")
        layers.append(LayerModel(layer, fan_in, fan_out, forms))
    model = FittedModel(
        corner=conditions.corner.value,
        temperature_C=conditions.temperature_c,
        supply_V=supply_V,
        t_phase_s=timing.t_phase,
        v0_V=v0,
        v_th_V=v_th,
        currents=currents,
        layers=tuple(layers),
        validity=Validity(
            v_mem_V=(float(fired["v_end_V"].min()), float(fired["v_end_V"].max())),
            i_synapse_A=i_range,
            t_fire_s=(float(fired["t_fire_s"].min()), float(fired["t_fire_s"].max())),
        ),
        characterised=_characterised(tables_dir),
    )
    if out_dir is not None:
        from codesign.characterize.plots import plot_fits

        out_dir.mkdir(parents=True, exist_ok=True)
        model.save(out_dir / "model.json")
        plot_fits(model, tables, trials, inputs, setting, supply_V, out_dir, tables_dir)
    return model


def _switching_voltage(fired: pd.DataFrame) -> float:
    """Membrane voltage at which firing takes no time, from t = a ln(1 + b (V - V_sw))."""
    v, t = fired["v_end_V"].to_numpy(float), fired["t_fire_s"].to_numpy(float) * 1e6
    quadratic = np.polynomial.Polynomial.fit(t, v, 2)
    return float(quadratic(0.0))


def _current_range(
    inputs: pd.DataFrame, currents: dict[str, BiasCurve], supply_V: float
) -> tuple[float, float]:
    """Smallest and largest synapse current of the column trials, in A."""
    inputs = inputs[inputs["status"] == "ok"]
    if inputs.empty:
        raise DataError(
            "column_inputs.parquet has no row whose simulation succeeded",
            remedy="simulate the column sweep again",
        )
    on_n = inputs["v_bias_n_V"].to_numpy(float)
    on_p = inputs["v_bias_p_V"].to_numpy(float)
    drawn = np.concatenate(
        [currents["n"].current(on_n[on_n > 0]), currents["p"].current(on_p[on_p < supply_V])]
    )
    return float(np.nanmin(drawn)), float(np.nanmax(drawn))


def _characterised(tables_dir: Path) -> dict[str, Estimate]:
    """Means and standard errors of what the single-quantity sweeps measured directly."""
    wanted = {
        "capacitance": {"c_eff_F": "F"},
        "leak": {"leak_per_s": "1/s"},
        "charge_injection": {"q_arriving_C": "C", "q_falling_C": "C"},
        "sensing_threshold": {"v_threshold_V": "V"},
        "sensing_delay": {"t_delay_s": "s"},
    }
    found = {}
    for sweep, columns in wanted.items():
        path = tables_dir / f"{sweep}.parquet"
        if not path.exists():
            continue
        table = read_table(path, ("status", *columns))
        for column, unit in columns.items():
            values = table.loc[table["status"] == "ok", column].dropna().to_numpy(float)
            if len(values):
                error = (
                    float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
                )
                found[f"{sweep}.{column}"] = Estimate(float(values.mean()), error, unit)
    return found
