from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.characterize.currents import CurrentTable
from codesign.characterize.knob_curve import KnobCurve
from codesign.errors import DataError

from .synthetic import (
    BENT,
    KNOBS,
    SUPPLY_V,
    V0_V,
    V_TH_V,
    current_at_reset,
    current_tables,
    shape,
    synapse_table,
)

TABLES = current_tables(BENT)


@pytest.mark.parametrize("polarity", ["n", "p"])
def test_bias_gives_back_the_current_it_came_from(polarity):
    curve = TABLES[polarity].at(V0_V, SUPPLY_V)
    low, high = min(curve.i0_A), max(curve.i0_A)
    wanted = np.geomspace(low, high, 301)
    np.testing.assert_allclose(curve.current(curve.value(wanted)), wanted, rtol=1e-9)
    biases = np.linspace(curve.values[0], curve.values[-1], 301)
    np.testing.assert_allclose(curve.value(curve.current(biases)), biases, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.floats(0.05, 2.0), min_size=4, max_size=25),
    falls=st.booleans(),
    places=st.lists(st.floats(0, 1), min_size=1, max_size=8),
)
def test_any_monotone_points_are_inverted(steps, falls, places):
    log_i = np.log(1e-12) + np.cumsum(steps)
    log_i = log_i[::-1] if falls else log_i
    bias = 0.2 + 0.02 * np.arange(len(steps))
    curve = KnobCurve(tuple(bias), tuple(np.exp(log_i)), 0.0)
    np.testing.assert_allclose(curve.current(curve.value(curve.i0_A)), curve.i0_A, rtol=1e-9)
    # Between steep points the spline may turn back: then a bias is not unique, its current is.
    here = bias[0] + np.array(places) * (bias[-1] - bias[0])
    current = np.clip(curve.current(here), min(curve.i0_A), max(curve.i0_A))
    np.testing.assert_allclose(curve.current(curve.value(current)), current, rtol=1e-9)


def test_more_bias_is_more_n_current_and_less_p_current():
    n, p = (np.diff(TABLES[polarity].at(V0_V, SUPPLY_V).i0_A) for polarity in "np")
    assert (n > 0).all() and (p < 0).all()
    assert TABLES["n"].sign == -1 and TABLES["p"].sign == 1


@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_currents_outside_the_table_are_refused(factor):
    curve = TABLES["n"].at(V0_V, SUPPLY_V)
    edge = min(curve.i0_A) if factor < 1 else max(curve.i0_A)
    with pytest.raises(DataError, match="outside the characterised") as caught:
        curve.value(np.array([1e-8, edge * factor]))
    assert "knob's range" in str(caught.value.remedy)


@pytest.mark.parametrize("current", [0.0, -1e-9, np.nan])
def test_a_bias_needs_a_positive_current(current):
    with pytest.raises(DataError, match="not a positive number"):
        TABLES["n"].at(V0_V, SUPPLY_V).value(np.array([1e-8, current]))


def test_current_outside_the_bias_range_is_nan():
    assert np.isnan(TABLES["n"].at(V0_V, SUPPLY_V).current(np.array([0.1, 1.7]))).all()


def test_table_interpolates_between_its_points():
    bias, mem = np.array([0.37, 0.513, 0.681]), np.array([0.613, 1.0071, 1.5])
    i0 = current_at_reset("n", bias)
    truth = i0 * shape(BENT, "n", i0, (V0_V - mem) / V_TH_V)
    np.testing.assert_allclose(TABLES["n"].current(bias, mem), truth, rtol=1e-5)


def test_order_of_rows_does_not_matter():
    frame = synapse_table(BENT)
    mixed = CurrentTable.from_frame(frame.sample(frac=1, random_state=3), "p", KNOBS["p"])
    np.testing.assert_array_equal(mixed.i_A, TABLES["p"].i_A)


def test_failed_rows_cost_their_bias_voltage_only():
    frame = synapse_table(BENT)
    bad = frame.index[(frame["polarity"] == "n") & (frame["v_bias_V"] == 0.5)][:1]
    frame.loc[bad, ["status", "i_synapse_A"]] = ["timeout", np.nan]
    table = CurrentTable.from_frame(frame, "n", KNOBS["n"])
    assert 0.5 not in table.values and len(table.values) == len(TABLES["n"].values) - 1
    np.testing.assert_allclose(
        table.current(np.array([0.5]), np.array([1.0])),
        TABLES["n"].current(np.array([0.5]), np.array([1.0])),
        rtol=1e-4,
    )


def _few(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["v_bias_V"].isin([0.3, 0.32, 0.34])]


def _negative(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(i_synapse_A=frame["i_synapse_A"].where(frame["v_mem_V"] > 0.5, -1e-12))


@pytest.mark.parametrize(("change", "words"), [(_few, "3 usable"), (_negative, "own direction")])
def test_unusable_tables_are_refused(change, words):
    with pytest.raises(DataError, match=words):
        CurrentTable.from_frame(change(synapse_table(BENT)), "n", KNOBS["n"])


@pytest.mark.parametrize("off", [0.5, 1.8])
def test_an_off_that_is_on_is_refused(off):
    frame = synapse_table(BENT)
    table = CurrentTable.from_frame(frame, "n", replace(KNOBS["n"], off=off))
    with pytest.raises(DataError, match=f"off = {off:g} V .* would not be off"):
        table.at(V0_V, SUPPLY_V)


def test_current_that_turns_back_is_refused():
    frame = synapse_table(BENT)
    top = frame["v_bias_V"] > 0.6
    frame.loc[top, "i_synapse_A"] *= np.exp(-80 * (frame.loc[top, "v_bias_V"] - 0.6))
    with pytest.raises(DataError, match="not monotone"):
        CurrentTable.from_frame(frame, "n", KNOBS["n"]).at(V0_V, SUPPLY_V)


def test_biases_that_give_leakage_are_left_out():
    """Cold, the weakest biases carry less than the junctions leak: the others make the table."""
    frame = synapse_table(BENT)
    weak = (frame["polarity"] == "n") & (frame["v_bias_V"] < 0.35)
    frame.loc[weak, "i_synapse_A"] = np.where(frame.loc[weak, "v_mem_V"] > 0.9, 3e-13, -2e-13)
    table = CurrentTable.from_frame(frame, "n", KNOBS["n"])
    assert table.values.min() >= 0.35 and table.values.max() == TABLES["n"].values.max()
    left = TABLES["n"].values >= table.values.min()
    np.testing.assert_array_equal(table.i_A, TABLES["n"].i_A[left])
    curve = table.at(V0_V, SUPPLY_V)
    assert curve.off == 0.0 and (np.diff(curve.i0_A) > 0).all()
