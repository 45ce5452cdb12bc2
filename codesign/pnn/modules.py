"""Layers and networks as torch modules, for both neurons."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from codesign.pnn.architecture import Architecture, Neuron, Solution
from codesign.pnn.layers import LayerOutput
from codesign.pnn.parameters import PNNParameters


class SpikingNetwork(nn.Module):
    """Layers in a row as an `Architecture` lists them; params: one record, or one per weight."""

    def __init__(
        self,
        architecture: Architecture,
        params: PNNParameters | Sequence[PNNParameters],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.params = architecture.records(params)
        weights = architecture.initial_weights(self.params, dtype, generator)
        self.weights = nn.ParameterList([nn.Parameter(w.to(device)) for w in weights])

    @classmethod
    def from_weights(
        cls,
        architecture: Architecture,
        weights: Sequence[Tensor],
        params: PNNParameters | Sequence[PNNParameters],
    ) -> SpikingNetwork:
        """A network with copies of the given weights, (n_out, n_in) each."""
        network = cls(architecture, params, dtype=weights[0].dtype, device=weights[0].device)
        with torch.no_grad():
            for own, given in zip(network.weights, weights, strict=True):
                if own.shape != given.shape:
                    raise ValueError(
                        f"weights {tuple(given.shape)} do not fit a layer of {tuple(own.shape)}"
                    )
                own.copy_(given)
        return network

    def forward(
        self,
        t_in: Tensor,
        solution: Solution = Solution(),  # noqa: B008 - frozen
        sigma: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> list[LayerOutput]:
        """Outputs of every layer with weights for t_in (batch, inputs); noise spares the silent."""
        return self.architecture.forward(
            *(t_in, list(self.weights), self.params, solution, sigma, generator),
            noise_on_silent=False,
        )

    def extra_repr(self) -> str:
        return repr(self.architecture)


class _Neurons(SpikingNetwork):
    """One layer: like a network of that layer alone, with its output instead of a list."""

    @property
    def weight(self) -> Tensor:
        return self.weights[0]

    def one(self, t_in: Tensor, solution: Solution) -> LayerOutput:
        return super().forward(t_in.flatten(1), solution)[0]


class TTFSLinear(_Neurons):
    """Fully connected TTFS layer over the window [0, t_max]; weight (n_out, n_in)."""

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
        architecture = Architecture(str(n_out), (1, 1, n_in), "ttfs", t_max, kappa)
        super().__init__(architecture, params, dtype=dtype, device=device, generator=generator)

    def forward(  # type: ignore[override]
        self,
        t_in: Tensor,
        solution: Solution = Solution("dstd", 20),  # noqa: B008 - frozen
    ) -> LayerOutput:
        """Spike times (batch, n_out): later than t_max for a neuron that does not fire."""
        return self.one(t_in, solution)


class SpikingConv2d(_Neurons):
    """Convolution by neurons of either kind over images of spike times, size kept.

    A neuron sees a K x K patch of all channels; outside the image nothing spikes. image: channels,
    height and width of the input. weight (channels, channels_in * K * K).
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        channels: int,
        params: PNNParameters,
        *,
        kernel: int = 3,
        neuron: Neuron = "rc_spike",
        t_max: float = 4.0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        architecture = Architecture(f"conv{channels}k{kernel}", image, neuron, t_max)
        super().__init__(architecture, params, dtype=dtype, device=device, generator=generator)

    def forward(  # type: ignore[override]
        self,
        t_in: Tensor,
        solution: Solution = Solution(),  # noqa: B008 - frozen
    ) -> LayerOutput:
        """t_in (batch, channels_in, h, w) to outputs of (batch, channels, h, w)."""
        return self.one(t_in, solution)


class SpikePool2d(nn.Module):
    """The earliest spike of every patch passes: (batch, channels, h, w) to (.., h/S, w/S)."""

    def __init__(self, size: int = 2) -> None:
        super().__init__()
        self.size = size

    def forward(self, t_in: Tensor) -> Tensor:
        return -max_pool2d(-t_in, self.size)
