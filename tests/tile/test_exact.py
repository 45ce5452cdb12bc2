"""The exact ladder against sparse nodal analysis and closed forms."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import spsolve

from codesign.tile import TileParameters, ideal_charge, tile_charge


def close(found, want, rtol=1e-9):
    """Charges are far below torch's absolute tolerances: compare with the largest instead."""
    return bool((found - want).abs().max() <= rtol * want.abs().max())


def nodal_charge(pulse, w, c, params, slots, *, source_line=False):
    """One column by nodal analysis, slot by slot: charge in C. Rail cells stay loaded."""
    rows, cols = w.shape
    r, r_last = params.r_line_ohm, params.r_line_ohm + params.r_integrator_ohm
    wires = np.append(np.full(rows - 1, 1 / r), 1 / r_last)
    left = np.concatenate([[0.0], wires[:-1]])
    out = np.zeros((len(pulse), cols))
    counts = np.round(np.abs(pulse) * slots).astype(int)
    for b in range(len(pulse)):
        for k in range(slots):
            on = (counts[b] > k).astype(float)
            for col in range(cols):
                load = c[:, col] if params.cell == "rail" else on * c[:, col]
                matrix = sp.diags([left + wires + load, -wires[:-1], -wires[:-1]], [0, 1, -1])
                v = spsolve(matrix.tocsc(), on * np.sign(pulse[b]) * w[:, col] * params.v_read_V)
                out[b, col] += v[-1] * wires[-1]
    return out * params.t_window_s / slots


@pytest.mark.parametrize("cell", ["gated", "rail"])
@pytest.mark.parametrize("differential", ["shared", "paired"])
@pytest.mark.parametrize("r_integrator", [0.0, 40.0])
def test_exact_is_nodal_analysis(cell, differential, r_integrator, sample):
    x, plus, minus = sample(96, 3, 2)
    params = TileParameters(
        cell=cell, r_line_ohm=2.0, differential=differential, r_integrator_ohm=r_integrator
    )
    p, m = plus.numpy(), minus.numpy()
    if differential == "shared":
        want = nodal_charge(x.numpy(), p - m, p + m, params, 127)
    else:
        want = nodal_charge(x.numpy(), p, p, params, 127)
        want = want - nodal_charge(x.numpy(), m, m, params, 127)
    for backend in ("torch", "compiled"):
        found = tile_charge(x, plus, minus, params, "exact", backend=backend).numpy()
        assert np.abs(found - want).max() <= 1e-9 * np.abs(want).max()


def test_the_signs_and_units_of_one_cell():
    params = TileParameters(r_line_ohm=0.0)
    one = torch.ones(1, 1, dtype=torch.float64)
    q = tile_charge(one, 25e-6 * one, 5e-6 * one, params, "exact")
    assert q.item() == pytest.approx(0.2 * 127e-9 * 20e-6)
    q = tile_charge(-one, 25e-6 * one, 5e-6 * one, params)
    assert q.item() == pytest.approx(-0.2 * 127e-9 * 20e-6)
    # One cell behind one wire: a divider.
    q = tile_charge(one, 25e-6 * one, 0 * one, TileParameters(r_line_ohm=1e4), "exact")
    assert q.item() == pytest.approx(0.2 * 127e-9 * 25e-6 / 1.25)


def test_the_far_row_loses_more_than_the_near_one(sample):
    _, plus, minus = sample(64, 4, 1)
    params = TileParameters(cell="rail", r_line_ohm=5.0)
    pulse = torch.eye(64, dtype=torch.float64)[[0, 63]]
    q = tile_charge(pulse, plus, minus, params)
    kept = q / ideal_charge(pulse, plus, minus, params)
    assert (kept[0] < kept[1]).all() and (kept < 1).all() and (kept > 0.5).all()


