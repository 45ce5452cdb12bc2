"""Current over a device value: interpolated over the logarithm, and inverted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.cells import ResistiveSynapseParameters
from codesign.characterize.currents import CurrentTable, current_tables
from codesign.characterize.knob_curve import KnobCurve
from codesign.errors import DataError

from .synthetic import SUPPLY_V, V0_V, conductance_table

KNOBS = ResistiveSynapseParameters().cell().knobs
TABLES = current_tables(conductance_table(), KNOBS)


@pytest.mark.parametrize(("polarity", "distance_V"), [("n", V0_V), ("p", SUPPLY_V - V0_V)])
def test_conductances_give_ohms_law_and_back(polarity: str, distance_V: float) -> None:
    curve = TABLES[polarity].at(V0_V, SUPPLY_V)
    assert curve.unit == "S" and not curve.is_bias and curve.off == 1e-15
    between = np.geomspace(1e-9, 2e-6, 101)
    np.testing.assert_allclose(curve.current(between), between * distance_V, rtol=1e-9)
    np.testing.assert_allclose(curve.value(between * distance_V), between, rtol=1e-9)


def test_the_axis_of_device_values_is_their_logarithm() -> None:
    """A power law over three decades is a straight line, which six points hold exactly."""
    values = np.geomspace(1e-8, 1e-5, 6)
    curve = KnobCurve(tuple(values), tuple(3.0 * values**1.5), 1e-15, "S")
    middle = np.sqrt(values[1:] * values[:-1])
    np.testing.assert_allclose(curve.current(middle), 3.0 * middle**1.5, rtol=1e-12)
    over_volts = KnobCurve(tuple(values), tuple(3.0 * values**1.5), 0.0)
    assert not np.allclose(over_volts.current(middle), 3.0 * middle**1.5, rtol=0.1)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.floats(0.05, 2.0), min_size=4, max_size=25),
    falls=st.booleans(),
    unit=st.sampled_from(["S", "ohm", ""]),
    places=st.lists(st.floats(0, 1), min_size=1, max_size=8),
)
def test_any_monotone_points_are_inverted(
    steps: list[float], falls: bool, unit: str, places: list[float]
) -> None:
    log_i = np.log(1e-12) + np.cumsum(steps)
    values = np.geomspace(1e-3, 1e4, len(steps))
    curve = KnobCurve(tuple(values), tuple(np.exp(log_i[::-1] if falls else log_i)), 1e-9, unit)
    points = np.array(curve.i0_A)
    np.testing.assert_allclose(curve.current(curve.value(points)), points, rtol=1e-9)
    here = np.exp(np.interp(places, [0, 1], np.log(values[[0, -1]])))
    here = np.clip(here, values[0], values[-1])
    current = np.clip(curve.current(here), points.min(), points.max())
    np.testing.assert_allclose(curve.current(curve.value(current)), current, rtol=1e-9)


def test_values_and_currents_outside_the_table() -> None:
    curve = TABLES["n"].at(V0_V, SUPPLY_V)
    assert np.isnan(curve.current(np.array([1e-15, 5e-10, 3e-6]))).all()
    with pytest.raises(DataError, match="outside the characterised") as caught:
        curve.value(np.array([1e-5]))
    assert "w_max of [training.circuit]" in str(caught.value.remedy)


def test_table_interpolates_between_conductances() -> None:
    g, v = np.array([1.7e-9, 3.3e-8, 1.1e-6]), np.array([0.41, 0.93, 1.5])
    np.testing.assert_allclose(TABLES["n"].current(g, v), g * v, rtol=1e-4)
    np.testing.assert_allclose(TABLES["p"].current(g, v), g * (SUPPLY_V - v), rtol=2e-3)


def test_a_table_of_biases_is_none_of_conductances() -> None:
    frame = conductance_table().rename(columns={"knob_value": "v_bias_V"})
    with pytest.raises(DataError, match="no column knob_value") as caught:
        CurrentTable.from_frame(frame, "n", KNOBS["n"])
    assert "synapse_current" in str(caught.value.remedy)
