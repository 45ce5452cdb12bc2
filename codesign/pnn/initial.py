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
    """Normal weights (n_out, n_in) with which the output layer fires about t_ref.

    Inputs are taken to be in [0, 1]. Once all have come, the current D of the mean weights
    brings a membrane to the threshold in -ln(1 - b)/(b D), b = 1/E+; the layers share t_ref - 1.
    Neurons differ by D/16; more would load the membrane with the conductance of weights that
    cancel. The weights of arXiv:2412.09010, uniform in [0, w_max/n_in], average out over many
    inputs: neurons of a layer then fire together, early, and learn little at first.
    """
    b = 1.0 / params.e_plus
    # Below E+ = 1 the threshold is out of reach; the bound keeps the logarithm finite.
    loss = -math.log1p(-min(b, 0.9)) / min(b, 0.9) if b > 0.0 else 1.0
    current = layers * loss / max(t_ref - 1.0, 0.2)
    noise = torch.randn(n_out, n_in, dtype=dtype, generator=generator)
    return current * (1.0 / n_in + 0.0625 / math.sqrt(n_in) * noise)
