"""Parameters, spikes and weights that tests of the membrane share."""

from dataclasses import replace

import torch

from codesign.pnn import PNNParameters

LINEAR = PNNParameters(e_plus=2.8, e_minus=-1.53, leak=0.1)
SLOPED = replace(
    LINEAR,
    kick=0.004,
    kick_per_weight_plus=-0.003,
    kick_per_weight_minus=-0.005,
    slope_plus=(0.03, 0.01),
    slope_minus=(-0.04,),
    v_start=0.02,
    t_end=0.97,
)
FULL = replace(SLOPED, curvature_plus=(0.02, 0.01, 0.003), curvature_minus=(-0.03, 0.02))
BY_CURRENT = replace(SLOPED, kick=0.0, kick_plus=(0.004, 0.002), kick_minus=(-0.006, -0.003))
METHODS = ("exact", "dstd", "dstd2")


def spikes(batch: int, n_in: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, n_in, dtype=torch.float64, generator=generator)


def weights(n_out: int, n_in: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.7 * torch.randn(n_out, n_in, dtype=torch.float64, generator=generator)
