"""Exact solutions by blocks of spikes say the same as spike by spike."""

from dataclasses import replace

import pytest
import torch

from codesign.pnn import exact_blocks
from codesign.pnn.exact import exact_crossing, exact_membrane
from codesign.pnn.exact_blocks import blocked_crossing, blocked_membrane
from tests.pnn.membranes import BY_CURRENT, FULL, LINEAR, SLOPED, spikes, weights


def gradients(call, t, w):
    out = [x for x in call(t, w) if x.is_floating_point()]
    total = sum((x * torch.linspace(0.3, 1.0, x.numel()).view(x.shape)).sum() for x in out)
    return [x.detach() for x in out] + list(torch.autograd.grad(total, (t, w)))


def check(blocked, plain, t, w):
    t, w = t.requires_grad_(), w.requires_grad_()
    for a, b in zip(gradients(blocked, t, w), gradients(plain, t, w), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def inputs(n_in):
    t = spikes(3, n_in) * 1.3 - 0.1
    t[0], t[1, ::2] = 0.25, torch.inf
    return t, weights(5, n_in) / n_in**0.5


SERIES = [replace(SLOPED, series=0.02), replace(FULL, series=0.02)]


@pytest.mark.parametrize("n_in", [1, 8, 11, 40])
@pytest.mark.parametrize("params", [LINEAR, SLOPED, FULL, BY_CURRENT, *SERIES])
def test_membranes_are_those_spike_by_spike(params, n_in, monkeypatch):
    monkeypatch.setattr(exact_blocks, "_BLOCK", 8)
    check(
        lambda t, w: (blocked_membrane(t, w, params),),
        lambda t, w: (exact_membrane(t, w, params),),
        *inputs(n_in),
    )


@pytest.mark.parametrize("n_in", [1, 7, 8, 40])
@pytest.mark.parametrize("params", [LINEAR, SLOPED, BY_CURRENT])
def test_crossings_are_those_spike_by_spike(params, n_in, monkeypatch):
    monkeypatch.setattr(exact_blocks, "_BLOCK", 8)
    t, w = inputs(n_in)
    w = (w + 2.0 / n_in).detach()
    check(
        lambda t, w: blocked_crossing(t, w, params, 1.1),
        lambda t, w: exact_crossing(t, w, params, 1.1),
        *(t, w),
    )
    found, expected = (f(t, w, params, 1.1) for f in (blocked_crossing, exact_crossing))
    assert torch.equal(found.interval, expected.interval)


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_large_weights_stay_finite(size):
    t, w = inputs(40)
    t, w = t.float().requires_grad_(), (size * w).float().requires_grad_()
    for params in (LINEAR, FULL):
        v = blocked_membrane(t, w, params)
        grads = torch.autograd.grad(v.sum(), (t, w))
        expected = exact_membrane(t, w, params)
        torch.testing.assert_close(v, expected, rtol=1e-3, atol=1e-3)
        assert all(bool(torch.isfinite(x).all()) for x in grads)
