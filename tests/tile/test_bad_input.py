"""Bad input is refused by name; extreme input gives numbers, never NaN."""

import math

import pytest
import torch

from codesign.errors import CodesignError
from codesign.tile import TileError, TileParameters, ideal_charge, tile_charge

PARAMS = TileParameters()
METHODS = pytest.mark.parametrize("method", ["exact", "fast"])


@pytest.fixture
def tile(sample):
    return list(sample(8, 3, 2))


@pytest.mark.parametrize(
    "change,message",
    [
        (lambda t: t.__setitem__(0, t[0][0]), "pulse must be"),
        (lambda t: t.__setitem__(0, t[0][:, :5]), "pulse must be"),
        (lambda t: t.__setitem__(2, t[2][:, :2]), "differ"),
        (lambda t: t.__setitem__(0, t[0] * 1.5), "outside"),
        (lambda t: t.__setitem__(0, t[0] * math.nan), "outside"),
        (lambda t: t.__setitem__(0, t[0].float()), "dtype"),
        (lambda t: t.__setitem__(1, t[1] - 1e-6), "negative"),
        (lambda t: t.__setitem__(2, t[2] * math.nan), "NaN"),
        (lambda t: t.__setitem__(2, t[2] + math.inf), "infinite"),
    ],
)
def test_tensors_that_are_no_tile(tile, change, message):
    change(tile)
    with pytest.raises(TileError, match=message) as caught:
        tile_charge(*tile, PARAMS)
    assert isinstance(caught.value, CodesignError) and isinstance(caught.value, ValueError)


def test_no_rows_and_no_columns():
    for rows, cols in ((0, 3), (3, 0)):
        with pytest.raises(TileError, match="needs rows and columns"):
            tile_charge(torch.zeros(2, rows), *[torch.zeros(rows, cols)] * 2, PARAMS)


@pytest.mark.parametrize(
    "key,value",
    [
        ("cell", "floating"), ("differential", "none"), ("input_mode", "analog"),
        ("read_end", "middle"), ("read_noise", "on"), ("r_line_ohm", -1.0),
        ("r_line_ohm", math.nan), ("r_source_ohm", math.inf), ("v_read_V", 0.0),
        ("t_window_s", -1e-9), ("pulse_bits", 1), ("pulse_bits", 8.0), ("accuracy", 0.0),
        ("elements", 0), ("slices", 1.5), ("levels", 0), ("products", "half"),
    ],
)  # fmt: skip
def test_parameters_out_of_range(key, value):
    with pytest.raises(TileError, match=key):
        TileParameters(**{key: value})


def test_unknown_method_and_backend(tile):
    with pytest.raises(TileError, match="method"):
        tile_charge(*tile, PARAMS, "best")
    with pytest.raises(TileError, match="backend"):
        tile_charge(*tile, PARAMS, backend="cuda")
    with pytest.raises(TileError, match="pulse_bits"):
        TileParameters(pulse_bits=None, input_mode="bit_sliced")


def test_noise_without_a_generator(tile):
    with pytest.raises(TileError, match="generator"):
        tile_charge(*tile, TileParameters(read_noise="output"))


@METHODS
@pytest.mark.parametrize("cell", ["gated", "rail"])
@pytest.mark.parametrize("backend", ["torch", "compiled"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("r", [0.0, 1e-9, 1e6, 1e12])
def test_extreme_resistance(method, cell, backend, dtype, r, sample):
    x, plus, minus = (t.to(dtype).requires_grad_() for t in sample(8, 3, 2))
    params = TileParameters(cell=cell, r_line_ohm=r)
    q = tile_charge(x, plus, minus, params, method, backend=backend)
    grads = torch.autograd.grad(q.sum(), (x, plus, minus))
    assert all(torch.isfinite(t).all() for t in (q, *grads))
    q, ideal = q.detach(), ideal_charge(x, plus, minus, params).detach()
    if r < 1e-3:
        torch.testing.assert_close(q, ideal, rtol=1e-4, atol=1e-6 * float(ideal.abs().max()))
    elif r > 1e9:
        assert q.abs().max() < 1e-3 * ideal.abs().max()


@METHODS
@pytest.mark.parametrize("rows,cols", [(1, 1), (1, 4), (5, 1)])
def test_small_and_silent_tiles(method, rows, cols, sample):
    x, plus, minus = sample(rows, cols, 2)
    for pulse in (torch.zeros_like(x), x):
        leaf = pulse.clone().requires_grad_()
        q = tile_charge(leaf, plus, minus, PARAMS, method)
        assert q.shape == (2, cols) and torch.isfinite(q).all()
        assert torch.isfinite(torch.autograd.grad(q.sum(), leaf)[0]).all()
        assert (q == 0).all() == (pulse == 0).all()
    zero = torch.zeros_like(plus)
    assert (tile_charge(x, zero, zero, PARAMS, method) == 0).all()
    assert tile_charge(x[:0], plus, minus, PARAMS, method).shape == (0, cols)
