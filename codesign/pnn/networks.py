"""Networks of spiking layers as torch modules."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from codesign.pnn.architecture import Architecture, dense_architecture
from codesign.pnn.layers import RCSpikeLinear
from codesign.pnn.neurons import LayerOutput
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.solution import Method, Solution, solution_of


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
        first, draws = weights[0], torch.Generator()
        network = cls(
            architecture, params, dtype=first.dtype, device=first.device, generator=draws
        )
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
        hidden: bool = True,
    ) -> list[LayerOutput]:
        """Outputs of every layer with weights for t_in (batch, inputs); noise spares the silent.

        hidden: whether hidden layers are listed; without them less memory is needed.
        """
        return self.architecture.forward(
            *(t_in, list(self.weights), self.params, solution, sigma, generator),
            noise_on_silent=False,
            hidden=hidden,
        )

    def extra_repr(self) -> str:
        return repr(self.architecture)


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
        first, draws = weights[0], torch.Generator()
        network = cls(sizes, params, dtype=first.dtype, device=first.device, generator=draws)
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
        method: Method | Solution = "dstd2",
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
    method: Method | Solution = "dstd2",
    steps: int = 10,
    offset: float = 0.0,
    sigma: float = 0.0,
    generator: torch.Generator | None = None,
    trace: bool = False,
    warp: float = 1.0,
    noise_on_silent: bool = True,
) -> list[LayerOutput]:
    """Outputs of dense RC-Spike layers; sigma (phases): normal jitter on each spike they receive.

    method: or a `Solution`. noise_on_silent: whether noise also falls on times of 1 or later,
    which stand for no spike.
    """
    solution = solution_of(method, steps, offset, warp, 10)
    return dense_architecture(weights).forward(
        *(t_in, weights, params, solution, sigma, generator, trace, noise_on_silent)
    )


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
