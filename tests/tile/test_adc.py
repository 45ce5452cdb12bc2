"""Converters and the calibration behind them."""

import pytest
import torch

from codesign.errors import InputError
from codesign.tile import (
    AdcParameters,
    TileParameters,
    calibrate_columns,
    convert_charge,
    ideal_charge,
    tile_charge,
)


def ramp(points=2001, span=1.5e-12):
    return torch.linspace(-span, span, points, dtype=torch.float64).unsqueeze(1)


@pytest.mark.parametrize("style", ["ramp", "cco"])
def test_codes_are_multiples_of_the_lsb_and_clip(style):
    adc = AdcParameters(style=style, bits=6)
    q = convert_charge(ramp(), adc)
    codes = q / adc.lsb_C
    torch.testing.assert_close(codes, codes.round(), atol=1e-9, rtol=0.0)
    assert codes.round().unique().tolist() == list(range(-31, 32))
    inside = ramp().abs() <= 1e-12
    assert (q - ramp()).abs()[inside].max() <= adc.lsb_C * 0.5001
    assert (q.diff(dim=0) >= 0).all()


def test_oscillator_phase_dithers():
    adc = AdcParameters(style="cco", bits=4)
    q = torch.full((40_000, 1), 0.3e-12, dtype=torch.float64)
    counted = convert_charge(q, adc, torch.Generator().manual_seed(1))
    assert counted.mean().item() == pytest.approx(0.3e-12, rel=0.01)
    assert len(counted.unique()) == 2


def test_oscillator_compresses_large_currents():
    adc = AdcParameters(style="cco", bits=16, compression=0.1)
    q = convert_charge(torch.tensor([[0.5e-12, 1e-12]], dtype=torch.float64), adc)
    assert q[0].tolist() == pytest.approx([0.475e-12, 0.9e-12], rel=1e-3)


def test_spread_is_fixed_per_column_and_calibrated_away(sample):
    x, plus, minus = sample(32, 6, 50)
    adc = AdcParameters(bits=14, full_scale_C=3e-12, offset_sigma_C=3e-14, gain_sigma=0.05, seed=3)
    params = TileParameters(r_line_ohm=2.0, adc=adc)
    found, want = tile_charge(x, plus, minus, params), ideal_charge(x, plus, minus, params)
    assert torch.equal(found, tile_charge(x, plus, minus, params))
    corrected = calibrate_columns(found, want)(found)
    before, after = ((q - want).pow(2).mean().sqrt() for q in (found, corrected))
    assert after < 0.1 * before


def test_gradients_of_both_kinds():
    q = torch.tensor([[0.2e-12, 3e-12]], dtype=torch.float64, requires_grad=True)
    slopes = [
        torch.autograd.grad(convert_charge(q, AdcParameters(gradient=kind)).sum(), q)[0][0]
        for kind in ("straight_through", "smooth")
    ]
    assert slopes[0].tolist() == [1.0, 0.0]
    assert slopes[1][0] == 1.0 and 0 < slopes[1][1] < 0.2


def test_calibration_of_silent_columns_and_bad_shapes():
    found = torch.zeros(5, 2)
    result = calibrate_columns(found, found + 1)
    assert result.gain.tolist() == [1.0, 1.0] and torch.equal(result(found), found + 1)
    with pytest.raises(InputError, match="equal"):
        calibrate_columns(found, found[:, :1])
    gain_only = calibrate_columns(found + 2, found + 1, offset=False)
    assert gain_only.gain.tolist() == [0.5, 0.5] and gain_only.offset.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "key,value",
    [
        ("style", "sar"), ("bits", 1), ("full_scale_C", 0.0), ("offset_sigma_C", -1.0),
        ("gain_sigma", float("nan")), ("compression", 0.5), ("gradient", "none"),
    ],
)  # fmt: skip
def test_adc_parameters_out_of_range(key, value):
    with pytest.raises(InputError):
        AdcParameters(**{key: value})
