"""Jitter of spike times."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Rows(NamedTuple):
    """Which rows of a larger batch a call computes: noise is drawn for all of it."""

    which: Tensor
    total: int


def jittered(
    times: Tensor,
    sigma: float,
    generator: torch.Generator | None,
    on_silent: bool,
    silent: float = 1.0,
    rows: tuple[Tensor, int] | None = None,
) -> Tensor:
    """Spike times with normal noise of sigma, never before 0; drawn from the generator alone.

    The noise is drawn where the generator is, so that one of the device saves the way there.
    on_silent: whether it falls on times of `silent` or later too. rows: where these times stand
    in a larger batch, and its size; the noise is that of the same rows there.
    """
    shape = times.shape if rows is None else (rows[1], *times.shape[1:])
    source = "cpu" if generator is None else generator.device
    noise = torch.randn(shape, dtype=times.dtype, generator=generator, device=source)
    noise = (noise if rows is None else noise[rows[0]]).to(times.device)
    if on_silent:
        return (times + sigma * noise).clamp_min(0.0)
    return torch.where(times < silent, (times + sigma * noise).clamp_min(0.0), times)
