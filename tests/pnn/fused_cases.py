"""What tests of the fused kernels share. Import it first: it lets Triton interpret on the CPU."""

import os
from dataclasses import replace

import pytest
import torch

os.environ.setdefault("TRITON_INTERPRET", "1")
pytest.importorskip("triton", reason="triton is missing: pip install triton")

from tests.pnn.membranes import BY_CURRENT, LINEAR, SLOPED

KICKS = replace(
    LINEAR,
    kick=0.004,
    kick_per_weight_plus=-0.003,
    kick_per_weight_minus=-0.005,
    v_start=0.02,
    t_end=0.97,
)
PARAMETERS = {"linear": LINEAR, "kicks": KICKS, "sloped": SLOPED, "by current": BY_CURRENT}
# Below and above the sizes of blocks; the interpreter takes a while for every step of `exact`.
SIZES = {"exact": [(2, 9, 18)], "dstd": [(2, 17, 21), (1, 9, 270)]}
SINGLE, DOUBLE = torch.float32, torch.float64
TOLERANCE = {SINGLE: 1e-5, DOUBLE: 1e-12}


def data(batch, n_in, n_out, dtype=DOUBLE, size=0.5, spread="some", seed=0):
    """Spikes in order, before and after the window, in ties, on grid points or none; weights."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.rand(batch, n_in, dtype=DOUBLE, generator=generator) * 1.2 - 0.1
    if spread == "ties":
        t = torch.where(t < 0.5, 0.25, 0.75).to(DOUBLE)
    elif spread == "silent":
        t[0], t[1:, ::2] = torch.inf, torch.inf
    elif spread == "grid":
        t = (t * 5).round() / 5
    w = size * torch.randn(n_out, n_in, dtype=DOUBLE, generator=generator) / n_in**0.5
    w[0] = 0.0
    return t.to(dtype).requires_grad_(), w.to(dtype).requires_grad_()


def outputs_and_gradients(call, t, w):
    """All outputs, and gradients of a sum of the real ones with unequal weights."""
    out = call(t, w)
    out = out if isinstance(out, tuple) else (out,)
    total = torch.zeros((), dtype=t.dtype)
    for x in out:
        if x.is_floating_point() and x.requires_grad:
            probe = torch.linspace(0.3, 1.0, x.numel(), dtype=x.dtype).view(x.shape)
            total = total + (x * probe).sum()
    return [x.detach() for x in out] + list(torch.autograd.grad(total, (t, w)))


def check_same(fused, plain, t, w, tolerance=None):
    """Outputs and gradients agree, to so much of the largest value of each."""
    tolerance = TOLERANCE[t.dtype] if tolerance is None else tolerance
    found = outputs_and_gradients(fused, t, w)
    for a, b in zip(found, outputs_and_gradients(plain, t, w), strict=True):
        scale = max(1.0, float(b.double().abs().max()))
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * scale)
