"""The mean-field model against the exact ladder: values, limits, gradients, backends."""

from dataclasses import replace

import pytest
import torch

from codesign.tile import TileError, TileParameters, ideal_charge, load_number, tile_charge


def rms_error(found, want):
    """rms error as a share of the wanted output's rms."""
    return float((found.double() - want).pow(2).mean().sqrt() / want.pow(2).mean().sqrt())


@pytest.mark.parametrize(
    "rows,r,most",
    [(64, 0.35, 1e-3), (128, 0.35, 1e-3), (256, 1.0, 5e-3), (512, 0.35, 5e-3), (512, 2.0, 1.3e-2)],
)
def test_error_is_that_of_unequal_rows(rows, r, most, sample):
    x, plus, minus = sample(rows, 16, 8)
    params = TileParameters(r_line_ohm=r)
    want = tile_charge(x, plus, minus, params, "exact")
    found = tile_charge(x, plus, minus, params, "mean_field")
    assert rms_error(found, want) <= most
    # What it leaves is a small part of what leaving the drop out costs.
    assert rms_error(found, want) < 0.06 * rms_error(ideal_charge(x, plus, minus, params), want)
    # More levels give nothing more.
    finer = tile_charge(x, plus, minus, replace(params, levels=6), "mean_field")
    assert rms_error(finer, want) > 0.8 * rms_error(found, want)
    single = [t.float() for t in (x, plus, minus)]
    assert rms_error(tile_charge(*single, params, "mean_field"), found) < 1e-5
    coarse = replace(params, products="bfloat16")
    assert rms_error(tile_charge(*single, coarse, "mean_field"), found) < 3e-3


def test_equal_rows_are_exact(sample):
    _, plus, _ = sample(64, 1, 1)
    plus = plus.abs().mean().expand(64, 3).contiguous()
    minus = torch.zeros_like(plus)
    x = torch.tensor([[0.9], [0.31], [-0.07]], dtype=torch.float64).expand(3, 64).contiguous()
    params = TileParameters(r_line_ohm=20.0, levels=9)
    assert load_number(plus, 20.0, 0.0) > 0.4
    want = tile_charge(x, plus, minus, params, "exact")
    assert rms_error(tile_charge(x, plus, minus, params, "mean_field"), want) < 1e-8


def test_short_pulses_need_no_finer_setting(sample):
    """Activations of networks fill a small part of the window."""
    x, plus, minus = sample(256, 16, 8)
    params = TileParameters(r_line_ohm=2.0)
    want = tile_charge(0.1 * x, plus, minus, params, "exact")
    assert rms_error(tile_charge(0.1 * x, plus, minus, params, "mean_field"), want) < 1e-2


@pytest.mark.parametrize("bits", [8, None])
@pytest.mark.parametrize("differential", ["shared", "paired"])
@pytest.mark.parametrize("rows,cols", [(1, 1), (1, 3), (2, 1), (37, 130)])
def test_backends_give_equal_numbers(rows, cols, differential, bits, sample, backends_agree):
    x, plus, minus = sample(rows, cols, 4)
    x[0, 0], x[1] = 0.0, 0.0
    params = TileParameters(
        r_line_ohm=50.0, r_integrator_ohm=30.0, pulse_bits=bits, differential=differential, levels=3
    )
    backends_agree((x, plus, minus), params, "mean_field")


@pytest.mark.parametrize("backend", ["torch", "compiled"])
@pytest.mark.parametrize("levels", [2, 3])
def test_gradcheck(backend, levels, sample):
    x, plus, minus = sample(7, 3, 2)
    x = (x * 0.9 + 0.03 * x.sign()).requires_grad_()
    g = [(1e6 * t + 0.5).requires_grad_() for t in (plus, minus)]
    params = TileParameters(
        r_line_ohm=2e3, r_integrator_ohm=1e3, pulse_bits=None, levels=levels, v_read_V=1.0,
        t_window_s=1.0,
    )  # fmt: skip

    def charge(pulse, g_plus, g_minus):
        return 1e6 * tile_charge(
            pulse, 1e-6 * g_plus, 1e-6 * g_minus, params, "mean_field", backend=backend
        )

    assert torch.autograd.gradcheck(charge, (x, *g))


def test_gradients_of_the_exact_ladder(sample):
    x, plus, minus = sample(256, 4, 6)
    params = TileParameters(r_line_ohm=1.0, pulse_bits=None)
    weight = torch.randn(6, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    grads = []
    for method in ("exact", "mean_field"):
        leaves = [t.clone().requires_grad_() for t in (x, plus, minus)]
        q = tile_charge(*leaves, params, method)
        grads.append(torch.autograd.grad((weight * q).sum(), leaves))
    pulse, g_plus, g_minus = (rms_error(b, a) for a, b in zip(*grads, strict=True))
    assert max(g_plus, g_minus) < 0.02 and pulse < 0.06


@pytest.mark.parametrize("r", [0.0, 1e-9, 1e9])
def test_extreme_lines(r, sample):
    x, plus, minus = sample(16, 3, 3)
    x[0] = 0.0
    leaves = [t.clone().requires_grad_() for t in (x, plus, minus)]
    params = TileParameters(r_line_ohm=r)
    q = tile_charge(*leaves, params, "mean_field")
    grads = torch.autograd.grad(q.sum(), leaves)
    assert all(torch.isfinite(t).all() for t in (q, *grads))
    if r < 1e-3:
        assert torch.allclose(q, ideal_charge(x, plus, minus, params), rtol=1e-8)


def test_no_conductance_gives_no_charge(sample):
    x, plus, _ = sample(8, 2, 2)
    zero = torch.zeros_like(plus).requires_grad_()
    q = tile_charge(x, zero, zero, TileParameters(r_line_ohm=5.0), "mean_field")
    (grad,) = torch.autograd.grad(q.sum(), zero)
    assert (q == 0).all() and torch.isfinite(grad).all()


def test_opposite_source_line_is_refused(sample):
    x, plus, minus = sample(8, 2, 2)
    params = TileParameters(r_line_ohm=1.0, r_source_ohm=1.0, source_end="opposite")
    with pytest.raises(TileError, match="opposite end"):
        tile_charge(x, plus, minus, params, "mean_field")
