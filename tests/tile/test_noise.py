"""Device noise: formulas, independence, seeds; slow effects of devices."""

import dataclasses
import math

import pytest
import torch

from codesign.tile import (
    TileParameters,
    draw_read_noise,
    drift_exponents,
    drifted,
    flicker_sigma,
    program,
    read_noise_sigma,
    tile_charge,
)
from codesign.tile.devices import programming_sigma
from codesign.tile.transfer import mean_activity

DRAWS = 100_000


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def test_sigma_over_conductance_of_the_literature():
    g = torch.tensor(5e-6, dtype=torch.float64)
    for time_s, percent in ((1e-9, 4.9), (10e-9, 3.1), (127e-9, 2.1), (1e-6, 1.5)):
        sigma = read_noise_sigma(g, torch.tensor(time_s, dtype=torch.float64))
        assert 100 * sigma / g == pytest.approx(percent, abs=0.06)


@pytest.mark.parametrize("g_uS", [0.0, 1.0, 5.0, 25.0])
@pytest.mark.parametrize("time_s", [1e-9, 10e-9, 127e-9, 1e-6])
def test_draws_have_the_formulas_sigma(g_uS, time_s):
    g = torch.full((DRAWS,), g_uS * 1e-6, dtype=torch.float64)
    t = torch.tensor(time_s, dtype=torch.float64)
    x = math.log10(time_s * 1e9)
    slope = 2.1926e-4 * x**4 - 1.87352e-3 * x**3 + 6.55714e-3 * x**2 - 0.0146159 * x + 0.02578764
    offset = 1e6 * (
        1.11906e-9 * x**4 - 9.08577e-9 * x**3 + 3.07015e-8 * x**2 - 6.77079e-8 * x + 1.17763e-7
    )
    found = draw_read_noise(g, t, seeded())
    assert found.std().item() == pytest.approx(1e-6 * (slope * g_uS + offset), rel=0.02)
    assert abs(found.mean()) < 5 * found.std() / math.sqrt(DRAWS)


def test_times_outside_the_validity_are_clamped():
    g = torch.tensor(5e-6, dtype=torch.float64)
    times = torch.tensor([0.0, 1e-10, 1e-9, 1e-6, 1.0], dtype=torch.float64)
    sigma = read_noise_sigma(g, times)
    assert sigma[0] == 0 and sigma[1] == sigma[2] and sigma[3] == sigma[4]


@pytest.mark.parametrize("mode", ["device", "output"])
def test_tile_noise_is_independent_between_mvms_and_repeats_by_seed(mode, sample):
    x, plus, minus = sample(16, 6, 1)
    x = x.expand(300, 16).contiguous()
    params = TileParameters(r_line_ohm=0.0, read_noise=mode)
    clean = tile_charge(x, plus, minus, dataclasses.replace(params, read_noise="off"))
    noise = tile_charge(x, plus, minus, params, generator=seeded()) - clean
    again = tile_charge(x, plus, minus, params, generator=seeded()) - clean
    other = tile_charge(x, plus, minus, params, generator=seeded(2)) - clean
    assert torch.equal(noise, again) and not torch.equal(noise, other)
    # Neither columns (their own devices) nor successive MVMs share anything.
    z = noise / noise.std(dim=0)
    between = (z.t() @ z / len(z)).fill_diagonal_(0)
    assert between.abs().max() < 5 / math.sqrt(len(z))
    successive = (z[1:] * z[:-1]).mean(dim=0)
    assert successive.abs().max() < 5 / math.sqrt(len(z))


def test_output_noise_is_the_sum_of_device_noise(sample):
    x, plus, minus = sample(24, 4, 1)
    x[0, :3] = 0.0
    many = x.expand(4000, 24).contiguous()
    spreads = []
    for mode in ("device", "output"):
        params = TileParameters(r_line_ohm=0.0, read_noise=mode)
        spreads.append(tile_charge(many, plus, minus, params, generator=seeded()).std(dim=0))
    slots = (x[0].abs() * 127).round() / 127
    times = (slots * 127e-9).unsqueeze(1)
    variance = sum(read_noise_sigma(g, times) ** 2 * (0.2 * times) ** 2 for g in (plus, minus))
    want = variance.sum(dim=0).sqrt()
    for spread in spreads:
        torch.testing.assert_close(spread, want, rtol=0.05, atol=0.0)


