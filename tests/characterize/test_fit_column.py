from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from codesign.characterize.column_data import EARLIEST_FIRING, column_data
from codesign.characterize.fit_column import fit_form
from codesign.errors import DataError

from .synthetic import (
    BENT,
    C_EFF_F,
    SETTING,
    STRAIGHT,
    T_PHASE_S,
    V0_V,
    V_TH_V,
    LogLaw,
    column_tables,
    current_tables,
)

NOISE_NS = 0.05
KICK = 4e-4
LINEAR_TRUTH = replace(STRAIGHT, kick=KICK)
SERIES = 8e-4
EXTENDED_TRUTH = replace(
    BENT, kick=KICK, kick_per_weight_plus=-6e-4, kick_per_weight_minus=-9e-4, series=SERIES
)


# Weight of a waiting synapse: 10 pA where weight 1 is 140 nA.
OFF = {"off_plus": 7e-5, "off_minus": -2e-5}


def fitted(form, truth, **options):
    trials, inputs = column_tables(truth, **options)
    tables = current_tables(truth)
    data = column_data(trials, inputs, tables, 1, SETTING)
    return fit_form(form, data, tables, SETTING), data


@pytest.fixture(scope="module")
def linear():
    return fitted("linear", LINEAR_TRUTH, noise_ns=NOISE_NS)


@pytest.fixture(scope="module")
def extended():
    return fitted("extended", EXTENDED_TRUTH, noise_ns=NOISE_NS, runs=60)


def within(estimate, truth, errors=4.0):
    assert estimate.standard_error > 0
    assert abs(estimate.value - truth) < errors * estimate.standard_error


def test_data_are_in_units_of_phase_and_threshold(linear):
    _, data = linear
    assert data.v_start == pytest.approx(0, abs=1e-12)
    assert ((data.t_fire > EARLIEST_FIRING) & (data.t_fire < 1)).all()
    assert ((data.t_spike >= 0) & (data.t_spike < 0.95)).all()
    np.testing.assert_allclose(LogLaw()(data.v_end), data.t_fire, atol=5 * NOISE_NS * 1e-3)
    assert (data.i0_A > 0).any() and (data.i0_A < 0).any()


def test_linear_form_without_noise_is_exact():
    form, _ = fitted("linear", LINEAR_TRUTH, runs=12)
    assert form.c_eff_F == pytest.approx(C_EFF_F, rel=1e-5)
    assert form.pnn.kick == pytest.approx(KICK, abs=2e-6)
    assert form.parameters["e_dis"].value == pytest.approx(1 / LogLaw().b, rel=1e-3)
    assert form.parameters["v_switch_V"].value == pytest.approx(V0_V - V_TH_V, abs=1e-4)
    assert form.residual_ns < 1e-3 and form.holdout_ns < 1e-3


def test_linear_form_covers_the_truth(linear):
    form, data = linear
    assert form.parameters["c_eff_F"].value == form.c_eff_F
    within(form.parameters["c_eff_F"], C_EFF_F)
    within(form.parameters["charge_kick_C"], KICK * C_EFF_F * V_TH_V)
    within(form.parameters["e_dis"], 1 / LogLaw().b)
    assert form.pnn.e_plus == pytest.approx(STRAIGHT.e_plus, rel=1e-5)
    assert form.pnn.e_minus == pytest.approx(STRAIGHT.e_minus, rel=1e-5)
    assert form.trials == len(data.run)


def test_extended_form_covers_the_truth(extended):
    form, _ = extended
    within(form.parameters["c_eff_F"], C_EFF_F)
    for polarity in "np":
        within(form.parameters[f"charge_kick_{polarity}_C"], KICK * C_EFF_F * V_TH_V)
    within(form.parameters["series_resistance_ohm"], SERIES * T_PHASE_S / C_EFF_F)
    within(form.parameters["turn_on_delay_n_s"], 6e-4 * T_PHASE_S)
    within(form.parameters["turn_on_delay_p_s"], 9e-4 * T_PHASE_S)
    within(form.parameters["capacitance_1"], 0.0)
    within(form.parameters["capacitance_2"], 0.0)
    assert form.c_eff_F == pytest.approx(C_EFF_F, rel=0.01)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_standard_errors_of_reversal_potentials_count_the_capacitance(seed):
    """C(v) shifts 1/E of both pairs; an error of the table's fit alone would be far too small."""
    form, _ = fitted("extended", EXTENDED_TRUTH, noise_ns=NOISE_NS, runs=30, seed=seed)
    within(form.parameters["e_plus"], BENT.e_plus)
    within(form.parameters["e_minus"], BENT.e_minus)
    bend = form.parameters["capacitance_1"].standard_error
    for key in ("e_plus", "e_minus"):
        found = form.parameters[key]
        assert 0.2 * bend < found.standard_error / found.value**2 < 5 * bend


def test_leakage_of_waiting_synapses_is_found_in_the_trials():
    truth = replace(EXTENDED_TRUTH, **OFF)
    form, _ = fitted("extended", truth, noise_ns=0.02, runs=60)
    unit = C_EFF_F * V_TH_V / T_PHASE_S
    for polarity, off in zip("np", OFF.values(), strict=True):
        found = form.parameters[f"off_current_{polarity}_A"]
        within(found, abs(off) * unit)
        assert found.standard_error < 0.3 * OFF["off_plus"] * unit
    assert form.pnn.off_plus > 0 > form.pnn.off_minus


