"""First-spike times against closed forms, brute-force integration and finite differences."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from codesign.pnn import PNNParameters, first_spike, first_spike_time

LEAKY = PNNParameters(e_plus=2.8, e_minus=-1.53, leak=0.2, v_start=0.05)
KICKS = PNNParameters(
    e_plus=2.8,
    e_minus=-1.53,
    leak=0.2,
    kick=0.004,
    kick_per_weight_plus=-0.003,
    kick_per_weight_minus=-0.005,
)
BACKENDS = ("torch", "compiled")


def data(batch=3, n_in=6, n_out=4, seed=0, mean=1.2, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    t = 1.5 * torch.rand(batch, n_in, generator=generator, dtype=dtype)
    w = mean / math.sqrt(n_in) + torch.randn(n_out, n_in, generator=generator, dtype=dtype)
    return t, w


def brute_force(t, w, p, t_max):
    """The crossing by a generic ODE solver with an event, from the equation alone."""
    out = np.full((len(t), len(w)), np.nan)
    for b in range(len(t)):
        for o, row in enumerate(w.tolist()):
            v, now, on = p.v_start, 0.0, []
            for then, j in [*sorted((x, j) for j, x in enumerate(t[b].tolist())), (t_max, -1)]:

                def slope(_, y, on=on):
                    rate = -p.leak * y[0]
                    for x in on:
                        rate += x * (1 - y[0] / (p.e_plus if x >= 0 else p.e_minus))
                    return [rate]

                def above(_, y):
                    return y[0] - 1.0

                above.terminal, above.direction = True, 1
                if then > now:
                    sol = solve_ivp(slope, (now, then), [v], events=above, rtol=1e-11, atol=1e-13)
                    if len(sol.t_events[0]):
                        out[b, o] = sol.t_events[0][0]
                        break
                    v = sol.y[0, -1]
                now = then
                if j >= 0:
                    on.append(row[j])
                    per = p.kick_per_weight_plus if row[j] >= 0 else p.kick_per_weight_minus
                    v += p.kick + per * row[j]
                    if v >= 1.0:
                        out[b, o] = then
                        break
    return torch.tensor(out)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("params", [LEAKY, KICKS], ids=["leaky", "kicks"])
def test_exact_agrees_with_an_ode_solver(backend, params):
    t, w = data()
    spikes = first_spike(t, w, params, "exact", t_max=2.0, backend=backend)
    reference = brute_force(t, w, params, 2.0)
    assert torch.equal(spikes.fired, ~reference.isnan())
    assert 3 <= int(spikes.fired.sum()) < spikes.fired.numel()
    torch.testing.assert_close(spikes.t[spikes.fired], reference[spikes.fired], rtol=0, atol=1e-8)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", ["exact", "dstd"])
def test_ideal_neuron_with_one_input(method, backend):
    t = torch.tensor([[0.5]], dtype=torch.float64)
    w = torch.tensor([[2.0], [0.4]], dtype=torch.float64)
    spikes = first_spike(t, w, PNNParameters(), method, 8, t_max=2.0, backend=backend)
    assert spikes.t[0, 0].item() == pytest.approx(1.0)
    assert spikes.fired.tolist() == [[True, False]]
    # Never fired: later than t_max by what the membrane lacks.
    assert spikes.t[0, 1].item() == pytest.approx(2.0 + 1 - 0.6)


def test_dstd_converges_at_second_order():
    t, w = data(200, 12, 5)
    exact = first_spike(t, w, LEAKY, "exact", t_max=2.0)
    errors = []
    for steps in (16, 128):
        close = first_spike(t, w, LEAKY, "dstd", steps, 2.0)
        both = exact.fired & close.fired & (exact.t < 1.9) & (exact.t > 0.1)
        errors.append(float((close.t - exact.t)[both].abs().mean()))
    assert math.log(errors[0] / errors[1]) / math.log(8) == pytest.approx(2.0, abs=0.4)


@pytest.mark.parametrize("params", [LEAKY, KICKS], ids=["leaky", "kicks"])
@pytest.mark.parametrize("method", ["exact", "dstd"])
def test_backends_agree(method, params):
    t, w = data(5, 40, 150, mean=2.0)
    w = w / 3
    w[0] = 0.0
    t[0, :10] = 0.7
    results = []
    for backend in BACKENDS if not (method == "dstd" and params.has_kick) else ("torch", "auto"):
        a, b = t.clone().requires_grad_(), w.clone().requires_grad_()
        spikes = first_spike(a, b, params, method, 15, 2.0, 0.05, backend=backend)
        spikes.t.sum().backward()
        results.append((spikes.t.detach(), a.grad, b.grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("params", [LEAKY, KICKS], ids=["leaky", "kicks"])
@pytest.mark.parametrize("method", ["exact", "dstd"])
def test_gradients_against_finite_differences(method, params, backend):
    if (method, backend) == ("dstd", "compiled") and params.has_kick:
        with pytest.raises(ValueError, match="do not cover kicks"):
            first_spike_time(*data(seed=3), params, method, 13, 2.0, backend=backend)
        return
    t, w = data(seed=3)
    t, w = (t + 0.01).requires_grad_(), w.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b: first_spike_time(a, b, params, method, 13, 2.0, backend=backend), (t, w)
    )


def test_no_conductance_has_a_finite_gradient():
    t = torch.tensor([[0.2, 0.4]], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([[1.0, 1.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda a, b: first_spike_time(a, b, PNNParameters(), "exact", t_max=2.0), (t, w)
    )


def test_dead_neurons_keep_a_gradient_towards_firing():
    t, w = data()
    w = (w * 0.01).requires_grad_()
    spikes = first_spike(t, w, LEAKY, "dstd", 10, 2.0)
    assert not bool(spikes.fired.any()) and bool((spikes.t > 2.0).all())
    spikes.t.sum().backward()
    assert bool((w.grad < 0).all())


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n_in=st.integers(1, 20),
    size=st.sampled_from([0.0, 1e-6, 0.5, 5.0, 500.0]),
    method=st.sampled_from(["exact", "dstd"]),
    steps=st.integers(1, 15),
    t_max=st.sampled_from([0.5, 1.0, 3.2]),
    single=st.booleans(),
    spread=st.sampled_from(["some", "ties", "none", "all at 0", "at the end"]),
    backend=st.sampled_from(BACKENDS),
    leak=st.sampled_from([0.0, 0.5]),
)
def test_no_nan_ever(seed, n_in, size, method, steps, t_max, single, spread, backend, leak):
    dtype = torch.float32 if single else torch.float64
    t, w = data(3, n_in, 4, seed, dtype=dtype)
    w = size * w
    if spread == "ties":
        t = torch.where(t < 0.7, 0.25, t_max).to(dtype)
    elif spread == "none":
        t = torch.full_like(t, torch.inf)
    elif spread == "all at 0":
        t = torch.zeros_like(t)
    elif spread == "at the end":
        t = torch.full_like(t, t_max)
    t.requires_grad_()
    w = w.detach().requires_grad_()
    params = PNNParameters(e_plus=2.0, e_minus=-1.5, leak=leak)
    spikes = first_spike(t, w, params, method, steps, t_max, backend=backend)
    spikes.t.sum().backward()
    for x in (spikes.t, spikes.v, t.grad, w.grad):
        assert bool(torch.isfinite(x).all())
    assert torch.equal(spikes.fired, spikes.t <= t_max)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "dstd2"}, "method"),
        ({"t_max": 0.0}, "t_max"),
        ({"kappa": 0.0}, "kappa"),
        ({"offset": 0.3, "steps": 10, "t_max": 2.0}, "offset"),
        ({"params": PNNParameters(curvature_plus=(0.1,))}, "curved"),
    ],
)
def test_bad_arguments_are_named(change, message):
    t, w = data()
    with pytest.raises(ValueError, match=message):
        first_spike(**({"t_in": t, "weight": w, "params": LEAKY} | change))
