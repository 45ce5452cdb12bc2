"""The membrane by its charge: what the model integrates is what a membrane with C(v) does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

from codesign.characterize.column_data import ColumnSetting, _undisturbed
from codesign.characterize.currents import CurrentTable
from codesign.characterize.fit_currents import fit_shape
from codesign.characterize.membrane import CapacitanceCurve, Membrane, straightest
from codesign.characterize.model import FittedModel
from codesign.resources import resource_dir

from .synthetic import BENT, C_EFF_F, SCALE_A, SETTING, V0_V, V_TH_V, current_tables

RANGE_A, V_RANGE = (2e-9, 200e-9), (-0.3, 0.95)


def stepped(v):
    """C in F with a step of half a per cent, as a sensing inverter makes one, and a slope."""
    return C_EFF_F * (1 + 0.002 * v - 0.005 / (1 + np.exp(-(v - 0.4) / 0.03)))


def table(fan_in=5, lines="low", status="ok"):
    v_mem_V = np.arange(0.3, 1.75, 0.025)
    c_F = stepped((V0_V - v_mem_V) / V_TH_V)
    return pd.DataFrame(
        {"fan_in": fan_in, "lines": lines, "v_mem_V": v_mem_V, "c_eff_F": c_F, "status": status}
    )


@pytest.fixture
def curve():
    found = CapacitanceCurve.measured(table(), 5, V0_V, V_TH_V)
    assert found is not None
    return found


def test_a_curve_needs_rows_of_its_fan_in_around_the_reset_voltage():
    assert CapacitanceCurve.measured(None, 5, V0_V, V_TH_V) is None
    assert CapacitanceCurve.measured(table(), 6, V0_V, V_TH_V) is None
    assert CapacitanceCurve.measured(table(status="failed"), 5, V0_V, V_TH_V) is None
    assert CapacitanceCurve.measured(table(lines="high"), 5, V0_V, V_TH_V) is None
    below = table()
    assert CapacitanceCurve.measured(below[below.v_mem_V < 1.2], 5, V0_V, V_TH_V) is None


def test_charge_of_a_membrane_with_a_step_is_its_integral(curve):
    membrane = curve.membrane(float(stepped(0.0)), 0.0)
    v = np.linspace(-0.3, 0.95, 11)
    fine = np.linspace(0, 1, 2001)
    right = [np.trapezoid(stepped(x * fine) / stepped(0.0), x * fine) for x in v]
    np.testing.assert_allclose(membrane.of(v), right, atol=2e-5)
    np.testing.assert_allclose(membrane.voltage(membrane.of(v)), v, atol=1e-6)


def test_beyond_its_points_a_membrane_goes_straight_on(curve):
    membrane = curve.membrane(C_EFF_F, -0.01)
    ends = np.array([-1.5, 3.0])
    np.testing.assert_allclose(membrane.voltage(membrane.of(ends)), ends, atol=1e-3)
    assert (np.abs(membrane.of(ends) - ends) < 0.15).all()


def test_a_capacitance_smaller_than_its_change_still_gives_a_membrane(curve):
    """The search of a fit may pass by there."""
    assert (np.diff(curve.membrane(1e-3 * C_EFF_F, 0.0).y) > 0).all()


def test_a_bent_membrane_counts_the_same_with_another_scale(curve):
    """Whatever b is: dy/dt = gain I/(C_eff V_th) along the true dv/dt = I/(C(v) V_th)."""
    membrane = curve.membrane(float(stepped(0.0)), -0.01)
    v, h = np.linspace(-0.25, 0.9, 9), 1e-4
    slope = (membrane.of(v + h) - membrane.of(v - h)) / (2 * h)
    np.testing.assert_allclose(slope, membrane.gain_at(v) * stepped(v) / stepped(0.0), rtol=5e-4)


def cubic(table_: CurrentTable) -> CurrentTable:
    """The table with a part of third order in v, which no quadratic has."""
    v = (V0_V - table_.v_mem_V) / V_TH_V
    return replace(table_, i_A=table_.i_A * (1 + 0.02 * v**3))


def test_the_cubic_takes_what_quadratics_cannot_have(curve):
    tables = {p: cubic(t) for p, t in current_tables(BENT).items()}

    def shapes(membrane):
        return [
            fit_shape(t, V0_V, V_TH_V, SCALE_A, RANGE_A, V_RANGE, (2, 2), membrane)
            for t in tables.values()
        ]

    def rms(b):
        return float(np.hypot.reduce([s.residual for s in shapes(curve.membrane(C_EFF_F, b))]))

    b = straightest(rms)
    assert rms(b) < 0.7 * rms(0.0)
    assert rms(b) <= min(rms(b - 2e-3), rms(b + 2e-3))


def test_the_model_s_equation_moves_a_membrane_with_a_step(curve):
    """A pair on for the whole phase: the quadratic in y against dv/dt = I(v)/(C(v) V_th)."""
    c_eff_F, i_A = float(stepped(0.0)), 0.6 * SCALE_A
    source = current_tables(BENT)["n"]
    knob = float(source.at(V0_V, 1.8).value(np.array([i_A]))[0])
    phase = SETTING.t_phase_s

    def true(t, v):
        current = source.current(np.full(1, knob), V0_V - V_TH_V * v)
        return current * phase / (stepped(v) * V_TH_V)

    end = solve_ivp(true, (0, 1), [0.0], rtol=1e-9, atol=1e-11).y[0, -1]
    scale = c_eff_F * V_TH_V / phase
    misses = []
    for membrane in (curve.membrane(c_eff_F, -0.005), Membrane()):
        shape = fit_shape(source, V0_V, V_TH_V, scale, RANGE_A, V_RANGE, (2, 2), membrane)
        u = np.sqrt(i_A / scale / 0.25) - 1
        inverse, bend = (np.polyval(x[::-1], u) for x in (shape.inverse_e, shape.curvature))

        def rate(t, y, inverse=inverse, bend=bend):
            return i_A / scale * (1 - inverse * y + bend * y**2)

        y = solve_ivp(rate, (0, 1), [0.0], rtol=1e-9, atol=1e-11).y[0, -1]
        misses.append(abs(float(membrane.voltage(np.array(y))) - end))
    assert misses[0] < min(1e-4, misses[1] / 4)


def test_membranes_of_model_files_survive_and_old_files_have_theirs(tmp_path, curve):
    model = FittedModel.load(resource_dir("characterization") / "iris" / "model.json")
    layer = model.layers[0]
    own = replace(layer.forms["extended"], membrane=curve.membrane(C_EFF_F, 0.01))
    forms = {**layer.forms, "extended": own}
    changed = replace(model, layers=(replace(layer, forms=forms), *model.layers[1:]))
    changed.save(tmp_path / "model.json")
    again = FittedModel.load(tmp_path / "model.json")
    assert again.layers[0].forms["extended"].membrane == own.membrane
    assert Membrane.bent(0.0, 0.0) == Membrane()
    v = np.linspace(-0.3, 0.95, 6)
    np.testing.assert_allclose(
        Membrane.bent(0.04, -0.02).gain_at(v), 1 / (1 + 0.04 * v - 0.02 * v**2)
    )


@pytest.mark.parametrize("given", [{"y": (0.0,)}, {"v": (0, 1), "y": (1, 0), "gain": (1, 1)}])
def test_membranes_that_do_not_rise_are_refused(given):
    with pytest.raises(ValueError, match="membrane"):
        Membrane(**given)


def test_trials_after_a_late_or_missing_spike_are_left_out():
    phase = SETTING.t_phase_s
    before = np.array([0.2, 0.5, 0.95, np.nan, 0.3, 0.9]) * phase
    trials = pd.DataFrame({"trial": range(6), "t_before_s": before})
    assert _undisturbed(trials, phase)["trial"].tolist() == [0, 1, 4, 5]
    assert len(_undisturbed(trials.drop(columns="t_before_s"), phase)) == 6
    # A circuit that fires late always has no other trials.
    late = trials.assign(t_before_s=0.97 * phase)
    assert len(_undisturbed(late, phase)) == 6


def test_settings_have_no_curve_unless_given():
    assert isinstance(SETTING, ColumnSetting) and SETTING.capacitance is None
