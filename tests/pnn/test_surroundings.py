"""Neighbours and synapses that are still off, against the coupled equations solved as they are."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from codesign.pnn import PNNParameters, first_spike, membrane_potential, membrane_trace
from codesign.pnn.membrane import membrane_images
from codesign.pnn.patches import on_patches
from codesign.pnn.solution import Solution
from codesign.pnn.surroundings import surroundings
from codesign.pnn.synapses import coupled, synapses
from codesign.pnn.window import Window
from tests.pnn.membranes import FULL, LINEAR, METHODS, spikes, weights

COUPLED = ((0, 1, 3e-3), (1, 0, 3e-3), (1, 2, 5e-3), (2, 1, 4e-3))
OFF = {"off_plus": 2e-3, "off_minus": -1e-3}


def as_they_are(t_in, weight, params):
    """Membranes (n_out,) at t_end: dv/dt = C^-1 i(v), C with a share of every coupled movement."""
    parts = synapses(weight, params)
    g, f = parts.g.numpy(), parts.f.numpy()
    q = np.zeros_like(g) if parts.q is None else parts.q.numpy()
    w, t = weight.numpy(), t_in[0].clamp_min(0).numpy()
    off = params.off_plus * (w > 0) + params.off_minus * (w < 0)
    shares = np.eye(len(w))
    for moved, mover, share in params.coupling:
        shares[moved, mover] -= share

    def rate(time, v):
        on = t < time
        own = g[:, on].sum(1) - f[:, on].sum(1) * v + q[:, on].sum(1) * v**2
        return np.linalg.solve(shares, own + off[:, ~on].sum(1) - params.leak * v)

    v = np.zeros(len(w)) + params.v_start
    stops = [0.0, *sorted(x for x in t if x < params.t_end), params.t_end]
    for start, stop in pairwise(stops):
        if stop > start:
            span = (start + 1e-12, stop)
            v = solve_ivp(rate, span, v, rtol=1e-10, atol=1e-12).y[:, -1]
    return v


@pytest.mark.parametrize(("given", "share"), [({"coupling": COUPLED}, 0.1), (OFF, 0.25)])
def test_what_is_left_of_slow_movements_is_that_of_the_equations(given, share):
    """A movement is decayed as if it were even. With the conductances of the sky130 cells and
    weights as trained, that is right to a tenth for neighbours, to a quarter for synapses that are
    off (which move it early); taken whole both are a third wrong."""
    params = PNNParameters(3.0, -1.5, curvature_plus=(-0.04,), curvature_minus=(-0.03,))
    missed, whole, effects = [], [], []
    for seed in range(6):
        torch.manual_seed(seed)
        t, w = torch.rand(1, 6).double() * 0.9, torch.randn(3, 6).double() * 0.35 + 0.15
        alone = membrane_potential(t, w, params)
        right = torch.tensor(as_they_are(t, w, replace(params, **given))) - alone
        missed.append(membrane_potential(t, w, replace(params, **given)) - alone - right)
        own = replace(params, **given)
        drift = surroundings(t, w, own).drift
        whole.append(coupled(alone + drift, own) - alone - right)
        effects.append(right)
    missed, whole, effect = (torch.cat(x).norm() for x in (missed, whole, effects))
    assert missed < share * effect
    assert missed < 0.6 * whole


def test_strong_conductances_leave_less_of_a_neighbours_movement():
    """Two straight synapses, both on from the start: the share left is phi(F)'s, to a few %."""
    w = torch.tensor([[0.4, -0.3], [0.7, 0.1]], dtype=torch.float64)
    params = PNNParameters(1.5, -0.5, coupling=((0, 1, 1e-3),))
    t = torch.zeros(1, 2, dtype=torch.float64)
    alone = membrane_potential(t, w, replace(params, coupling=()))[0]
    found = float(membrane_potential(t, w, params)[0, 0] - alone[0])
    right = float(as_they_are(t, w, params)[0] - alone[0])
    whole = 1e-3 * float(alone[1])
    assert right < 0.75 * whole
    assert found == pytest.approx(right, rel=0.1)


GATE = (2e-4, -5e-4, 0.4, 0.2)


@pytest.mark.parametrize("method", METHODS)
def test_a_gate_adds_what_the_membrane_moves_by_at_the_end(method):
    """Two solutions up to a little earlier give dv/dt."""
    t, w = spikes(6, 5), weights(3, 5)
    plain = replace(FULL, **OFF)
    gated = membrane_potential(t, w, replace(plain, gate=GATE), method, 6)
    v = membrane_potential(t, w, plain, method, 6)
    step = 1e-6
    # Not where a spike comes in between.
    before = membrane_potential(t, w, replace(plain, t_end=plain.t_end - step), "exact")
    moving = (membrane_potential(t, w, plain, "exact") - before) / step
    shift, lag, at, width = GATE
    expected = (shift + lag / (1 + ((v - at) / width) ** 2)) * moving
    torch.testing.assert_close(gated - v, expected, rtol=2e-2, atol=2e-6)


def test_a_gate_has_gradients():
    t, w = spikes(4, 5), weights(3, 5)
    params = replace(FULL, coupling=COUPLED, gate=GATE, **OFF)
    t.requires_grad_()
    w.requires_grad_()
    assert torch.autograd.gradcheck(lambda t, w: membrane_potential(t, w, params), (t, w))


@pytest.mark.parametrize("method", METHODS)
def test_a_trace_ends_where_the_membrane_does(method):
    t, w = spikes(6, 5), weights(3, 5)
    params = replace(FULL, coupling=COUPLED, **OFF)
    together = membrane_potential(t, w, params, method, 6)
    torch.testing.assert_close(membrane_trace(t, w, params, method, 6).v[-1], together)


@pytest.mark.parametrize("method", METHODS)
def test_gradients(method):
    params = replace(FULL, series=0.02, coupling=COUPLED, **OFF)
    t, w = spikes(2, 4).requires_grad_(), weights(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda t, w: membrane_potential(t, w, params, method, 3), (t, w), atol=1e-6
    )


def test_a_synapse_of_weight_0_leaks_nothing():
    t, w = spikes(3, 4), torch.zeros(2, 4, dtype=torch.float64)
    alone, leaky = (membrane_potential(t, w, p) for p in (FULL, replace(FULL, **OFF)))
    torch.testing.assert_close(alone, leaky)


@pytest.mark.parametrize("method", ["exact", "dstd2"])
def test_channels_of_one_place_are_coupled_as_neurons_are(method):
    see, solution = Window(3, 2, 1, 1), Solution(method, 4)
    torch.manual_seed(3)
    t = torch.rand(2, 2, 5, 5, dtype=torch.float64)
    w = 0.3 * torch.randn(3, 18, dtype=torch.float64)
    params = replace(LINEAR, coupling=COUPLED, gate=GATE, **OFF)

    def layer(t, w, own):
        return (membrane_potential(t, w, own, solution),)

    (expected,) = on_patches(layer, t, w, params, see, float("inf"))
    torch.testing.assert_close(membrane_images(t, w, params, solution, see), expected)


def test_first_spikes_refuse_synapses_that_leak():
    with pytest.raises(ValueError, match="conduct before their spikes"):
        first_spike(spikes(1, 4), weights(3, 4), PNNParameters(off_plus=1e-4))
