from __future__ import annotations

import numpy as np
import pytest

from codesign.characterize.fit_currents import fit_shape
from codesign.characterize.membrane import Membrane

from .synthetic import BENT, SCALE_A, STRAIGHT, V0_V, V_TH_V, current_tables

RANGE_A, V_RANGE = (2e-9, 200e-9), (-0.35, 1.0)


def fit(truth, polarity, powers, **options):
    table = current_tables(truth)[polarity]
    return fit_shape(table, V0_V, V_TH_V, SCALE_A, RANGE_A, V_RANGE, powers, **options)


@pytest.mark.parametrize(("polarity", "e"), [("n", STRAIGHT.e_plus), ("p", STRAIGHT.e_minus)])
def test_straight_synapse_gives_its_reversal_potential(polarity, e):
    found = fit(STRAIGHT, polarity, (0, -1))
    assert 1 / found.inverse_e[0] == pytest.approx(e, rel=1e-6)
    assert found.curvature == () and found.residual < 1e-6


@pytest.mark.parametrize("polarity", ["n", "p"])
def test_bent_synapse_gives_every_coefficient(polarity):
    plus = polarity == "n"
    found = fit(BENT, polarity, (2, 2))
    slope = BENT.slope_plus if plus else BENT.slope_minus
    want_e = (1 / (BENT.e_plus if plus else BENT.e_minus), *slope)
    want_c = BENT.curvature_plus if plus else BENT.curvature_minus
    np.testing.assert_allclose(found.inverse_e, want_e, atol=2e-6)
    np.testing.assert_allclose(found.curvature, want_c, atol=2e-6)
    assert len(found.standard_error) == 6 and max(found.standard_error) < 1e-5


def test_forms_too_poor_for_the_data_show_it_in_the_residual():
    residuals = [fit(BENT, "p", powers).residual for powers in ((0, -1), (2, -1), (2, 2))]
    assert residuals[0] > residuals[1] > residuals[2]
    assert residuals[0] > 1e-3 > 1e-6 > residuals[2]


def test_capacitance_over_voltage_is_divided_out():
    # To first order in v, 1/(1 + c1 v) adds c1 to 1/E; to second order c1/E + c1^2 - c2 to c.
    c1, c2 = 0.04, 0.01
    near = fit_shape(
        current_tables(STRAIGHT)["n"], V0_V, V_TH_V, SCALE_A, RANGE_A, (-0.02, 0.02), (0, 0),
        Membrane.bent(c1, c2),
    )  # fmt: skip
    inverse = 1 / STRAIGHT.e_plus
    assert near.inverse_e[0] == pytest.approx(inverse + c1, abs=1e-4)
    assert near.curvature[0] == pytest.approx(inverse * c1 + c1**2 - c2, abs=2e-3)


def test_scale_decides_where_u_is_zero():
    table = current_tables(BENT)["n"]
    one = fit(BENT, "n", (2, 2))
    four = fit_shape(table, V0_V, V_TH_V, 4 * SCALE_A, RANGE_A, V_RANGE, (2, 2))
    # u' = (u + 1)/2 - 1: the same polynomials in another variable.
    u = np.linspace(-0.7, 0.8, 7)
    other = np.polyval(four.inverse_e[::-1], (u + 1) / 2 - 1)
    np.testing.assert_allclose(other, np.polyval(one.inverse_e[::-1], u), atol=1e-6)
