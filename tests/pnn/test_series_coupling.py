"""A resistance between membrane and synapses, and capacitances between membranes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from codesign.pnn import PNNParameters, first_spike, membrane_potential
from codesign.pnn.synapses import synapses
from tests.pnn.membranes import FULL, LINEAR, METHODS, SLOPED, spikes, weights

COUPLED = ((0, 1, 3e-3), (1, 0, 3e-3), (1, 2, 5e-3), (2, 1, 4e-3))


def brute(t_in, weight, params, points=160):
    """Runge-Kutta through dv/dt = i(v + series dv/dt), the rate found by bisection; one neuron."""
    parts = synapses(weight, params)
    curved = torch.zeros_like(parts.g) if parts.q is None else parts.q
    g, f, q = (x[0].numpy() for x in (parts.g, parts.f, curved))
    kick = np.zeros_like(g) if parts.kick is None else parts.kick[0].numpy()
    times = np.clip(t_in[0].numpy(), 0, None)
    order = [j for j in np.argsort(times) if times[j] < params.t_end]
    v, on = params.v_start, np.zeros(len(g), dtype=bool)

    def rate(v):
        a, b, c = g[on].sum(), f[on].sum() + params.leak, q[on].sum()

        def miss(r):
            at = v + params.series * r
            return a - b * at + c * at**2 - r

        return brentq(miss, -50, 50, xtol=1e-15)

    for (start, j), (stop, _) in pairwise(
        [(0.0, -1), *((times[j], j) for j in order), (params.t_end, -1)]
    ):
        if j >= 0:
            on[j] = True
            v += kick[j]
        h = (stop - start) / points
        for _ in range(points if h > 0 else 0):
            k1 = rate(v)
            k2 = rate(v + h / 2 * k1)
            k3 = rate(v + h / 2 * k2)
            v += h / 6 * (k1 + 2 * k2 + 2 * k3 + rate(v + h * k3))
    return v


@pytest.mark.parametrize("base", [LINEAR, SLOPED])
def test_series_resistance_is_solved_exactly_for_straight_synapses(base):
    params = replace(base, series=0.03)
    t, w = spikes(1, 4), weights(1, 4)
    found = membrane_potential(t, w, params).item()
    assert found == pytest.approx(brute(t, w, params, 40), abs=1e-9)
    assert abs(found - membrane_potential(t, w, base).item()) > 1e-4


def test_series_resistance_of_curved_synapses_is_right_to_second_order():
    t, w = spikes(1, 4), weights(1, 4)
    errors, effects = [], []
    for series in (0.002, 0.004):
        params = replace(FULL, series=series)
        found = membrane_potential(t, w, params).item()
        errors.append(abs(found - brute(t, w, params, 40)))
        effects.append(abs(found - membrane_potential(t, w, FULL).item()))
    assert errors[1] < 0.01 * effects[1]


@pytest.mark.parametrize("base", [LINEAR, FULL])
@pytest.mark.parametrize("method", ["dstd", "dstd2"])
def test_series_resistance_on_a_grid_converges_to_the_exact_solution(base, method):
    params = replace(base, series=0.01)
    t, w = spikes(40, 5), weights(4, 5)
    exact = membrane_potential(t, w, params)
    coarse, fine = (
        (membrane_potential(t, w, params, method, m) - exact).abs().mean() for m in (8, 256)
    )
    assert fine < 2e-5 and fine < coarse / 10


@pytest.mark.parametrize("method", METHODS)
def test_gradients_of_coupling_and_series(method):
    params = replace(FULL, series=0.02, coupling=COUPLED)
    t, w = spikes(2, 4).requires_grad_(), weights(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda t, w: membrane_potential(t, w, params, method, 3), (t, w), atol=1e-6
    )


def test_compiled_kernels_couple_too_and_leave_series_to_torch():
    pytest.importorskip("numba")
    t, w = spikes(4, 5), weights(3, 5)
    params = replace(SLOPED, coupling=COUPLED)
    torch.testing.assert_close(
        membrane_potential(t, w, params, backend="compiled"),
        membrane_potential(t, w, params, backend="torch"),
    )
    with pytest.raises(ValueError, match="series resistance"):
        membrane_potential(t, w, replace(params, series=0.01), backend="compiled")


def test_coupling_to_a_neuron_that_is_not_there_is_refused():
    params = PNNParameters(coupling=((0, 3, 0.01),))
    with pytest.raises(ValueError, match="neuron 3 of 3"):
        membrane_potential(spikes(1, 4), weights(3, 4), params)


@pytest.mark.parametrize("given", [{"coupling": COUPLED}, {"series": 0.01}])
def test_first_spikes_refuse_what_they_do_not_solve(given):
    with pytest.raises(ValueError, match="first spikes are not solved"):
        first_spike(spikes(1, 4), weights(3, 4), PNNParameters(**given))
