"""What a network of spiking neurons consists of, and its outputs as a function of its weights."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad, unfold

from codesign.pnn.initial import initial_weight, ttfs_initial_weight
from codesign.pnn.layers import LayerOutput, jittered, layer_forward
from codesign.pnn.membrane import Method
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.ttfs import first_spike

Neuron = Literal["rc_spike", "ttfs"]
LayerKind = Literal["dense", "conv", "pool"]


class Rows(NamedTuple):
    """Which rows of a larger batch a call computes: noise is drawn for all of it."""

    which: Tensor
    total: int


@dataclass(frozen=True)
class Solution:
    """How membranes are solved. steps: intervals per phase, or per layer with weights.

    For TTFS the intervals divide the window [0, t_max] instead.
    """

    method: Method = "dstd2"
    steps: int | tuple[int, ...] = 10
    offset: float = 0.0
    warp: float = 1.0

    def steps_of(self, layer: int) -> int:
        """Intervals of a layer, counted among the layers with weights."""
        return self.steps if isinstance(self.steps, int) else self.steps[layer]

    def offset_of(self, layer: int) -> float:
        """`offset` is that of the coarsest layer; finer grids take the same share of a step."""
        if isinstance(self.steps, int):
            return self.offset
        return self.offset * min(self.steps) / self.steps[layer]


@dataclass(frozen=True)
class LayerShape:
    """One layer: its kind, kernel or pool size, and what goes in and out, (channels, h, w)."""

    kind: LayerKind
    size: int
    before: tuple[int, int, int]
    after: tuple[int, int, int]

    @property
    def weight_shape(self) -> tuple[int, int] | None:
        """(n_out, n_in) of its weights, None without."""
        if self.kind == "dense":
            return math.prod(self.after), math.prod(self.before)
        if self.kind == "conv":
            return self.after[0], self.before[0] * self.size**2
        return None


@dataclass(frozen=True)
class Architecture:
    """Layers as text, such as "conv64-conv64-pool-512-10", over an input shape.

    A number is a dense layer of so many neurons; `convC` or `convCkK` a convolution of C channels
    with a K x K kernel (3 if left out), the image kept in size; `pool` or `poolS` passes the
    earliest spike of every S x S patch (2 if left out), which keeps spike times what they are.
    neuron: that of every layer. t_max: the window of TTFS neurons. kappa: see `first_spike`.
    """

    text: str
    input_shape: tuple[int, int, int]
    neuron: Neuron = "rc_spike"
    t_max: float = 4.0
    kappa: float = 1.0
    layers: tuple[LayerShape, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(_parse(self.text, self.input_shape)))
        if self.neuron not in ("rc_spike", "ttfs"):
            raise ValueError(f"neuron must be rc_spike or ttfs, not {self.neuron!r}")
        if not self.weight_shapes:
            raise ValueError(f"{self.text!r} has no layer with weights")

    @classmethod
    def dense(cls, layer_sizes: Sequence[int], neuron: Neuron = "rc_spike") -> Architecture:
        """Fully connected layers; layer_sizes: inputs, hidden layers, outputs."""
        if len(layer_sizes) < 2 or any(n < 1 for n in layer_sizes):
            raise ValueError(f"layer_sizes needs at least two positive sizes, not {layer_sizes}")
        first, *others = layer_sizes
        return cls("-".join(map(str, others)), (1, 1, first), neuron)

    @property
    def weight_shapes(self) -> list[tuple[int, int]]:
        """(n_out, n_in) of every layer that has weights."""
        return [shape for layer in self.layers if (shape := layer.weight_shape) is not None]

    @property
    def n_inputs(self) -> int:
        return math.prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        return math.prod(self.layers[-1].after)

    def records(self, params: PNNParameters | Sequence[PNNParameters]) -> tuple[PNNParameters, ...]:
        """One record per layer with weights. Raises ValueError when their number does not fit."""
        count = len(self.weight_shapes)
        if isinstance(params, PNNParameters):
            return (params,) * count
        if len(params) != count:
            raise ValueError(f"{count} layers need {count} parameter records, not {len(params)}")
        return tuple(params)

    def initial_weights(
        self,
        params: Sequence[PNNParameters],
        dtype: torch.dtype,
        generator: torch.Generator | None,
        t_ref: float = 3.2,
    ) -> list[Tensor]:
        """Fresh weights (n_out, n_in) of every layer; t_ref: wanted output time, for TTFS."""
        shapes = self.weight_shapes
        if self.neuron == "rc_spike":
            return [
                initial_weight(n_in, n_out, dtype=dtype, generator=generator)
                for n_out, n_in in shapes
            ]
        return [
            ttfs_initial_weight(
                *(n_in, n_out, len(shapes), record), t_ref=t_ref, dtype=dtype, generator=generator
            )
            for (n_out, n_in), record in zip(shapes, params, strict=True)
        ]

    def forward(
        self,
        t_in: Tensor,
        weights: Sequence[Tensor],
        params: Sequence[PNNParameters],
        solution: Solution,
        sigma: float = 0.0,
        generator: torch.Generator | None = None,
        trace: bool = False,
        noise_on_silent: bool = True,
        rows: Rows | None = None,
    ) -> list[LayerOutput]:
        """Outputs of every layer with weights, for input spikes t_in (batch, n_inputs).

        sigma (phases): normal jitter on each spike that such a layer receives, drawn from the
        generator alone. Convolutions give (batch, channels, h, w) and no trace.
        """
        silent = 1.0 if self.neuron == "rc_spike" else self.t_max
        outputs: list[LayerOutput] = []
        times = t_in
        for layer in self.layers:
            if layer.kind == "pool":
                times = -max_pool2d(-times.reshape(-1, *layer.before), layer.size)
                continue
            if layer.kind == "dense":
                times = times.reshape(times.shape[0], -1)
            else:
                times = times.reshape(-1, *layer.before)
            if sigma > 0.0:
                on_silent = noise_on_silent and self.neuron == "rc_spike"
                times = jittered(times, sigma, generator, on_silent, silent, rows)
            number = len(outputs)
            out = self._layer(
                layer, times, weights[number], params[number], solution, number, trace
            )
            outputs.append(out)
            times = out.t
        return outputs

    def _layer(
        self,
        layer: LayerShape,
        times: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        number: int,
        trace: bool,
    ) -> LayerOutput:
        if layer.kind == "dense":
            return self._neurons(times, weight, params, solution, number, trace)
        margin = layer.size // 2
        # Outside the image nothing spikes.
        none = 2.0 if self.neuron == "rc_spike" else 2.0 * self.t_max
        patches = unfold(pad(times, (margin,) * 4, value=none), layer.size)
        columns = patches.transpose(1, 2).reshape(-1, patches.shape[1])
        out = self._neurons(columns, weight, params, solution, number, False)

        def image(x: Tensor) -> Tensor:
            channels, height, width = layer.after
            return x.reshape(-1, height, width, channels).permute(0, 3, 1, 2)

        return LayerOutput(image(out.v), image(out.t), image(out.t_unclipped))

    def _neurons(
        self,
        times: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        number: int,
        trace: bool,
    ) -> LayerOutput:
        steps, offset = solution.steps_of(number), solution.offset_of(number)
        if self.neuron == "rc_spike":
            return layer_forward(
                times, weight, params, solution.method, steps, offset, trace, solution.warp
            )
        spikes = first_spike(
            *(times, weight, params),
            method="exact" if solution.method == "exact" else "dstd",
            steps=steps,
            t_max=self.t_max,
            offset=offset * self.t_max,
            kappa=self.kappa,
        )
        return LayerOutput(spikes.v, spikes.t, spikes.t)


def _parse(text: str, shape: tuple[int, int, int]) -> list[LayerShape]:
    layers = []
    for word in text.split("-"):
        match = re.fullmatch(r"(?:(conv)(\d+)(?:k(\d+))?|(pool)(\d*)|(\d+))", word.strip())
        if match is None:
            raise ValueError(
                f"layer {word!r} of {text!r} is not understood; allowed: 100 (dense), conv64, "
                "conv64k5, pool, pool3"
            )
        conv, channels, kernel, pool, size, neurons = match.groups()
        if conv:
            width = int(kernel or 3)
            if width % 2 == 0 or int(channels) < 1:
                raise ValueError(f"layer {word!r}: channels must be positive, the kernel odd")
            layer = LayerShape("conv", width, shape, (int(channels), shape[1], shape[2]))
        elif pool:
            step = int(size or 2)
            if step < 2 or min(shape[1:]) < step:
                raise ValueError(f"layer {word!r} does not fit an image of {shape[1]}x{shape[2]}")
            after = (shape[0], shape[1] // step, shape[2] // step)
            layer = LayerShape("pool", step, shape, after)
        else:
            if int(neurons) < 1:
                raise ValueError(f"layer {word!r} has no neurons")
            layer = LayerShape("dense", 0, shape, (int(neurons), 1, 1))
        layers.append(layer)
        shape = layer.after
    return layers
