import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.pnn import FiringCurve, PNNParameters, firing_time

LOG_B, LOG_D, LOG_A = 0.4, 1.5, 2.2


def log_law(v: float) -> float:
    """A discharger with finite output conductance: t = A ln((D - v)/(D - v_1))."""
    return LOG_A * math.log((LOG_D - v + LOG_B) / (LOG_D - 1 + LOG_B))


def log_curve(knots: int, with_slopes: bool = False) -> FiringCurve:
    v = tuple(1.1 * i / (knots - 1) for i in range(knots))
    slopes = tuple(-LOG_A / (LOG_D - x + LOG_B) for x in v) if with_slopes else None
    return FiringCurve(v, tuple(map(log_law, v)), slopes)


def test_constant_discharge_current_is_linear():
    v = torch.tensor([-0.1, 0.0, 0.25, 1.0, 1.2], dtype=torch.float64)
    t = firing_time(v, PNNParameters())
    torch.testing.assert_close(t, torch.tensor([1.0, 1.0, 0.75, 0.0, 0.0], dtype=torch.float64))


def test_finite_discharge_reversal_matches_the_published_form():
    v = torch.linspace(0, 1, 11, dtype=torch.float64)
    b = 1 / 6.44
    expected = (math.log(1 - b) - torch.log(1 - b * v)) / math.log(1 - b)
    torch.testing.assert_close(firing_time(v, PNNParameters(e_dis=6.44)), expected)
    nearly_ideal = firing_time(v, PNNParameters(e_dis=1e12))
    torch.testing.assert_close(nearly_ideal, 1 - v)


@pytest.mark.parametrize("curve", [None, log_curve(9)])
def test_unclipped_time_keeps_a_gradient_everywhere(curve):
    params = PNNParameters(e_dis=1.5, firing_curve=curve)
    v = torch.linspace(-3, 5, 101, dtype=torch.float64, requires_grad=True)
    t = firing_time(v, params, clip=False)
    t.sum().backward()
    assert bool((v.grad < 0).all()) and bool(torch.isfinite(t).all())
    assert bool((t.diff() < 0).all())
    clipped = firing_time(v, params)
    assert clipped.min().item() == 0.0 and clipped.max().item() == 1.0


def test_gradients_of_both_laws():
    v = torch.tensor([-0.2, 0.13, 0.52, 0.97, 1.31], dtype=torch.float64, requires_grad=True)
    for params in (PNNParameters(e_dis=6.5), PNNParameters(firing_curve=log_curve(6))):
        assert torch.autograd.gradcheck(lambda x, p=params: firing_time(x, p, clip=False), (v,))


def test_curve_reproduces_a_logarithmic_discharge():
    v = torch.linspace(0, 1.1, 200, dtype=torch.float64)
    law = torch.tensor([log_law(x) for x in v.tolist()], dtype=torch.float64)
    coarse, fine = ((log_curve(n)(v) - law).abs().max().item() for n in (11, 41))
    assert fine < 1e-6
    assert fine * 64 < coarse < 2e-4
    # Cubic Hermite interpolation: error at most h^4/384 times the largest fourth derivative.
    bound = 0.055**4 / 384 * 6 * LOG_A / (LOG_D - 1.1 + LOG_B) ** 4
    assert (log_curve(21, with_slopes=True)(v) - law).abs().max().item() <= bound


@settings(deadline=None)
@given(
    v_steps=st.lists(st.floats(0.01, 1), min_size=1, max_size=8),
    t_steps=st.lists(st.floats(1e-4, 1), min_size=8, max_size=8),
)
def test_any_table_gives_a_monotone_curve_through_its_knots_with_an_inverse(v_steps, t_steps):
    v, t = [0.0], [1.2]
    for dv, dt in zip(v_steps, t_steps, strict=False):
        v.append(v[-1] + dv)
        t.append(t[-1] - dt)
    curve = FiringCurve(tuple(v), tuple(t))
    knots = torch.tensor(v, dtype=torch.float64)
    torch.testing.assert_close(curve(knots), torch.tensor(t, dtype=torch.float64))
    dense = torch.linspace(-0.5, v[-1] + 0.5, 400, dtype=torch.float64)
    times = curve(dense)
    assert bool((times.diff() < 0).all())
    torch.testing.assert_close(curve(curve.inverse(times)), times, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0.0,), (1.0,)), "at least 2"),
        (((0.0, 1.0), (1.0,)), "same number"),
        (((0.0, 0.0), (1.0, 0.0)), "v_knots"),
        (((0.0, 1.0), (0.0, 1.0)), "t_knots"),
        (((0.0, 1.0), (math.nan, 1.0)), "finite"),
        (((0.0, 1.0), (1.0, 0.0), (-1.0,)), "one value per knot"),
        (((0.0, 1.0), (1.0, 0.0), (-1.0, 0.5)), "knot 1"),
    ],
)
def test_bad_tables_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FiringCurve(*arguments)


def test_more_membrane_fires_earlier_after_the_last_knot_too():
    curve = FiringCurve((0.2, 0.6, 1.0), (0.9, 0.5, 0.02))
    params = replace(PNNParameters(), firing_curve=curve)
    v = torch.tensor([0.0, 0.2, 0.6, 1.0, 1.4], dtype=torch.float64)
    t = firing_time(v, params, clip=False)
    assert t[0] > 1.0 and t[-1] < 0.0


def test_offset_of_each_neuron_moves_its_membrane_before_the_firing_law():
    v = torch.tensor([[0.2, 0.4, 0.6], [0.5, 0.1, 0.3]], dtype=torch.float64)
    shifts = (0.01, 0.0, -0.02)
    curve = log_curve(6)
    for record in (PNNParameters(), PNNParameters(e_dis=6.5), PNNParameters(firing_curve=curve)):
        moved = firing_time(v, replace(record, firing_offset=shifts))
        torch.testing.assert_close(moved, firing_time(v + torch.tensor(shifts).double(), record))
        one = firing_time(v, replace(record, firing_offset=0.03))
        torch.testing.assert_close(one, firing_time(v + 0.03, record))
    with pytest.raises(ValueError, match="firing_offset has 2 values for 3 neurons"):
        firing_time(v, PNNParameters(firing_offset=(0.1, 0.2)))
