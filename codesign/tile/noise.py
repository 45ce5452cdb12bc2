"""Read noise at ns scale, per MVM and device, and its sum over a column.

sigma_G = s(x) G + o(x) with x = log10(t / ns): the polynomials of the analog_mvm_irdrop_t tile of
aihwkit, fitted to phase-change devices for reads of 1 ns to 1 us. Shorter reads count as 1 ns and
longer ones as 1 us (the polynomials are not extrapolated); a zero pulse carries no noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codesign.tile.draws import normal_like
from codesign.tile.parameters import TileError, TileParameters
from codesign.tile.precision import product
from codesign.tile.transfer import device_shares

_SLOPE = (2.1926e-4, -1.87352e-3, 6.55714e-3, -0.0146159, 0.02578764)
_OFFSET_S = (1.11906e-9, -9.08577e-9, 3.07015e-8, -6.77079e-8, 1.17763e-7)


def read_noise_coefficients(time_s: Tensor) -> tuple[Tensor, Tensor]:
    """s (dimensionless) and o (in S) for reads of `time_s`; both 0 where no read took place."""
    x = (time_s.detach().clamp(1e-9, 1e-6) * 1e9).log10()
    on = (time_s > 0).to(x.dtype)
    return on * _polynomial(_SLOPE, x), on * _polynomial(_OFFSET_S, x)


def read_noise_sigma(g: Tensor, time_s: Tensor) -> Tensor:
    """Standard deviation in S of a conductance `g` in S read for `time_s`; shapes broadcast."""
    slope, offset = read_noise_coefficients(time_s)
    return slope * g + offset


def draw_read_noise(g: Tensor, time_s: Tensor, generator: torch.Generator) -> Tensor:
    """One read's deviation in S of every device of `g`; reproducible by the generator's seed."""
    sigma = read_noise_sigma(g, time_s)
    return sigma * normal_like(sigma, generator)


def output_noise(
    x: Tensor,
    g_plus: Tensor,
    g_minus: Tensor,
    params: TileParameters,
    generator: torch.Generator | None,
) -> Tensor:
    """Sum over each column (batch, cols), in C, of all devices' read noise in one MVM.

    A sum of independent Gaussians is drawn as one: its variance is (V t_j)^2 sigma_j^2 summed over
    rows and both devices, three matrix products. With resistance, every device counts by the
    line's transfer at the mean load of these pulses (`transfer`).
    """
    if generator is None:
        raise TileError("read noise needs a generator", remedy="pass generator=torch.Generator()")
    per_square, per_total, rest = _variance_coefficients(x.detach().abs(), params)
    total, squares = g_plus + g_minus, g_plus * g_plus + g_minus * g_minus
    shares = device_shares(x, g_plus, g_minus, params)
    if shares is not None:
        plus, minus = (v * v for v in shares)
        total = plus * g_plus + minus * g_minus
        squares = plus * g_plus * g_plus + minus * g_minus * g_minus
    # In uS, or squares leave the range of float32.
    weights, devices = [per_square, per_total], [1e12 * squares, 1e6 * total]
    if shares is not None:
        weights, devices = [*weights, rest], [*devices, plus + minus]
    variance = product(torch.cat(weights, 1), torch.cat(devices), params.products == "bfloat16")
    if shares is None:
        variance = variance + 2 * rest.sum(dim=1, keepdim=True)
    sigma = variance.clamp_min(1e-30).sqrt() * (variance.detach() > 0)
    return sigma * normal_like(sigma, generator) * (1e-6 * params.v_read_V * params.t_window_s)


def _variance_coefficients(share: Tensor, params: TileParameters) -> tuple[Tensor, Tensor, Tensor]:
    """What a pulse's share of the window (batch, rows) gives the variance, t^2 sigma^2 in uS^2,
    per G+^2 + G-^2, per G+ + G-, and per device. One row per slot is looked up.
    """
    slots = params.slots
    lengths = share if slots is None else torch.arange(slots + 1, device=share.device) / slots
    lengths = lengths.to(share)
    slope, offset = read_noise_coefficients(lengths * params.t_window_s)
    weight, o = lengths * lengths, 1e6 * offset
    terms = (weight * slope * slope, weight * 2 * slope * o, weight * o * o)
    if slots is None:
        return terms
    slot = (share * slots).round().long()
    return terms[0][slot], terms[1][slot], terms[2][slot]


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    value = torch.zeros_like(x)
    for coefficient in coefficients:
        value = value * x + coefficient
    return value
