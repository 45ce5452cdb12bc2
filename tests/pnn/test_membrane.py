"""The membrane against closed forms, a brute-force integrator, and its solutions compared."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from codesign.pnn import PNNParameters, membrane_potential
from tests.pnn.membranes import BY_CURRENT, FULL, LINEAR, METHODS, SLOPED, spikes, weights


def brute_force(t: torch.Tensor, w: torch.Tensor, p: PNNParameters) -> torch.Tensor:
    """Written from the equation alone, one synapse at a time, with a generic ODE solver."""

    def current(weight: float, v: float) -> float:
        plus = weight >= 0
        e, slope, bend = (
            (p.e_plus, p.slope_plus, p.curvature_plus)
            if plus
            else (p.e_minus, p.slope_minus, p.curvature_minus)
        )
        u = np.sqrt(abs(weight) / p.w_ref) - 1
        inverse = 1 / e + sum(a * u ** (k + 1) for k, a in enumerate(slope))
        return weight * (1 - v * inverse + v * v * sum(a * u**k for k, a in enumerate(bend)))

    out = torch.zeros(len(t), len(w), dtype=torch.float64)
    for b in range(len(t)):
        arrivals = sorted((x, j) for j, x in enumerate(t[b].tolist()) if x < p.t_end)
        for o, row in enumerate(w.tolist()):
            v, now, on = p.v_start, 0.0, []
            for then, j in [*arrivals, (p.t_end, -1)]:
                if then > now:

                    def slope(_: float, y: np.ndarray, on: list[float] = on) -> list[float]:
                        return [-p.leak * y[0] + sum(current(x, y[0]) for x in on)]

                    v = solve_ivp(slope, (now, then), [v], rtol=1e-11, atol=1e-13).y[0, -1]
                now = then
                if j >= 0:
                    on.append(row[j])
                    per = p.kick_per_weight_plus if row[j] >= 0 else p.kick_per_weight_minus
                    own = p.kick_plus if row[j] >= 0 else p.kick_minus
                    u = np.sqrt(abs(row[j]) / p.w_ref) - 1
                    v += p.kick + per * row[j]
                    v += sum(c * u**k for k, c in enumerate(own)) if row[j] else 0.0
            out[b, o] = v
    return out


@pytest.mark.parametrize("method", METHODS)
def test_one_input_charges_an_rc(method):
    w, e, t0 = 1.3, 2.8, 0.25
    params = PNNParameters(e_plus=e)
    v = membrane_potential(
        torch.tensor([[t0]], dtype=torch.float64),
        torch.tensor([[w]], dtype=torch.float64),
        params,
        method,
        steps=8,
    )
    assert v.item() == pytest.approx(e * (1 - np.exp(-w / e * (1 - t0))), abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_infinite_reversal_potentials_give_the_weighted_sum(method):
    t, w = spikes(4, 20), weights(3, 20)
    v = membrane_potential(t, w, PNNParameters(), method, steps=7, offset=0.05)
    torch.testing.assert_close(v, (1 - t) @ w.t(), rtol=0, atol=1e-12)
    near = membrane_potential(t, w, PNNParameters(e_plus=1e6, e_minus=-1e6), method)
    torch.testing.assert_close(near, v, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "params", [LINEAR, SLOPED, FULL, BY_CURRENT], ids=["linear", "sloped", "full", "by current"]
)
def test_exact_agrees_with_an_ode_solver(params):
    t, w = spikes(3, 5), weights(3, 5)
    t[0, 0], t[1, 1], t[2, :2] = 0.0, 0.98, 0.4
    w[0, 0] = 0.0
    v = membrane_potential(t, w, params)
    torch.testing.assert_close(v, brute_force(t, w, params), rtol=0, atol=1e-8)


def test_curvature_strong_enough_for_the_oscillating_branch_agrees_with_an_ode_solver():
    params = PNNParameters(e_plus=50.0, e_minus=-50.0, curvature_plus=(1.5,))
    t, w = torch.tensor([[0.0, 0.05]], dtype=torch.float64), torch.full((1, 2), 0.5).double()
    torch.testing.assert_close(
        membrane_potential(t, w, params), brute_force(t, w, params), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize(
    ("method", "order", "params"),
    [
        ("dstd", 2, LINEAR),
        ("dstd2", 3, LINEAR),
        ("dstd", 2, replace(FULL, kick=0, kick_per_weight_plus=0, kick_per_weight_minus=0)),
        ("dstd2", 3, replace(FULL, kick=0, kick_per_weight_plus=0, kick_per_weight_minus=0)),
    ],
)
def test_discretised_solutions_converge_at_their_order(method, order, params):
    t, w = spikes(400, 5), weights(4, 5)
    exact = membrane_potential(t, w, params)
    steps = (8, 64)
    errors = [
        (membrane_potential(t, w, params, method, m, 0.3 / m) - exact).abs().mean().item()
        for m in steps
    ]
    slope = np.log(errors[0] / errors[1]) / np.log(steps[1] / steps[0])
    assert slope == pytest.approx(order, abs=0.25)


def test_moments_reduce_the_error_at_ten_steps():
    t = spikes(20, 784)
    w = weights(20, 784) / 10
    params = PNNParameters(e_plus=4.0, e_minus=-4.0)
    exact = membrane_potential(t, w, params)
    plain, corrected = (
        (membrane_potential(t, w, params, m, 10) - exact).abs().mean() for m in ("dstd", "dstd2")
    )
    assert corrected * 8 < plain


def test_curved_step_reduces_to_the_linear_one():
    t, w = spikes(5, 6), weights(4, 6)
    tiny = replace(SLOPED, curvature_plus=(1e-13,), curvature_minus=(1e-13,))
    for method in METHODS:
        torch.testing.assert_close(
            membrane_potential(t, w, tiny, method, 4, 0.1),
            membrane_potential(t, w, SLOPED, method, 4, 0.1),
            rtol=0,
            atol=1e-11,
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("params", [SLOPED, FULL, BY_CURRENT], ids=["sloped", "full", "by current"])
def test_gradients_by_weight_and_spike_time(method, params):
    t = (0.03 + 0.9 * spikes(3, 4)).requires_grad_()
    w = weights(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b: membrane_potential(a, b, params, method, 7, 0.03), (t, w)
    )


def test_exact_spike_time_gradient_has_the_adjoint_form():
    """dv(1)/dt_j = -lambda_j [w (1 - beta v_j) - f k], v_j just after the spike."""
    params = PNNParameters(e_plus=2.0, kick=0.01)
    t = torch.tensor([[0.2, 0.6]], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([[0.5, 0.8]], dtype=torch.float64)
    membrane_potential(t, w, params).sum().backward()
    f = w[0, 0] / 2.0
    before = 0.01 * torch.exp(-f * 0.4) + 2.0 * (1 - torch.exp(-f * 0.4))
    v = before + 0.01
    decay = torch.exp(-(w.sum() / 2.0) * 0.4)
    expected = -decay * (w[0, 1] * (1 - v / 2.0) - f * 0.01)
    assert t.grad[0, 1].item() == pytest.approx(expected.item(), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n_in=st.integers(1, 30),
    size=st.sampled_from([1e-6, 0.3, 3.0, 300.0]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    method=st.sampled_from(METHODS),
    steps=st.integers(1, 12),
    share=st.floats(0, 0.99),
)
def test_no_nan_and_between_the_reversal_potentials(seed, n_in, size, dtype, method, steps, share):
    """Ties, spikes at 0 and 1, absent spikes, extreme weights: finite values and gradients."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.rand(3, n_in, generator=generator, dtype=dtype)
    t = torch.where(t < 0.2, 0.0, t)
    t = torch.where((t > 0.5) & (t < 0.7), 0.5, t)
    t = torch.where(t > 0.9, torch.tensor(1.0, dtype=dtype), t)
    t = torch.where((t > 0.8) & (t < 0.83), torch.tensor(torch.inf, dtype=dtype), t)
    t.requires_grad_()
    w = size * torch.randn(4, n_in, generator=generator, dtype=dtype)
    w[0, 0] = 0.0
    w.requires_grad_()
    params = PNNParameters(e_plus=2.8, e_minus=-1.53, slope_plus=(0.02,), slope_minus=(0.01,))
    v = membrane_potential(t, w, params, method, steps, share / steps)
    v.sum().backward()
    assert bool(torch.isfinite(v).all())
    assert bool(torch.isfinite(t.grad).all()) and bool(torch.isfinite(w.grad).all())
    if method == "exact" and size < 1:
        assert bool(((v > -2.0) & (v < 4.0)).all())


def test_double_and_single_precision_agree():
    t, w = spikes(5, 200), weights(6, 200) / 5
    for method in METHODS:
        double = membrane_potential(t, w, SLOPED, method)
        single = membrane_potential(t.float(), w.float(), SLOPED, method)
        torch.testing.assert_close(single.double(), double, rtol=0, atol=5e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "euler"}, "method"),
        ({"method": "dstd", "steps": 0}, "steps"),
        ({"method": "dstd", "steps": 4, "offset": 0.25}, "offset"),
        ({"weight": torch.ones(2, 3, dtype=torch.float64)}, "n_in"),
        ({"weight": torch.ones(2, 5)}, "dtype"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"t_in": spikes(2, 5), "weight": weights(2, 5), "params": LINEAR} | change
    with pytest.raises(ValueError, match=message):
        membrane_potential(**arguments)
