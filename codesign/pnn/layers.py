"""RC-Spike layers and networks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from codesign.pnn.firing import firing_time
from codesign.pnn.initial import initial_weight
from codesign.pnn.membrane import Method, membrane_potential, membrane_trace
from codesign.pnn.parameters import PNNParameters


class LayerOutput(NamedTuple):
    """One layer's answer, each (batch, n_out).

    v: membrane at the end of accumulation. t: spike time in the next phase, clipped to [0, 1],
    1 for silent. t_unclipped: for losses; above 1 for silent neurons. trace: membrane on the way
    (points, batch, n_out) where asked for.
    """

    v: Tensor
    t: Tensor
    t_unclipped: Tensor
    trace: Tensor | None = None


class RCSpikeLinear(nn.Module):
    """Fully connected RC-Spike layer; weight (n_out, n_in), no bias (use a spike at 0)."""

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
        super().__init__()
        self.params = params
        weight = initial_weight(n_in, n_out, dtype=dtype, generator=generator)
        self.weight = nn.Parameter(weight.to(device))

    def forward(
        self,
        t_in: Tensor,
        method: Method = "dstd2",
        steps: int = 10,
        offset: float = 0.0,
        trace: bool = False,
    ) -> LayerOutput:
        return layer_forward(t_in, self.weight, self.params, method, steps, offset, trace)

    def extra_repr(self) -> str:
        return f"n_in={self.weight.shape[1]}, n_out={self.weight.shape[0]}"


class RCSpikeNetwork(nn.Module):
    """RC-Spike layers in a row: layer l accumulates while layer l-1 fires.

    layer_sizes: inputs, hidden layers, outputs. params: one record for all layers or one each.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        params: PNNParameters | Sequence[PNNParameters],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        records = params_per_layer(params, layer_sizes)
        self.layers = nn.ModuleList(
            RCSpikeLinear(n_in, n_out, record, dtype=dtype, device=device, generator=generator)
            for n_in, n_out, record in zip(layer_sizes, layer_sizes[1:], records, strict=False)
        )

    @classmethod
    def from_weights(
        cls, weights: Sequence[Tensor], params: PNNParameters | Sequence[PNNParameters]
    ) -> RCSpikeNetwork:
        """A network with copies of the given weights, (n_out, n_in) each."""
        sizes = [weights[0].shape[1], *(w.shape[0] for w in weights)]
        network = cls(sizes, params, dtype=weights[0].dtype, device=weights[0].device)
        with torch.no_grad():
            for own, given in zip(network.weights, weights, strict=True):
                own.copy_(given)
        return network

    @property
    def weights(self) -> list[Tensor]:
        return [layer.weight for layer in self._linear()]

    @property
    def params(self) -> tuple[PNNParameters, ...]:
        return tuple(layer.params for layer in self._linear())

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        first, *_ = self.weights
        return (first.shape[1], *(w.shape[0] for w in self.weights))

    def forward(
        self,
        t_in: Tensor,
        method: Method = "dstd2",
        steps: int = 10,
        offset: float = 0.0,
        sigma: float = 0.0,
        generator: torch.Generator | None = None,
        trace: bool = False,
    ) -> list[LayerOutput]:
        """Outputs of every layer for input spikes t_in (batch, n_in); see `network_forward`."""
        return network_forward(
            t_in, self.weights, self.params, method, steps, offset, sigma, generator, trace
        )

    def _linear(self) -> list[RCSpikeLinear]:
        return [layer for layer in self.layers if isinstance(layer, RCSpikeLinear)]


def network_forward(
    t_in: Tensor,
    weights: Sequence[Tensor],
    params: Sequence[PNNParameters],
    method: Method = "dstd2",
    steps: int = 10,
    offset: float = 0.0,
    sigma: float = 0.0,
    generator: torch.Generator | None = None,
    trace: bool = False,
    warp: float = 1.0,
    noise_on_silent: bool = True,
) -> list[LayerOutput]:
    """Outputs of all layers; sigma (phases): normal jitter on each spike that a layer receives.

    noise_on_silent: whether it also falls on times of 1 or later, which stand for no spike.
    """
    outputs: list[LayerOutput] = []
    times = t_in
    for weight, record in zip(weights, params, strict=True):
        if sigma > 0.0:
            times = jittered(times, sigma, generator, noise_on_silent)
        outputs.append(layer_forward(times, weight, record, method, steps, offset, trace, warp))
        times = outputs[-1].t
    return outputs


def jittered(
    times: Tensor,
    sigma: float,
    generator: torch.Generator | None,
    on_silent: bool,
    silent: float = 1.0,
    rows: tuple[Tensor, int] | None = None,
) -> Tensor:
    """Spike times with normal noise of sigma, never before 0; drawn from the generator alone.

    on_silent: whether it falls on times of `silent` or later too. rows: where these times stand
    in a larger batch, and its size; the noise is that of the same rows there.
    """
    shape = times.shape if rows is None else (rows[1], *times.shape[1:])
    noise = torch.randn(shape, dtype=times.dtype, generator=generator)
    noise = (noise if rows is None else noise[rows[0]]).to(times.device)
    if on_silent:
        return (times + sigma * noise).clamp_min(0.0)
    return torch.where(times < silent, (times + sigma * noise).clamp_min(0.0), times)


def layer_forward(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    method: Method,
    steps: int,
    offset: float,
    trace: bool,
    warp: float = 1.0,
) -> LayerOutput:
    """Accumulation and firing of one layer."""
    values: Tensor | None = None
    if trace:
        values = membrane_trace(t_in, weight, params, method, steps, offset, warp).v
        v = values[-1]
    else:
        v = membrane_potential(t_in, weight, params, method, steps, offset, warp)
    unclipped = firing_time(v, params, clip=False)
    return LayerOutput(v, unclipped.clamp(0.0, 1.0), unclipped, values)


def params_per_layer(
    params: PNNParameters | Sequence[PNNParameters], layer_sizes: Sequence[int]
) -> tuple[PNNParameters, ...]:
    """One record per layer; raises ValueError when sizes and records do not fit."""
    if len(layer_sizes) < 2 or any(n < 1 for n in layer_sizes):
        raise ValueError(f"layer_sizes needs at least two positive sizes, not {layer_sizes}")
    layers = len(layer_sizes) - 1
    if isinstance(params, PNNParameters):
        return (params,) * layers
    if len(params) != layers:
        raise ValueError(f"{layers} layers need {layers} parameter records, not {len(params)}")
    return tuple(params)
