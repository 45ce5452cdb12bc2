"""What becomes of a network trained as an ideal weighted sum on synapses with finite |E|."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from codesign.pnn import Architecture, LayerOutput, PNNParameters, Solution

_RATIOS = (1.6, 1.25, 1.1)


def scaled_weights(
    net: Architecture,
    weights: Sequence[Tensor],
    ideal: PNNParameters,
    real: PNNParameters,
    times: Tensor,
    solution: Solution,
) -> list[Tensor]:
    """Ideal weights, positive and negative ones scaled per layer to give the ideal spike times.

    Layer by layer from the inputs `times`, a pattern search for the least squares over both
    scales that starts at 1. Hidden layers: times as the next layer sees them; outputs: times up
    to 2, beyond the phase, because silent outputs are compared too.
    """
    goal = _outputs(net, weights, ideal, times, solution)
    scaled = list(weights)
    for layer, weight in enumerate(weights):

        def error(scales: tuple[float, float], layer: int = layer, w: Tensor = weight) -> float:
            tried = [*scaled[:layer], torch.where(w >= 0, scales[0] * w, scales[1] * w)]
            found = _outputs(_head(net, layer), tried, real, times, solution)[layer]
            return float((_seen(found, net, layer) - _seen(goal[layer], net, layer)).square().sum())

        best = (1.0, 1.0)
        least = error(best)
        for ratio in _RATIOS:
            moved = True
            while moved:
                moved = False
                for up, down in ((ratio, 1.0), (1.0, ratio), (ratio, ratio)):
                    for sign in (1, -1):
                        tried = (best[0] * up**sign, best[1] * down**sign)
                        if min(tried) > 0.1 and max(tried) < 10 and (e := error(tried)) < least:
                            best, least, moved = tried, e, True
        scaled[layer] = torch.where(weight >= 0, best[0] * weight, best[1] * weight)
    return scaled


def _outputs(
    net: Architecture,
    weights: Sequence[Tensor],
    params: PNNParameters,
    times: Tensor,
    solution: Solution,
) -> list[LayerOutput]:
    return net.forward(times, weights, [params] * len(weights), solution)


def _head(net: Architecture, layer: int) -> Architecture:
    """The network up to a layer, counted among those with weights."""
    words = net.text.split("-")
    at = [i for i, word in enumerate(words) if not word.startswith("pool")][layer]
    return Architecture("-".join(words[: at + 1]), net.input_shape)


def _seen(output: LayerOutput, net: Architecture, layer: int) -> Tensor:
    last = layer == len(net.weight_shapes) - 1
    return output.t_unclipped.clamp(0.0, 2.0) if last else output.t
