"""RC-Spike: accumulation in one phase, firing in the next (arXiv:2412.09010)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from codesign.pnn.firing import clipped, firing_time
from codesign.pnn.initial import initial_weight
from codesign.pnn.membrane import membrane_images, membrane_potential, membrane_trace
from codesign.pnn.neurons.base import LayerOutput, Neuron, register_neuron
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.solution import Solution
from codesign.pnn.window import Window


@register_neuron
@dataclass(frozen=True)
class RCSpike(Neuron):
    """Fires in the phase after accumulation, the earlier the higher its membrane."""

    name: ClassVar[str] = "rc_spike"
    has_trace: ClassVar[bool] = True
    jitters_silent: ClassVar[bool] = True

    @property
    def t_silent(self) -> float:
        return 1.0

    def forward(
        self,
        t_in: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        trace: bool = False,
    ) -> LayerOutput:
        values: Tensor | None = None
        if trace:
            values = membrane_trace(t_in, weight, params, solution).v
            v = values[-1]
        else:
            v = membrane_potential(t_in, weight, params, solution)
        unclipped = firing_time(v, params, clip=False)
        return LayerOutput(v, clipped(unclipped), unclipped, values)

    def convolve(
        self,
        t_in: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        window: Window,
    ) -> LayerOutput:
        v = membrane_images(t_in, weight, params, solution, window)
        unclipped = firing_time(v.movedim(1, -1), params, clip=False).movedim(-1, 1)
        return LayerOutput(v, clipped(unclipped), unclipped)

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
        return initial_weight(n_in, n_out, dtype=dtype, generator=generator)