def device_spread(x, plus, minus, params):
    """Standard deviation (batch, cols) of the charge by device noise: the exact slopes, squared."""
    clean = dataclasses.replace(params, read_noise="off", elements=len(plus), slices=127)
    spreads = []
    for one in x.split(1):
        times = ((one[0].abs() * 127).round() / 127 * 127e-9).unsqueeze(1)
        g = [t.clone().requires_grad_() for t in (plus, minus)]
        slopes = torch.autograd.grad(tile_charge(one, *g, clean).sum(), g)
        terms = [(s * read_noise_sigma(t, times)) ** 2 for s, t in zip(slopes, g, strict=True)]
        spreads.append((terms[0] + terms[1]).sum(dim=0).sqrt().detach())
    return torch.stack(spreads)


@pytest.mark.parametrize(
    "change",
    [
        {}, {"differential": "paired"}, {"cell": "rail"}, {"alternate_ends": True},
        {"r_access_ohm": 5e3}, {"r_source_ohm": 1.0, "source_end": "opposite"},
        {"read_end": "far", "r_integrator_ohm": 50.0},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("rows", [100, 256])
def test_output_noise_sees_the_line(change, rows, sample):
    x, plus, minus = sample(rows, 8, 2)
    params = TileParameters(r_line_ohm=2.0, read_noise="output", **change)
    want = device_spread(x, plus, minus, params)
    many = 3000
    for vector, expected in zip(x.split(1), want, strict=True):
        q = tile_charge(
            vector.expand(many, rows).contiguous(), plus, minus,
            dataclasses.replace(params, elements=4, slices=4), generator=seeded(),
        )  # fmt: skip
        ratio = q.std(dim=0) / expected
        # 3 % of statistics per column; without the line's transfer it is 1.25 at 256 rows.
        assert abs(ratio.mean() - 1) < 0.03 and (ratio - 1).abs().max() < 0.07


def test_mean_activity_of_known_pulses():
    generator = seeded()
    uniform = torch.rand(40, 2000, generator=generator, dtype=torch.float64)
    assert mean_activity(uniform) == pytest.approx(5 / 8, abs=0.01)
    assert mean_activity(0.3 * uniform) == pytest.approx(5 / 8, abs=0.01)
    normal = torch.randn(40, 2000, generator=generator, dtype=torch.float64)
    assert mean_activity(normal / normal.abs().max()) == pytest.approx(0.5, abs=0.01)
    ones = torch.ones(3, 50)
    assert mean_activity(ones) == pytest.approx(1.0)
    ones[:, :20] = 0
    assert mean_activity(-ones) == pytest.approx(0.6)
    assert mean_activity(0 * ones) == 0.0


def test_a_silent_input_has_no_noise(sample):
    x, plus, minus = sample(8, 3, 2)
    for mode in ("device", "output"):
        params = TileParameters(read_noise=mode)
        assert (tile_charge(0 * x, plus, minus, params, generator=seeded()) == 0).all()


def test_noise_keeps_gradients_finite_in_single_precision(sample):
    x, plus, minus = (t.float().requires_grad_() for t in sample(8, 3, 2))
    for mode in ("device", "output"):
        q = tile_charge(x, plus, minus, TileParameters(read_noise=mode), generator=seeded())
        grads = torch.autograd.grad(q.sum(), (x, plus, minus))
        assert all(torch.isfinite(t).all() for t in (q, *grads))


def test_programming_noise():
    g = torch.full((DRAWS,), 10e-6, dtype=torch.float64)
    sigma = 1e-6 * (-1.1731 * 0.16 + 1.965 * 0.4 + 0.2635)
    assert programming_sigma(g)[0].item() == pytest.approx(sigma)
    assert (program(g, seeded()) - g).std().item() == pytest.approx(sigma, rel=0.02)
    assert (program(0 * g, seeded()) == 0).all() and (program(g / 50, seeded()) >= 0).all()


def test_drift_and_flicker():
    g = torch.full((DRAWS,), 5e-6, dtype=torch.float64)
    nu = drift_exponents(g, seeded())
    mean = min(max(-0.0155 * math.log(0.2) + 0.0244, 0.049), 0.1)
    assert nu.mean().item() == pytest.approx(mean, rel=0.02) and (nu >= 0).all()
    assert torch.equal(drifted(g, nu, 1.0), g)
    late = drifted(g, nu, 20.0 * math.e)
    torch.testing.assert_close(late, g * torch.exp(-nu), rtol=1e-9, atol=0.0)
    q = min(0.0088 / 0.2**0.65, 0.2)
    spread = math.sqrt(math.log((1.0 + 250e-9) / 500e-9))
    assert flicker_sigma(g, 1.0)[0].item() == pytest.approx(25e-6 * 0.2 * q * spread)
    assert flicker_sigma(g, 1e-9)[0].item() == 0.0
