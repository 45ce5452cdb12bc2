"""Initial weights that make neurons fire somewhere in the middle of their window."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters


def initial_weight(
    n_in: int, n_out: int, *, dtype: torch.dtype, generator: torch.Generator | None
) -> Tensor:
    """Normal weights (n_out, n_in) whose mean brings the membrane near half of the threshold."""
    noise = torch.randn(n_out, n_in, dtype=dtype, generator=generator)
    return 0.8 / n_in + 0.6 / math.sqrt(n_in) * noise


def ttfs_initial_weight(
    n_in: int,
    n_out: int,
    layers: int,
    params: PNNParameters,
    *,
    t_ref: float,
    dtype: torch.dtype,
    generator: torch.Generator | None,
) -> Tensor:
    """Weights (n_out, n_in) uniform in [0, w_max/n_in], arXiv:2412.09010.

    w_max = -4 w L^2 ln(1 - b)/(b t_ref^2) with w = 2, b = 1/E+, L layers: all neurons fire, the
    output layer around t_ref.
    """
    b = 1.0 / params.e_plus
    # Below E+ = 1 the threshold is out of reach; the bound keeps the logarithm finite.
    loss = -math.log1p(-min(b, 0.9)) / min(b, 0.9) if b > 0.0 else 1.0
    w_max = 4.0 * 2.0 * layers**2 * loss / t_ref**2
    return w_max / n_in * torch.rand(n_out, n_in, dtype=dtype, generator=generator)
