"""Layers as torch modules: one weight each, for any model neuron."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from codesign.pnn.layer_shapes import convolution
from codesign.pnn.neurons import TTFS, LayerOutput, Neuron, RCSpike, as_neuron
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.solution import Method, Solution, solution_of
from codesign.pnn.window import Window, earliest

_T_REF = 3.2


class SpikingLayer(nn.Module):
    """Neurons and their weight (n_out, n_in); no bias (use a spike at 0)."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        params: PNNParameters,
        neuron: Neuron,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.params = params
        self.neuron = neuron
        weight = neuron.initial_weight(
            *(n_in, n_out, params), layers=1, t_ref=_T_REF, dtype=dtype, generator=generator
        )
        self.weight = nn.Parameter(weight.to(device))

    def extra_repr(self) -> str:
        n_out, n_in = self.weight.shape
        return f"n_in={n_in}, n_out={n_out}, neuron={self.neuron!r}"


class SpikingLinear(SpikingLayer):
    """Fully connected layer of any neuron."""

    def forward(
        self,
        t_in: Tensor,
        solution: Solution = Solution(),  # noqa: B008 - frozen
    ) -> LayerOutput:
        """t_in (batch, n_in) to outputs (batch, n_out)."""
        return self.neuron.forward(t_in, self.weight, self.params, solution.of_layer(0))


class RCSpikeLinear(SpikingLayer):
    """Fully connected RC-Spike layer."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        params: PNNParameters,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            *(n_in, n_out, params, RCSpike()), dtype=dtype, device=device, generator=generator
        )

    def forward(
        self,
        t_in: Tensor,
        method: Method | Solution = "dstd2",
        steps: int = 10,
        offset: float = 0.0,
        trace: bool = False,
    ) -> LayerOutput:
        """t_in (batch, n_in) to outputs (batch, n_out); method: or a `Solution`."""
        solution = solution_of(method, steps, offset, 1.0, 10)
        return self.neuron.forward(t_in, self.weight, self.params, solution, trace)


class TTFSLinear(SpikingLayer):
    """Fully connected TTFS layer over the window [0, t_max]."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        params: PNNParameters,
        *,
        t_max: float = 4.0,
        kappa: float = 1.0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        neuron = TTFS(t_max, kappa)
        super().__init__(
            n_in, n_out, params, neuron, dtype=dtype, device=device, generator=generator
        )

    def forward(
        self,
        t_in: Tensor,
        solution: Solution = Solution("dstd", 20),  # noqa: B008 - frozen
    ) -> LayerOutput:
        """Spike times (batch, n_out): later than t_max for a neuron that does not fire."""
        return self.neuron.forward(t_in, self.weight, self.params, solution.of_layer(0))


class SpikingConv2d(SpikingLayer):
    """Convolution by neurons of any kind over images of spike times.

    A neuron sees a K x K patch of all channels of its group; outside the image nothing spikes.
    image: channels, height and width of the input. padding: K // 2 if left out, which keeps the
    image in size for a stride of 1. weight (channels, channels_in / groups * K * K). neuron: an
    object, or a registered name; t_max then is the window of "ttfs".
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        channels: int,
        params: PNNParameters,
        *,
        kernel: int = 3,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        neuron: Neuron | str = "rc_spike",
        t_max: float = 4.0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if kernel % 2 == 0 and padding is None:
            raise ValueError("the kernel must be odd, or the padding given")
        self.window = Window(kernel, stride, kernel // 2 if padding is None else padding, groups)
        self.shape = convolution(channels, self.window, image)
        super().__init__(
            *(image[0] // groups * kernel**2, channels, params, as_neuron(neuron, t_max=t_max)),
            dtype=dtype,
            device=device,
            generator=generator,
        )

    def forward(
        self,
        t_in: Tensor,
        solution: Solution = Solution(),  # noqa: B008 - frozen
    ) -> LayerOutput:
        """t_in (batch, channels_in, h, w) to outputs of (batch, channels, h, w).

        Raises ValueError for images of another shape.
        """
        before = self.shape.before
        if t_in.dim() < 2 or t_in.shape[1:] not in (before, (math.prod(before),)):
            raise ValueError(
                f"t_in must be (batch, {', '.join(map(str, before))}), not {tuple(t_in.shape)}"
            )
        images = t_in.reshape(t_in.shape[0], *before)
        own = (self.weight, self.params, solution.of_layer(0), self.window)
        return self.neuron.convolve(images, *own)


class SpikePool2d(nn.Module):
    """The earliest spike of every patch passes: (batch, channels, h, w) to (.., h/S, w/S)."""

    def __init__(self, size: int = 2) -> None:
        super().__init__()
        self.size = size

    def forward(self, t_in: Tensor) -> Tensor:
        return earliest(t_in, self.size)


class SpikeAvgPool2d(nn.Module):
    """The mean time of every patch, silent inputs at the time they have: shapes as `SpikePool2d`.

    Unlike the earliest spike it passes a gradient to every input, and no circuit computes it.
    """

    def __init__(self, size: int = 2) -> None:
        super().__init__()
        self.size = size

    def forward(self, t_in: Tensor) -> Tensor:
        return avg_pool2d(t_in, self.size)
