"""Tables to the fitted model: fit/model.json and a plot of every fit over its data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from codesign.bench import Setup, membrane_couplings
from codesign.characterize.characterised import characterised, check_leak
from codesign.characterize.column_data import ColumnSetting, column_data, earliest_firing
from codesign.characterize.currents import CurrentTable, current_tables, trial_column
from codesign.characterize.fit_column import fit_form
from codesign.characterize.knob_curve import KnobCurve
from codesign.characterize.membrane import CapacitanceCurve
from codesign.characterize.model import FORMS, FittedModel, LayerModel, Validity
from codesign.characterize.tables import read_table
from codesign.errors import DataError
from codesign.progress import ProgressCallback, silent

# Of the dimensionless membrane: where trained networks keep it.
_RANGE = (-0.3, 0.95)
_SYNAPSE = ("polarity", "v_mem_V", "i_synapse_A", "status")
_TRIALS = ("layer", "run", "trial", "v_start_V", "v_end_V", "t_fire_s", "status")
_INPUTS = ("layer", "run", "trial", "synapse", "t_pulse_s", "t_line_s", "status")


def fit_tables(
    tables_dir: Path,
    setup: Setup,
    out_dir: Path | None = None,
    progress: ProgressCallback = silent,
) -> FittedModel:
    """Fit every layer and model form; with `out_dir`, write model.json and the plots there.

    Raises DataError when a table is missing, damaged or too thin, or shows a cell that the model
    cannot describe; the plots of what was measured are written before.
    """
    synapse = read_table(tables_dir / "synapse_current.parquet", _SYNAPSE)
    trials = read_table(tables_dir / "column_trials.parquet", _TRIALS)
    inputs = read_table(tables_dir / "column_inputs.parquet", _INPUTS)
    knobs = dict(setup.synapse.knobs)
    v0 = setup.neuron.v0
    if out_dir is not None:
        from codesign.characterize.sweep_plots import plot_measured, with_plots

        out_dir.mkdir(parents=True, exist_ok=True)
        plot_measured(tables_dir, knobs, v0, out_dir)
    try:
        check_leak(tables_dir, setup)
        tables = current_tables(synapse, knobs)
        currents = {polarity: table.at(v0, setup.supply_V) for polarity, table in tables.items()}
        model, setting = _fit(setup, tables, currents, trials, inputs, tables_dir, progress)
    except DataError as error:
        if out_dir is None:
            raise
        raise with_plots(error, out_dir) from error
    if out_dir is not None:
        from codesign.characterize.plots import plot_fits

        model.save(out_dir / "model.json")
        plot_fits(model, tables, trials, inputs, setting, out_dir)
    return model


def _fit(
    setup: Setup,
    tables: dict[str, CurrentTable],
    currents: dict[str, KnobCurve],
    trials: pd.DataFrame,
    inputs: pd.DataFrame,
    tables_dir: Path,
    progress: ProgressCallback,
) -> tuple[FittedModel, ColumnSetting]:
    timing, v0, fired = setup.timing, setup.neuron.v0, _fired(trials)
    t_earliest = earliest_firing(fired, timing.t_phase)
    fired = fired[fired["t_fire_s"] > t_earliest * timing.t_phase]
    i_range = _current_range(inputs, tables, currents, setup.supply_V)
    v_th = v0 - _switching_voltage(fired)
    setting = ColumnSetting(
        t_phase_s=timing.t_phase,
        t_end=setup.accumulation_end,
        v0_V=v0,
        v_th_V=v_th,
        i_range_A=(0.7 * i_range[0], 1.4 * i_range[1]),
        v_range=_membrane_range(tables, v0, v_th),
        supply_V=setup.supply_V,
        t_earliest=t_earliest,
        # Without a gate the membrane sees its lines fall.
        kick_by_current=not setup.synapse.turns_on_at_once or setup.accumulation_end >= 1,
    )
    couplings = membrane_couplings(setup)
    capacitance = _capacitance(tables_dir)
    layers = []
    total = len(setup.network.connections) * len(FORMS)
    for layer, (fan_in, neurons) in enumerate(setup.network.connections, start=1):
        setting = replace(
            setting,
            couplings_F=couplings[layer - 1],
            neurons=neurons,
            capacitance=CapacitanceCurve.measured(capacitance, fan_in, v0, v_th),
        )
        data = column_data(trials, inputs, tables, layer, setting)
        forms = {}
        for form in FORMS:
            forms[form] = fit_form(form, data, tables, setting)
            progress(len(forms) + len(FORMS) * (layer - 1), total, f"layer {layer}, {form}")
        layers.append(LayerModel(layer, fan_in, setup.network.fan_out(layer), forms))
    model = FittedModel(
        **_conditions(setup),
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
        characterised=characterised(tables_dir),
    )
    return model, setting


def _conditions(setup: Setup) -> dict[str, Any]:
    """What a model says of where its circuit was characterised."""
    there = setup.conditions
    return {
        "corner": there.corner.value,
        "interconnect": there.interconnect.value,
        "temperature_C": there.temperature_C,
        "supply_V": setup.supply_V,
        "variation": there.variation.value,
        "seed": there.seed,
    }


def _capacitance(tables_dir: Path) -> pd.DataFrame | None:
    """The table of the capacitance sweep, of plans that have one."""
    path = tables_dir / "capacitance.parquet"
    return read_table(path, ()) if path.is_file() else None


def _fired(trials: pd.DataFrame) -> pd.DataFrame:
    fired = trials[(trials["status"] == "ok") & trials["t_fire_s"].notna()]
    if len(fired) < 20:
        raise DataError(
            f"only {len(fired)} of {len(trials)} column trials fired; a fit needs 20",
            remedy="look at status and v_end_V in column_trials.parquet; raise runs of the column "
            "sweep, or change the neuron's biases, and simulate again",
        )
    return fired


def _membrane_range(
    tables: dict[str, CurrentTable], v0_V: float, v_th_V: float
) -> tuple[float, float]:
    """Dimensionless membranes that the shapes are fitted over, inside the measured range."""
    low = max((v0_V - table.v_mem_V.max()) / v_th_V for table in tables.values())
    high = min((v0_V - table.v_mem_V.min()) / v_th_V for table in tables.values())
    return max(_RANGE[0], low), min(_RANGE[1], high)


def _switching_voltage(fired: pd.DataFrame) -> float:
    """Membrane voltage at which firing takes no time, from t = a ln(1 + b (V - V_sw))."""
    v, t = fired["v_end_V"].to_numpy(float), fired["t_fire_s"].to_numpy(float) * 1e6
    quadratic = np.polynomial.Polynomial.fit(t, v, 2)
    return float(quadratic(0.0))


def _current_range(
    inputs: pd.DataFrame,
    tables: dict[str, CurrentTable],
    currents: dict[str, KnobCurve],
    supply_V: float,
) -> tuple[float, float]:
    """Smallest and largest synapse current of the column trials, in A."""
    inputs = inputs[inputs["status"] == "ok"]
    if inputs.empty:
        raise DataError(
            "column_inputs.parquet has no row whose simulation succeeded",
            remedy="simulate the column sweep again",
        )
    parts = []
    for polarity, curve in currents.items():
        knob = tables[polarity].knob
        value = inputs[trial_column(polarity, knob)].to_numpy(float)
        parts.append(curve.current(value[value != knob.off_at(supply_V)]))
    drawn = np.concatenate(parts)
    return float(np.nanmin(drawn)), float(np.nanmax(drawn))
