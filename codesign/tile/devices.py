"""Slow device effects: programming noise, 1/f read noise, drift.

Phase-change devices with 25 uS full scale; Joshi et al., Nature Communications 11, 2473 (2020) and
Nandakumar et al., ICECS 2019. g is the target conductance over full scale.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codesign.tile.draws import normal_like

G_MAX_S = 25e-6
_T_READ_S = 250e-9
_T_FIRST_S = 20.0


def programming_sigma(g_target: Tensor, g_max_S: float = G_MAX_S) -> Tensor:
    """Standard deviation in S of a programmed conductance."""
    g = g_target / g_max_S
    return (-1.1731 * g * g + 1.965 * g + 0.2635).clamp_min(0.0) * (1e-6 * g_max_S / G_MAX_S)


def program(g_target: Tensor, generator: torch.Generator, g_max_S: float = G_MAX_S) -> Tensor:
    """Conductances in S as programmed; never negative. A target of 0 stays unprogrammed."""
    noise = programming_sigma(g_target, g_max_S) * normal_like(g_target, generator)
    return torch.where(g_target > 0, (g_target + noise).clamp_min(0.0), 0.0)


def flicker_sigma(g: Tensor, time_s: float, g_max_S: float = G_MAX_S) -> Tensor:
    """Standard deviation in S of 1/f read noise at `time_s` (250 ns or more) after programming."""
    time_s = max(time_s, _T_READ_S)
    x = (g / g_max_S).clamp_min(1e-9)
    q = (0.0088 / x.pow(0.65)).clamp_max(0.2)
    spread = torch.log(torch.tensor((time_s + _T_READ_S) / (2 * _T_READ_S))).sqrt()
    return g_max_S * x * q * spread.to(g)


def drift_exponents(g: Tensor, generator: torch.Generator, g_max_S: float = G_MAX_S) -> Tensor:
    """One drift exponent per device, not below 0."""
    log_g = torch.log((g / g_max_S).clamp_min(1e-9))
    mean = (-0.0155 * log_g + 0.0244).clamp(0.049, 0.1)
    sigma = (-0.0125 * log_g - 0.0059).clamp(0.008, 0.045)
    return (mean + sigma * normal_like(g, generator)).clamp_min(0.0)


def drifted(g: Tensor, exponents: Tensor, time_s: float, first_s: float = _T_FIRST_S) -> Tensor:
    """Conductances in S at `time_s` after programming, g (time / first read)^-nu; `first_s` is
    when they were measured to be `g`."""
    return g * (max(time_s, first_s) / first_s) ** (-exponents)
