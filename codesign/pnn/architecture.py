"""What a network of spiking neurons consists of, and its outputs as a function of its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from codesign.pnn.layer_shapes import LayerShape, parse_layers
from codesign.pnn.neurons import (
    LayerOutput,
    Neuron,
    RCSpike,
    as_neuron,
    neuron_named,
    parameter_names,
)
from codesign.pnn.noise import Rows, jittered
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.solution import Solution
from codesign.pnn.window import earliest


@dataclass(frozen=True, init=False)
class Architecture:
    """Layers as text, such as "conv64-conv64-pool-512-10", over an input shape.

    A number is a dense layer of so many neurons; `convC` or `convCkK` a convolution of C channels
    with a K x K kernel (3 if left out), the image kept in size; `sS`, `pP` and `gG` behind it give
    stride, padding and groups. `pool` or `poolS` passes the earliest spike of every S x S patch
    (2 if left out), which keeps spike times what they are; `avgpool` passes their mean, silent
    ones at the time that stands for silence.
    neuron: that of every layer.
    """

    text: str
    input_shape: tuple[int, int, int]
    neuron: Neuron
    layers: tuple[LayerShape, ...] = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        text: str,
        input_shape: tuple[int, int, int],
        neuron: Neuron | str = "rc_spike",
        t_max: float | None = None,
        kappa: float | None = None,
    ) -> None:
        """neuron: an object, or a registered name; t_max and kappa then go to one that has them.

        Raises ValueError on layers that are not understood or do not fit, and on neurons.
        """
        if not isinstance(neuron, str) and (t_max, kappa) != (None, None):
            raise ValueError("t_max and kappa are parameters of the neuron: give them there")
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "input_shape", tuple(map(int, input_shape)))
        object.__setattr__(self, "neuron", as_neuron(neuron, t_max=t_max, kappa=kappa))
        object.__setattr__(self, "layers", tuple(parse_layers(text, self.input_shape)))
        if not self.weight_shapes:
            raise ValueError(f"{text!r} has no layer with weights")

    @classmethod
    def dense(cls, layer_sizes: Sequence[int], neuron: Neuron | str = "rc_spike") -> Architecture:
        """Fully connected layers; layer_sizes: inputs, hidden layers, outputs."""
        if len(layer_sizes) < 2 or any(n < 1 for n in layer_sizes):
            raise ValueError(f"layer_sizes needs at least two positive sizes, not {layer_sizes}")
        first, *others = layer_sizes
        return cls("-".join(map(str, others)), (1, 1, first), neuron)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready content: the neuron by its name and its parameters."""
        shape = list(self.input_shape)
        head = {"text": self.text, "input_shape": shape, "neuron": self.neuron.name}
        return {**head, **self.neuron.parameters()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Architecture:
        """Inverse of `to_dict`. Raises KeyError, TypeError or ValueError on what does not fit."""
        rest = dict(content)
        text, shape, name = (rest.pop(key) for key in ("text", "input_shape", "neuron"))
        # Older files have the window of TTFS neurons for every neuron.
        known = parameter_names(name)
        kept = {k: v for k, v in rest.items() if k in known or k not in ("t_max", "kappa")}
        return cls(text, tuple(shape), neuron_named(name, kept))

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
        how: dict[str, Any] = {"t_ref": t_ref, "dtype": dtype, "generator": generator}
        return [
            self.neuron.initial_weight(n_in, n_out, record, layers=len(shapes), **how)
            for (n_out, n_in), record in zip(shapes, params, strict=True)
        ]

    def check_images(self, t_in: Tensor) -> None:
        """Raises ValueError for tensors that are no batch of this network's inputs."""
        if t_in.dim() > 1 and t_in.shape[1:] in ((self.n_inputs,), self.input_shape):
            return
        raise ValueError(
            f"t_in must be (batch, {self.n_inputs}) or (batch, "
            f"{', '.join(map(str, self.input_shape))}), not {tuple(t_in.shape)}"
        )

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
        hidden: bool = True,
    ) -> list[LayerOutput]:
        """Outputs of every layer with weights, for input spikes t_in (batch, n_inputs), or images
        of the input's shape. Raises ValueError for others.

        hidden: whether those of hidden layers are listed; without them less has to live.
        sigma (phases): normal jitter on each spike that such a layer receives, drawn from the
        generator alone. Convolutions give (batch, channels, h, w) and no trace.
        """
        self.check_images(t_in)
        neuron = self.neuron
        on_silent = noise_on_silent and neuron.jitters_silent
        outputs: list[LayerOutput] = []
        times, number = t_in, 0
        for layer in self.layers:
            if layer.window is not None and layer.kind != "conv":
                pool = avg_pool2d if layer.kind == "avgpool" else earliest
                times = pool(times.reshape(times.shape[0], *layer.before), layer.window.kernel)
                continue
            before = (math.prod(layer.before),) if layer.kind == "dense" else layer.before
            times = times.reshape(times.shape[0], *before)
            if sigma > 0.0:
                times = jittered(times, sigma, generator, on_silent, neuron.t_silent, rows)
            own = (weights[number], params[number], solution.of_layer(number))
            if layer.window is None:
                out = neuron.forward(times, *own, trace)
            else:
                out = neuron.convolve(times, *own, layer.window)
            number += 1
            if hidden or number == len(weights):
                outputs.append(out)
            times = out.t
        return outputs


def dense_architecture(weights: Sequence[Tensor]) -> Architecture:
    """The fully connected RC-Spike network that weights (n_out, n_in) belong to."""
    return Architecture.dense([weights[0].shape[1], *(w.shape[0] for w in weights)], RCSpike())
