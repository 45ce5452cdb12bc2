"""TTFS: the neuron fires when its membrane first reaches the threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from codesign.pnn.initial import ttfs_initial_weight
from codesign.pnn.neurons.base import LayerOutput, Neuron, register_neuron
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.solution import Solution
from codesign.pnn.ttfs import first_spike, first_spike_images
from codesign.pnn.window import Window
from codesign.scalars import set_floats


@register_neuron
@dataclass(frozen=True)
class TTFS(Neuron):
    """Fires once in the window [0, t_max]; kappa: lateness of silent neurons, see `first_spike`."""

    name: ClassVar[str] = "ttfs"

    t_max: float = 4.0
    kappa: float = 1.0

    def __post_init__(self) -> None:
        set_floats(self, "t_max", "kappa")
        for name in ("t_max", "kappa"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be positive and finite, not {value}")

    @property
    def t_silent(self) -> float:
        return self.t_max

    def forward(
        self,
        t_in: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        trace: bool = False,
    ) -> LayerOutput:
        spikes = first_spike(t_in, weight, params, solution, t_max=self.t_max, kappa=self.kappa)
        return LayerOutput(spikes.v, spikes.t, spikes.t)

    def convolve(
        self,
        t_in: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        window: Window,
    ) -> LayerOutput:
        own = (solution, window, self.t_max, self.kappa)
        spikes = first_spike_images(t_in, weight, params, *own)
        return LayerOutput(spikes.v, spikes.t, spikes.t)

    def initial_weight(
        self,
        n_in: int,
        n_out: int,
        params: PNNParameters,
        *,
        layers: int,
        t_ref: float,
        dtype: torch.dtype,
        generator: torch.Generator | None,
    ) -> Tensor:
        return ttfs_initial_weight(
            n_in, n_out, layers, params, t_ref=t_ref, dtype=dtype, generator=generator
        )
