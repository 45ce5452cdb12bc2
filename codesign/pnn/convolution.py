"""A convolution by neurons: one layer's neurons on every patch of an image of spike times."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad, unfold

from codesign.pnn.neurons import LayerOutput, Neuron
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.solution import Solution


def spiking_convolution(
    neuron: Neuron,
    times: Tensor,
    weight: Tensor,
    params: PNNParameters,
    solution: Solution,
    kernel: int,
) -> LayerOutput:
    """Outputs (batch, channels, h, w) for spike times (batch, channels_in, h, w), size kept.

    weight (channels, channels_in * kernel * kernel), kernel odd. Outside the image nothing spikes.
    """
    height, width = times.shape[2:]
    patches = unfold(pad(times, (kernel // 2,) * 4, value=neuron.t_absent), kernel)
    columns = patches.transpose(1, 2).reshape(-1, patches.shape[1])
    out = neuron.forward(columns, weight, params, solution)

    def image(x: Tensor) -> Tensor:
        return x.reshape(-1, height, width, weight.shape[0]).permute(0, 3, 1, 2)

    return LayerOutput(image(out.v), image(out.t), image(out.t_unclipped))
