"""The first crossing of the threshold on a grid, in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from codesign.pnn.crossing import Crossing
from codesign.pnn.dstd import intervals, start_values
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.series import phi
from codesign.pnn.window import Window


def dstd_crossing(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    edges: list[float],
    window: Window | None = None,
) -> Crossing:
    """Membranes at all grid points, then the first that is at 1 or above; see `Crossing`.

    t_in (batch, n_in), or images (batch, channels_in, h, w) with the window of a convolution.
    """
    g, f, _, _, kicks = intervals(t_in, weight, params, edges, False, window)
    if kicks is not None:
        # Half to either side, so that times stay smooth when a spike crosses a grid point.
        share = torch.full((len(edges), *[1] * t_in.dim()), 0.5).to(g)
        share[0] = share[-1] = 1.0
        spread = share * kicks
        g = g + spread[:-1] + spread[1:]
    v = start_values(g[0], params, edges[0])
    states = [v]
    for decay, gain in zip(torch.exp(-f).unbind(), (g * phi(f)).unbind(), strict=True):
        v = torch.addcmul(gain, v, decay)
        states.append(v)
    values = torch.stack(states)
    above = (values[1:] >= 1.0) | (values[:-1] >= 1.0)
    count = len(edges) - 1
    number = torch.where(above.any(dim=0), above.to(torch.int8).argmax(dim=0), count)
    at = number.clamp_max(count - 1).unsqueeze(0)
    fired = number < count

    def pick(x: Tensor) -> Tensor:
        return torch.where(fired, torch.gather(x, 0, at).squeeze(0), 0.0)

    start = torch.where(fired, torch.gather(values, 0, at).squeeze(0), v)
    return Crossing(start, pick(g), pick(f), number.to(torch.int32))
