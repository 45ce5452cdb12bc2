"""The transfer of a line: sweeps, scan and kernel are one thing, and so are their gradients."""

from dataclasses import replace

import pytest
import torch

from codesign.tile import TileParameters, tile_charge
from codesign.tile.line import line_transfer, scanned_factors, swept_factors

WIRES = pytest.mark.parametrize(
    "r,r_last", [(0.35, 0.35), (20.0, 300.0), (0.0, 50.0), (30.0, 0.0), (1e6, 1e6)]
)


def load(*shape, seed=1):
    drawn = torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn * 25e-6 * (drawn > 0.3)


@WIRES
@pytest.mark.parametrize("rows", [1, 2, 3, 31, 128])
def test_the_scan_is_the_sweep(rows, r, r_last):
    c = load(2, rows, 5)
    c[0, :, 0] = 0
    found, want = scanned_factors(c, r, r_last), swept_factors(c, r, r_last)
    torch.testing.assert_close(found, want, rtol=1e-12, atol=0)
    single = scanned_factors(c.float(), r, r_last)
    torch.testing.assert_close(single.double(), want, rtol=1e-5, atol=0)


@WIRES
@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_are_those_of_the_sweep(r, r_last, compiled):
    c = load(2, 37, 3).requires_grad_()
    toward = torch.randn(2, 37, 3, generator=torch.Generator().manual_seed(2)).double()
    transfer = line_transfer(c, r, r_last, compiled)
    want_transfer = swept_factors(c, r, r_last).flip(1).cumprod(1).flip(1)
    torch.testing.assert_close(transfer, want_transfer, rtol=1e-12, atol=0)
    (found,) = torch.autograd.grad((transfer * toward).sum(), c)
    (want,) = torch.autograd.grad((want_transfer * toward).sum(), c)
    torch.testing.assert_close(found, want, rtol=1e-9, atol=1e-9 * float(want.abs().max()))


def test_second_derivatives():
    c = (1e6 * load(5, 2)).requires_grad_()
    for compiled in (False, True):
        assert torch.autograd.gradgradcheck(
            lambda x, compiled=compiled: line_transfer(1e-6 * x, 5e3, 8e3, compiled), (c,)
        )


@pytest.mark.parametrize("rows,bits", [(5, 4), (40, 4), (40, None)])
def test_slopes_of_the_exact_ladder_for_pulses_that_end_together(rows, bits, sample):
    """Together they are the current that all of them take while they last."""
    x, plus, minus = sample(rows, 3, 2)
    generator = torch.Generator().manual_seed(3)
    x = torch.randint(5, x.shape, generator=generator) / 7 * x.sign()
    params = TileParameters(
        r_line_ohm=300.0, pulse_bits=bits, v_read_V=1.0, t_window_s=1.0, alternate_ends=True
    )
    leaf = x.clone().requires_grad_()
    q = 1e6 * tile_charge(leaf, plus, minus, params, "exact")
    (slope,) = torch.autograd.grad(q.sum(), leaf)
    step = 1e-3
    free = replace(params, pulse_bits=None)
    for length in x.abs().unique()[1:]:
        ending = x.abs() == length
        charges = [
            1e6 * tile_charge(x + s * step * x.sign() * ending, plus, minus, free, "exact").sum()
            for s in (0.0, -1.0)
        ]
        want = (charges[0] - charges[1]) / step
        found = (slope * x.sign() * ending).sum()
        torch.testing.assert_close(found, want, rtol=1e-6, atol=1e-6 * float(slope.abs().sum()))