@pytest.mark.parametrize("method", ["exact", "fast"])
def test_read_ends(method, sample):
    x, plus, minus = sample(48, 5, 3)
    params = TileParameters(r_line_ohm=3.0)
    turned = tile_charge(x.flip(1), plus.flip(0), minus.flip(0), params, method)
    far = TileParameters(r_line_ohm=3.0, read_end="far")
    assert close(tile_charge(x, plus, minus, far, method), turned)
    both = TileParameters(r_line_ohm=3.0, alternate_ends=True)
    q = tile_charge(x, plus, minus, both, method)
    near = tile_charge(x, plus, minus, params, method)
    # The setting follows the most loaded column of each end.
    tolerance = 1e-9 if method == "exact" else 1e-3
    assert close(q[:, 0::2], near[:, 0::2], tolerance)
    assert close(q[:, 1::2], turned[:, 1::2], tolerance)


def test_source_line_adds_its_resistance(sample):
    x, plus, minus = sample(32, 4, 2)
    split = TileParameters(r_line_ohm=1.0, r_source_ohm=0.5)
    whole = TileParameters(r_line_ohm=1.5)
    assert close(
        tile_charge(x, plus, minus, split, "exact"), tile_charge(x, plus, minus, whole, "exact")
    )


def test_source_line_is_two_ladders(sample):
    """Bit and source line of a unipolar column as a network of 2 N nodes."""
    _, plus, _ = sample(40, 1, 1)
    g = plus.numpy()[:, 0] + 1e-6
    rows, r_bit, r_source, v = len(g), 2.0, 3.0, 0.2
    a = np.zeros((2 * rows, 2 * rows))
    b = np.zeros(2 * rows)
    for j in range(rows):
        for line, r in ((0, r_bit), (rows, r_source)):
            n = line + j
            # Both lines end behind row N - 1: one at 0 V, the other at the read voltage.
            a[n, n] += 1 / r
            if j + 1 < rows:
                a[n, n + 1] -= 1 / r
                a[n + 1, n] -= 1 / r
                a[n + 1, n + 1] += 1 / r
            elif line:
                b[n] += v / r
        a[j, j] += g[j]
        a[rows + j, rows + j] += g[j]
        a[j, rows + j] -= g[j]
        a[rows + j, j] -= g[j]
    want = np.linalg.solve(a, b)[rows - 1] / r_bit
    params = TileParameters(
        r_line_ohm=r_bit, r_source_ohm=r_source, t_window_s=1.0, differential="paired"
    )
    plus = torch.tensor(g).unsqueeze(1)
    q = tile_charge(torch.ones(1, rows, dtype=torch.float64), plus, 0 * plus, params, "exact")
    assert q.item() == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("cell", ["gated", "rail"])
def test_bit_sliced_reads(cell, sample):
    x, plus, minus = sample(32, 4, 3)
    free = TileParameters(cell=cell, r_line_ohm=0.0, input_mode="bit_sliced")
    assert close(tile_charge(x, plus, minus, free), ideal_charge(x, plus, minus, free))
    # With resistance, a bit plane loads the line with other rows than a pulse's slots do.
    wide = TileParameters(cell=cell, r_line_ohm=20.0)
    sliced = TileParameters(cell=cell, r_line_ohm=20.0, input_mode="bit_sliced")
    q, q_wide = (tile_charge(x, plus, minus, p) for p in (sliced, wide))
    assert close(q, q_wide) == (cell == "rail")
    q_plane = tile_charge(x.sign(), plus, minus, sliced, "exact")
    assert close(q_plane, tile_charge(x.sign(), plus, minus, wide, "exact"))


def test_rail_adds_up_and_gated_does_not(sample):
    x, plus, minus = sample(64, 4, 2)
    first = torch.arange(64) < 32
    for cell, adds_up in (("rail", True), ("gated", False)):
        params = TileParameters(cell=cell, r_line_ohm=5.0, pulse_bits=None)
        parts = [tile_charge(x * on, plus, minus, params, "exact") for on in (first, ~first)]
        whole = tile_charge(x, plus, minus, params, "exact")
        assert close(parts[0] + parts[1], whole) == adds_up
        # Both scale with the length of all pulses together.
        assert close(2 * tile_charge(x / 2, plus, minus, params, "exact"), whole)
