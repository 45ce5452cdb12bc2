"""The compiled kernels against torch and finite differences, and at the edges of their data."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.pnn import PNNParameters, membrane_potential

pytest.importorskip("numba", reason="numba is missing: pip install numba")

KICKS = PNNParameters(
    e_plus=2.8,
    e_minus=-1.53,
    leak=0.1,
    kick=0.004,
    kick_per_weight_plus=-0.003,
    kick_per_weight_minus=-0.005,
    v_start=0.02,
    t_end=0.97,
)
PARAMETERS = {
    "linear": PNNParameters(e_plus=4.0, e_minus=-4.0),
    "kicks": KICKS,
    "sloped": replace(KICKS, slope_plus=(0.03, 0.01), slope_minus=(-0.04,)),
    "kicks by current": replace(KICKS, kick_plus=(0.004, 0.002), kick_minus=(-0.006,)),
    "sloped, one kick": PNNParameters(e_plus=2.0, slope_plus=(0.1,), kick=0.01),
}
METHODS = ("exact", "dstd", "dstd2")


def data(batch=4, n_in=9, n_out=5, size=0.5, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    t = torch.rand(batch, n_in, generator=generator, dtype=dtype)
    w = size * torch.randn(n_out, n_in, generator=generator, dtype=dtype)
    return t, w


def run(t, w, backend, params, method, **settings):
    t, w = t.clone().requires_grad_(), w.clone().requires_grad_()
    v = membrane_potential(t, w, params, method, backend=backend, **settings)
    (v * torch.linspace(0.3, 1.0, v.numel(), dtype=v.dtype).view(v.shape)).sum().backward()
    return v.detach(), t.grad, w.grad


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("params", PARAMETERS.values(), ids=PARAMETERS)
def test_same_membrane_and_gradients_as_torch(method, params):
    t, w = data(6, 30, 300)
    t[0] = 0.25
    t[1, :5], t[1, 5:9], t[1, 9:12], t[2, 0] = 0.0, 1.0, torch.inf, -0.1
    w[0] = 0.0
    options = {} if method == "exact" else {"steps": 7, "offset": 0.06, "warp": 1.6}
    torch_results, compiled = (
        run(t, w, backend, params, method, **options) for backend in ("torch", "compiled")
    )
    for a, b in zip(torch_results, compiled, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_single_precision_and_many_outputs(method):
    t, w = data(3, 200, 290, 0.08)
    double = run(t, w, "compiled", KICKS, method)
    single = run(t.float(), w.float(), "compiled", KICKS, method)
    for a, b in zip(double, single, strict=True):
        torch.testing.assert_close(b.double(), a, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("params", [KICKS, PARAMETERS["sloped"]], ids=["kicks", "sloped"])
def test_gradients_against_finite_differences(method, params):
    t, w = data(2, 5, 3)
    t = (0.03 + 0.9 * t).requires_grad_()
    w.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b: membrane_potential(a, b, params, method, 6, 0.02, 1.5, "compiled"), (t, w)
    )


@pytest.mark.parametrize("method", METHODS)
def test_threads_share_the_neurons_without_changing_the_numbers(method):
    t, w = data(5, 40, 600)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = run(t, w, "compiled", KICKS, method)
        torch.set_num_threads(3)
        three = run(t, w, "compiled", KICKS, method)
    finally:
        torch.set_num_threads(before)
    for a, b in zip(one, three, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-13)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n_in=st.integers(1, 30),
    n_out=st.integers(1, 20),
    batch=st.integers(1, 3),
    size=st.sampled_from([0.0, 1e-6, 0.3, 3.0, 300.0, 1e6]),
    method=st.sampled_from(METHODS),
    steps=st.integers(1, 12),
    share=st.floats(0, 0.99),
    warp=st.sampled_from([1.0, 1.7]),
    spread=st.sampled_from(["some", "ties", "none", "all at 0", "grid"]),
    single=st.booleans(),
)
def test_no_nan_and_the_numbers_of_torch(
    seed, n_in, n_out, batch, size, method, steps, share, warp, spread, single
):
    dtype = torch.float32 if single else torch.float64
    t, w = data(batch, n_in, n_out, size, seed, dtype)
    if spread == "ties":
        t = torch.where(t < 0.5, 0.25, 1.0).to(dtype)
    elif spread == "none":
        t = torch.full_like(t, torch.inf)
    elif spread == "all at 0":
        t = torch.zeros_like(t)
    elif spread == "grid":
        t = (t * 10).round() / 10
    options = {} if method == "exact" else {"steps": steps, "offset": share / steps, "warp": warp}
    torch_results, compiled = (
        run(t, w, backend, KICKS, method, **options) for backend in ("torch", "compiled")
    )
    for a, b in zip(torch_results, compiled, strict=True):
        assert bool(torch.isfinite(a).all()) and bool(torch.isfinite(b).all())
        if not single and size < 100:
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)
        elif size < 1:
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_each_neuron_may_start_elsewhere(method):
    t, w = data()
    params = replace(KICKS, v_start=(0.0, 0.1, -0.2, 0.05, 0.3))
    for a, b in zip(
        run(t, w, "torch", params, method), run(t, w, "compiled", params, method), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_gradients_of_long_inputs_are_recomputed_in_torch_too():
    t, w = data(2, 150, 3, 0.1)
    for a, b in zip(
        run(t, w, "torch", KICKS, "exact"), run(t, w, "compiled", KICKS, "exact"), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_what_the_kernels_cannot_do_goes_to_torch_or_is_refused():
    t, w = data()
    curved = PNNParameters(curvature_plus=(0.1,))
    membrane_potential(t, w, curved, backend="auto")
    with pytest.raises(ValueError, match="curved"):
        membrane_potential(t, w, curved, backend="compiled")
    with pytest.raises(ValueError, match="backend"):
        membrane_potential(t, w, KICKS, backend="numba")
    with pytest.raises(ValueError, match="warp"):
        membrane_potential(t, w, KICKS, "dstd", warp=0.5)
