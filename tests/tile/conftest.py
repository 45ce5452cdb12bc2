"""Tiles and inputs as the accuracy figures define them."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from codesign.tile import TileParameters, tile_charge
from codesign.tile.parameters import Method

G_MAX_S = 25e-6


class Sample(NamedTuple):
    pulse: Tensor
    g_plus: Tensor
    g_minus: Tensor


def draw(rows: int, cols: int, batch: int, seed: int = 1, dtype=torch.float64) -> Sample:
    """Differential conductances 0..25 uS, half of them zero; half-normal |x|, largest 1."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.rand(rows, cols, generator=generator, dtype=torch.float64) * 2 - 1
    x = torch.randn(batch, rows, generator=generator, dtype=torch.float64)
    x = x / x.abs().amax(dim=1, keepdim=True)
    g_plus, g_minus = w.clamp_min(0) * G_MAX_S, (-w).clamp_min(0) * G_MAX_S
    return Sample(x.to(dtype), g_plus.to(dtype), g_minus.to(dtype))


@pytest.fixture
def sample():
    return draw


@pytest.fixture
def backends_agree():
    """Asserts that both backends give equal charges and gradients for a sample."""

    def check(drawn, params: TileParameters, method: Method = "fast") -> None:
        found = []
        for backend in ("torch", "compiled"):
            leaves = [t.clone().requires_grad_() for t in drawn]
            q = tile_charge(*leaves, params, method, backend=backend)
            found.append([q.detach(), *torch.autograd.grad((q * q).sum(), leaves)])
        for a, b in zip(*found, strict=True):
            assert torch.isfinite(a).all() and torch.isfinite(b).all()
            assert (a - b).abs().max() <= 1e-11 * b.abs().max()

    return check