def test_without_noise_the_extended_form_is_exact():
    form, data = fitted("extended", EXTENDED_TRUTH, runs=30)
    assert form.c_eff_F == pytest.approx(C_EFF_F, rel=1e-5)
    assert form.pnn.kick_plus == pytest.approx((KICK,), abs=1e-6)
    assert form.pnn.kick_minus == pytest.approx((KICK,), abs=1e-6)
    assert form.pnn.series == pytest.approx(SERIES, abs=1e-6)
    assert form.pnn.kick_per_weight_plus == pytest.approx(-6e-4, abs=1e-7)
    assert form.pnn.kick_per_weight_minus == pytest.approx(-9e-4, abs=1e-7)
    assert form.pnn.e_plus == pytest.approx(BENT.e_plus, rel=1e-4)
    assert form.pnn.e_minus == pytest.approx(BENT.e_minus, rel=1e-4)
    v = np.linspace(data.v_end.min(), data.v_end.max(), 50)
    found = form.pnn.firing_curve(torch.tensor(v)).numpy()
    np.testing.assert_allclose(found, LogLaw()(v), atol=1e-6)


def test_kicks_by_current_are_found_and_the_plain_form_misses_them():
    truth = replace(BENT, kick_plus=(4e-3, 2e-3), kick_minus=(-5e-3, -3e-3))
    trials, inputs = column_tables(truth, runs=30)
    tables = current_tables(truth)
    setting = replace(SETTING, kick_by_current=True)
    data = column_data(trials, inputs, tables, 1, setting)
    form, plain = (
        fit_form("extended", data, tables, setting),
        fit_form("extended", data, tables, SETTING),
    )
    np.testing.assert_allclose(form.pnn.kick_plus, truth.kick_plus, atol=2e-6)
    np.testing.assert_allclose(form.pnn.kick_minus, truth.kick_minus, atol=2e-6)
    assert form.pnn.kick == 0 and form.residual_ns < 0.01
    assert plain.residual_ns > 100 * form.residual_ns


def test_fit_leaves_the_threads_of_torch_as_they_were():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        fitted("linear", LINEAR_TRUTH, runs=12)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_errors_are_the_noise_that_was_put_in(linear, extended):
    for form, _ in (linear, extended):
        assert 0.7 * NOISE_NS < form.residual_ns < 1.1 * NOISE_NS
        # Runs that the fit has not seen are off by more: C(v) and the firing curve trade places.
        assert form.residual_ns < form.holdout_ns < 4 * NOISE_NS
        assert form.residual_ns < form.max_ns < 5 * NOISE_NS


def test_more_noise_gives_larger_standard_errors(linear):
    noisier, _ = fitted("linear", LINEAR_TRUTH, noise_ns=4 * NOISE_NS)
    for key in ("c_eff_F", "charge_kick_C", "e_dis"):
        ratio = noisier.parameters[key].standard_error / linear[0].parameters[key].standard_error
        assert 2.5 < ratio < 6


def test_linear_form_cannot_hide_bent_synapses(extended):
    straight, _ = fitted("linear", EXTENDED_TRUTH, noise_ns=NOISE_NS)
    assert straight.residual_ns > 3 * extended[0].residual_ns


def data_of(trials, inputs, layer=1):
    return column_data(trials, inputs, current_tables(STRAIGHT), layer, SETTING)


@pytest.fixture(scope="module")
def rows():
    return column_tables(STRAIGHT, runs=12, trials=2)


def test_failed_silent_and_early_trials_are_left_out(rows):
    trials, inputs = rows
    changed = trials.copy()
    changed.loc[0, "status"] = "timeout"
    changed.loc[1, "t_fire_s"] = np.nan
    changed.loc[2, "t_fire_s"] = 0.5 * EARLIEST_FIRING * T_PHASE_S
    left = (trials["t_fire_s"] >= EARLIEST_FIRING * T_PHASE_S)[3:].sum()
    data = data_of(changed, inputs)
    assert len(data.t_fire) == len(data.t_spike) == left
    kept = changed[(changed["run"] == data.run[0])]["t_fire_s"] / T_PHASE_S
    assert data.t_fire[0] in kept.to_numpy()


def test_later_layers_take_the_times_of_their_lines(rows):
    trials, inputs = (table.assign(layer=2) for table in rows)
    first, second = data_of(*rows), data_of(trials, inputs, layer=2)
    np.testing.assert_allclose(second.t_spike - first.t_spike, 1e-4, atol=1e-12)


def test_line_that_stays_low_is_a_spike_past_the_phase(rows):
    trials, inputs = (table.assign(layer=2) for table in rows)
    silent = (inputs["run"] == 0) & (inputs["synapse"] == 3)
    inputs.loc[silent, "t_line_s"] = np.nan
    data = data_of(trials, inputs, layer=2)
    assert (data.t_spike[data.run == 0, 2] > 1).all()
    assert (data.t_spike[data.run > 0] < 1).all()


def test_order_of_rows_does_not_matter(rows):
    mixed = [table.sample(frac=1, random_state=5) for table in rows]
    ordered, shuffled = vars(data_of(*rows)), vars(data_of(*mixed))
    for one, other in zip(ordered.values(), shuffled.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_too_few_trials_say_what_to_do(rows):
    trials, inputs = rows
    with pytest.raises(DataError, match="a fit needs 20") as caught:
        data_of(trials[trials["run"] < 6], inputs)
    assert "column sweep" in caught.value.remedy


def test_layer_without_trials_is_refused(rows):
    with pytest.raises(DataError, match="only 0 column trials of layer 2"):
        data_of(*rows, layer=2)


def test_too_few_runs_to_leave_any_out_are_refused():
    trials, inputs = column_tables(STRAIGHT, runs=2, trials=14)
    with pytest.raises(DataError, match="from 2 runs"):
        data_of(trials, inputs)


def test_missing_input_rows_are_refused(rows):
    trials, inputs = rows
    gone = (inputs["run"] == 1) & (inputs["synapse"] == 2)
    with pytest.raises(DataError, match="input spikes"):
        data_of(trials, inputs[~gone])
