"""A source line driven from the end opposite to the integrator, against nodal analysis."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import spsolve

from codesign.tile import TileError, TileParameters, ideal_charge, tile_charge

R_LINE_OHM, R_SOURCE_OHM = 2.0, 3.0


def opposite(**changes):
    chosen = dict(
        r_line_ohm=R_LINE_OHM, r_source_ohm=R_SOURCE_OHM, source_end="opposite"
    )  # fmt: skip
    return TileParameters(**(chosen | changes))


def close(found, want, rtol=1e-9):
    return bool((found - want).abs().max() <= rtol * want.abs().max())


def rms_error(found, want):
    return float((found.double() - want).pow(2).mean().sqrt() / want.pow(2).mean().sqrt())


def two_line_current(source, load, params):
    """Current into the integrator of one column, all 2 N + 1 nodes of both lines.

    source, load (rows,) in S times the read voltage's unit: what the cells drive, and what loads
    the two lines. Bit line: nodes 0 .. N - 1 and the integrator's input N. Source line: nodes
    N + 1 + j; its driver is beyond row 0.
    """
    rows = len(load)
    bit, src = np.arange(rows + 1), rows + 1 + np.arange(rows)
    a, b = sp.lil_matrix((2 * rows + 1, 2 * rows + 1)), np.zeros(2 * rows + 1)

    def wire(n, m, conductance):
        a[n, n] += conductance
        if m is not None:
            a[m, m] += conductance
            a[n, m] -= conductance
            a[m, n] -= conductance

    for j in range(rows):
        wire(bit[j], bit[j + 1], 1 / params.r_line_ohm)
        wire(src[j], src[j - 1] if j else None, 1 / params.r_source_ohm)
        # A cell takes source - load * (bit - src) out of the source line, into the bit line.
        wire(bit[j], src[j], load[j])
        b[bit[j]] += source[j]
        b[src[j]] -= source[j]
    if params.r_integrator_ohm:
        wire(bit[rows], None, 1 / params.r_integrator_ohm)
        v = spsolve(a.tocsc(), b)
        return v[bit[rows]] / params.r_integrator_ohm
    keep = np.delete(np.arange(2 * rows + 1), rows)
    v = spsolve(a.tocsc()[keep][:, keep], b[keep])
    return v[rows - 1] / params.r_line_ohm


def nodal_charge(pulse, w, c, params):
    out = np.zeros((len(pulse), w.shape[1]))
    counts = np.round(np.abs(pulse) * params.slots).astype(int)
    for b in range(len(pulse)):
        before = 0
        for end in np.unique(counts[b][counts[b] > 0]):
            on = (counts[b] >= end).astype(float)
            for col in range(w.shape[1]):
                load = c[:, col] if params.cell == "rail" else on * c[:, col]
                source = on * np.sign(pulse[b]) * w[:, col]
                out[b, col] += (end - before) * two_line_current(source, load, params)
            before = end
    return out * params.v_read_V * params.t_window_s / params.slots


@pytest.mark.parametrize("rows", [1, 2, 17, 64])
@pytest.mark.parametrize("cell", ["gated", "rail"])
@pytest.mark.parametrize("differential", ["shared", "paired"])
@pytest.mark.parametrize("r_integrator", [0.0, 40.0])
def test_exact_is_nodal_analysis_of_both_lines(rows, cell, differential, r_integrator, sample):
    x, plus, minus = sample(rows, 2, 2)
    params = opposite(
        cell=cell, differential=differential, r_integrator_ohm=r_integrator, pulse_bits=5
    )
    p, m = plus.numpy(), minus.numpy()
    if differential == "shared":
        want = nodal_charge(x.numpy(), p - m, p + m, params)
    else:
        want = nodal_charge(x.numpy(), p, p, params) - nodal_charge(x.numpy(), m, m, params)
    for backend in ("torch", "compiled"):
        found = tile_charge(x, plus, minus, params, "exact", backend=backend).numpy()
        assert np.abs(found - want).max() <= 1e-9 * np.abs(want).max()
    # One element per row and one slice per slot leave no error.
    whole = dataclasses.replace(params, elements=rows, slices=params.slots)
    for backend in ("torch", "compiled"):
        found = tile_charge(x, plus, minus, whole, backend=backend).numpy()
        assert np.abs(found - want).max() <= 1e-9 * np.abs(want).max()


@pytest.mark.parametrize("rows", [64, 256, 512])
@pytest.mark.parametrize("r_line,r_source", [(0.35, 0.35), (2.0, 0.5), (0.2, 2.0), (0.0, 1.0)])
def test_fast_is_within_its_accuracy(rows, r_line, r_source, sample):
    x, plus, minus = sample(rows, 12, 3)
    params = opposite(r_line_ohm=r_line, r_source_ohm=r_source)
    want = tile_charge(x, plus, minus, params, "exact")
    assert rms_error(tile_charge(x, plus, minus, params), want) <= 1e-3
    single = [t.float() for t in (x, plus, minus)]
    assert rms_error(tile_charge(*single, params), want) <= 1e-3
    assert rms_error(ideal_charge(x, plus, minus, params), want) > 2e-3 or rows == 64


@pytest.mark.parametrize("rows,cols", [(1, 1), (1, 3), (2, 1), (37, 130)])
def test_backends_give_equal_numbers(rows, cols, sample, backends_agree):
    x, plus, minus = sample(rows, cols, 3)
    x[0, 0] = 0.0
    params = opposite(r_line_ohm=12.0, r_source_ohm=8.0, elements=5, slices=6)
    backends_agree((x, plus, minus), params)


@pytest.mark.parametrize("method", ["exact", "fast"])
@pytest.mark.parametrize("backend", ["torch", "compiled"])
@pytest.mark.parametrize("cell", ["gated", "rail"])
def test_gradcheck(method, backend, cell, sample):
    x, plus, minus = sample(7, 3, 2)
    x = (x * 0.9 + 0.03 * x.sign()).requires_grad_()
    g = [(1e6 * t + 0.5).requires_grad_() for t in (plus, minus)]
    params = opposite(
        cell=cell, r_line_ohm=2e3, r_source_ohm=1e3, pulse_bits=None, r_integrator_ohm=500.0,
        elements=3, slices=4, v_read_V=1.0, t_window_s=1.0,
    )  # fmt: skip

    def charge(pulse, g_plus, g_minus):
        return 1e6 * tile_charge(pulse, 1e-6 * g_plus, 1e-6 * g_minus, params, method,
                                 backend=backend)  # fmt: skip

    assert torch.autograd.gradcheck(charge, (x, *g), eps=1e-6, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("method", ["exact", "fast"])
@pytest.mark.parametrize("cell", ["gated", "rail"])
def test_without_source_resistance_the_end_does_not_matter(method, cell, sample):
    x, plus, minus = sample(40, 4, 2)
    for r_source in (0.0, 1e-9):
        here, there = (
            tile_charge(x, plus, minus, TileParameters(
                cell=cell, r_line_ohm=2.0, r_source_ohm=r_source, r_integrator_ohm=20.0,
                source_end=end, elements=40, slices=127,
            ), method)
            for end in ("same", "opposite")
        )  # fmt: skip
        assert close(here, there, 1e-8)


@pytest.mark.parametrize("cell", ["gated", "rail"])
def test_equal_lines_and_equal_cells_lose_the_same_at_both_ends(cell):
    """Row 0 has a long bit line, row N - 1 a long source line: the profile is symmetric."""
    rows = 33
    g = torch.full((rows, 1), 20e-6, dtype=torch.float64)
    params = opposite(cell=cell, r_line_ohm=10.0, r_source_ohm=10.0, pulse_bits=None)
    leaf = torch.ones(1, rows, dtype=torch.float64)
    lost = []
    for source_end in ("opposite", "same"):
        # By reciprocity a row's share of the current is the slope by its own device.
        weights = g.clone().requires_grad_()
        end = dataclasses.replace(params, source_end=source_end)
        q = tile_charge(leaf, weights, 0 * g, end, "exact")
        (slope,) = torch.autograd.grad(q.sum(), weights)
        lost.append(slope.squeeze(1))
    # Bit line N - j segments to row j, source line j + 1: mirrored they are each other's.
    assert close(lost[0], lost[0].flip(0), 1e-12)
    middle = lost[0][rows // 2]
    assert (lost[0] <= lost[0][0] + 1e-20).all() and middle < lost[0][0]
    # Driven from the integrator's end, the far row loses most, and the rows differ more.
    assert lost[1][0] < lost[1][-1]
    assert lost[0].max() - lost[0].min() < 0.5 * (lost[1].max() - lost[1].min())


@pytest.mark.parametrize("differential", ["shared", "paired"])
@pytest.mark.parametrize("method", ["exact", "fast"])
def test_read_ends_mirror_both_lines(method, differential, sample):
    x, plus, minus = sample(48, 5, 3)
    params = opposite(differential=differential, elements=48, slices=127)
    turned = tile_charge(x.flip(1), plus.flip(0), minus.flip(0), params, method)
    far = dataclasses.replace(params, read_end="far")
    assert close(tile_charge(x, plus, minus, far, method), turned)
    both = dataclasses.replace(params, alternate_ends=True)
    q, near = tile_charge(x, plus, minus, both, method), tile_charge(x, plus, minus, params, method)
    assert close(q[:, 0::2], near[:, 0::2]) and close(q[:, 1::2], turned[:, 1::2])


def test_bit_sliced_reads(sample):
    x, plus, minus = sample(24, 3, 2)
    sliced, wide = opposite(input_mode="bit_sliced"), opposite()
    q = tile_charge(x.sign(), plus, minus, sliced)
    assert close(q, tile_charge(x.sign(), plus, minus, wide, "exact"))
    x.requires_grad_()
    (slope,) = torch.autograd.grad(tile_charge(x, plus, minus, sliced).sum(), x)
    assert torch.isfinite(slope).all() and slope.abs().max() > 0


@pytest.mark.parametrize("method", ["exact", "fast"])
@pytest.mark.parametrize("cell", ["gated", "rail"])
@pytest.mark.parametrize("backend", ["torch", "compiled"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("r", [1e-9, 1e6, 1e12])
def test_extreme_resistance(method, cell, backend, dtype, r, sample):
    x, plus, minus = (t.to(dtype) for t in sample(8, 3, 2))
    x[0, 4:], x[1] = 0.0, 0.0
    leaves = [t.requires_grad_() for t in (x, plus, minus)]
    params = opposite(cell=cell, r_line_ohm=r, r_source_ohm=r)
    q = tile_charge(*leaves, params, method, backend=backend)
    grads = torch.autograd.grad(q.sum(), leaves)
    assert all(torch.isfinite(t).all() for t in (q, *grads))
    ideal = ideal_charge(*leaves, params).detach()
    if r < 1e-3:
        torch.testing.assert_close(
            q.detach(), ideal, rtol=1e-4, atol=1e-6 * float(ideal.abs().max())
        )
    elif r > 1e9:
        assert q.detach().abs().max() < 1e-3 * ideal.abs().max()


def test_unknown_end():
    with pytest.raises(TileError, match="source_end"):
        TileParameters(source_end="middle")
