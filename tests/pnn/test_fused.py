"""The fused GPU kernels in Triton's interpreter: the numbers of torch, values and gradients."""

import pytest
import torch

from tests.pnn.fused_cases import (
    DOUBLE,
    KICKS,
    LINEAR,
    PARAMETERS,
    SINGLE,
    SIZES,
    check_same,
    data,
    outputs_and_gradients,
)

from codesign.pnn import (  # isort: skip
    PNNParameters,
    Solution,
    first_spike,
    fused_exact,
    fused_run,
    membrane_potential,
)
from codesign.pnn.membrane import membrane_images
from codesign.pnn.ttfs import first_spike_images
from codesign.pnn.window import Window

SOLUTIONS = {
    "exact": Solution("exact"),
    "dstd": Solution("dstd", 5),
    "dstd2": Solution("dstd2", 4, 0.1, 1.4),
}
SPREADS = ("some", "ties", "silent", "grid")


def membranes(params, solution):
    def of(backend):
        return lambda t, w: membrane_potential(t, w, params, solution, backend=backend)

    return of("triton"), of("torch")


def spikes(params, solution, t_max=1.3):
    def of(backend):
        options = {"t_max": t_max, "kappa": 0.7, "backend": backend}
        return lambda t, w: tuple(first_spike(t, w + 0.3, params, solution, **options)[:2])

    return of("triton"), of("torch")


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("params", PARAMETERS.values(), ids=PARAMETERS)
def test_dstd_is_that_of_torch(params, dtype):
    for size in SIZES["dstd"]:
        check_same(*membranes(params, SOLUTIONS["dstd"]), *data(*size, dtype))
        check_same(*membranes(params, SOLUTIONS["dstd2"]), *data(*size, dtype))
        check_same(*spikes(params, SOLUTIONS["dstd"]), *data(*size, dtype))


@pytest.mark.parametrize(
    ("params", "dtype"), [(LINEAR, SINGLE), (KICKS, DOUBLE), (PARAMETERS["by current"], DOUBLE)]
)
def test_exact_is_that_of_torch(params, dtype):
    for size in SIZES["exact"]:
        check_same(*membranes(params, SOLUTIONS["exact"]), *data(*size, dtype))
        check_same(*spikes(params, SOLUTIONS["exact"]), *data(*size, dtype))


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("solution", SOLUTIONS.values(), ids=SOLUTIONS)
def test_ties_silence_and_grid_points(solution, spread):
    t, w = data(2, 6, 5, spread=spread)
    check_same(*membranes(KICKS, solution), t, w)
    if solution.method != "dstd2":
        check_same(*spikes(KICKS, solution), t, w)


@pytest.mark.parametrize("size", [0.0, 30.0, 1e4])
@pytest.mark.parametrize("solution", SOLUTIONS.values(), ids=SOLUTIONS)
def test_extreme_weights(solution, size):
    t, w = data(2, 5, 3, size=size)
    # Of large conductances the torch path rounds as much.
    check_same(*membranes(LINEAR, solution), t, w, 1e-12 if size <= 30 else 1e-9)
    single = outputs_and_gradients(membranes(LINEAR, solution)[0], *data(2, 5, 3, SINGLE, size))
    assert all(bool(torch.isfinite(x).all()) for x in single)


@pytest.mark.parametrize("solution", SOLUTIONS.values(), ids=SOLUTIONS)
def test_gradients_against_finite_differences(solution):
    t, w = data(1, 3, 2)
    t = (0.05 + 0.9 * torch.rand_like(t)).detach().requires_grad_()
    w = (w + 0.5).detach().requires_grad_()
    assert torch.autograd.gradcheck(membranes(KICKS, solution)[0], (t, w))
    if solution.method != "dstd2":
        fused = spikes(KICKS, solution)[0]
        assert torch.autograd.gradcheck(lambda t, w: fused(t, w)[0], (t, w))


@pytest.mark.parametrize("see", [Window(3, 2, 1), Window(4, 3, 2, 2)])
@pytest.mark.parametrize("params", [LINEAR, KICKS, PARAMETERS["sloped"]])
def test_convolutions_are_those_of_torch(params, see):
    generator = torch.Generator().manual_seed(0)
    t = torch.rand(3, 4, 7, 6, dtype=DOUBLE, generator=generator).requires_grad_()
    w = torch.randn(6, 4 // see.groups * see.kernel**2, dtype=DOUBLE, generator=generator)
    w = (0.4 * w).requires_grad_()
    dstd, dstd2 = SOLUTIONS["dstd"], SOLUTIONS["dstd2"]

    def membrane(solution, backend):
        return lambda t, w: membrane_images(t, w, params, solution, see, backend)

    def spike(backend):
        own = (dstd, see, 1.3, 1.0, backend)
        return lambda t, w: first_spike_images(t, w + 0.2, params, *own).t

    check_same(membrane(dstd, "triton"), membrane(dstd, "torch"), t, w)
    check_same(membrane(dstd2, "triton"), membrane(dstd2, "torch"), t, w)
    check_same(spike("triton"), spike("torch"), t, w)


def test_parts_of_a_batch_give_the_same(monkeypatch):
    t, w = data(3, 9, 5)
    for solution in SOLUTIONS.values():
        once = outputs_and_gradients(membranes(KICKS, solution)[0], t, w)
        with monkeypatch.context() as patch:
            patch.setattr(fused_run, "_MOST_BYTES", 3_000)
            patch.setattr(fused_exact, "_MOST_BYTES", 500)
            parts = outputs_and_gradients(membranes(KICKS, solution)[0], t, w)
        for a, b in zip(once, parts, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("products", ["tf32", "bfloat16"])
def test_shorter_products_cost_what_their_digits_say(products):
    t, w = data(3, 40, 12, SINGLE)
    exact = outputs_and_gradients(membranes(LINEAR, SOLUTIONS["dstd2"])[0], t, w)
    solution = Solution("dstd2", 4, 0.1, 1.4, products)
    short = outputs_and_gradients(membranes(LINEAR, solution)[0], t, w)
    for a, b in zip(exact, short, strict=True):
        assert float((a - b).abs().max()) < 0.02 * float(a.abs().max())


def test_no_gradient_by_times_where_none_is_wanted():
    t, w = data(2, 5, 3)
    for solution in SOLUTIONS.values():
        own, other = (
            torch.autograd.grad(call(t.detach(), w).sum(), w)[0]
            for call in membranes(LINEAR, solution)
        )
        torch.testing.assert_close(own, other, rtol=1e-12, atol=1e-12)


def test_what_the_kernels_cannot_do_is_refused():
    t, w = data(2, 5, 3)
    with pytest.raises(ValueError, match="curved"):
        membrane_potential(t, w, PNNParameters(curvature_plus=(0.1,)), backend="triton")
    with pytest.raises(ValueError, match="dtype"):
        membrane_potential(t.half(), w.half(), LINEAR, backend="triton")
