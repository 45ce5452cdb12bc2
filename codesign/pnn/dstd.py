"""DSTD: differentiable spike-time discretisation, plain and moment-corrected.

arXiv:2412.09010: a spike between two grid points counts in both, in proportion; conductance and
current of every interval are then two matrix products, and real-valued shares keep the gradient by
the spike time alive without sorting. `dstd2` keeps the first centred moment of each interval too.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters
from codesign.pnn.riccati import riccati_step, riccati_step2
from codesign.pnn.series import chi, phi
from codesign.pnn.synapses import per_neuron, synapses


def grid_edges(steps: int, offset: float, t_end: float) -> list[float]:
    """Interval edges m/steps - offset, cut at t_end; an offset makes the last interval shorter."""
    count = math.ceil((t_end + offset) * steps - 1e-9)
    return [m / steps - offset for m in range(count)] + [t_end]


def dstd_states(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    steps: int,
    offset: float,
    moments: bool,
) -> tuple[list[float], list[Tensor]]:
    """Grid points and membranes (batch, n_out) there, kicks included.

    t_in (batch, n_in), weight (n_out, n_in); memory grows with steps * batch * (n_in + n_out).
    """
    s = synapses(weight, params)
    edges = grid_edges(steps, offset, params.t_end)
    ends = t_in.new_tensor(edges[1:]).view(-1, 1, 1)
    length = t_in.new_tensor([b - a for a, b in pairwise(edges)]).view(-1, 1, 1)
    share = ((ends - t_in) / length).clamp(0.0, 1.0)

    matrices = [s.g, s.f] if s.q is None else [s.g, s.f, s.q]
    stacked = torch.cat(matrices).t()
    means = [x * length for x in (share @ stacked).split(weight.shape[0], dim=2)]
    means[1] = means[1] + params.leak * length
    first: list[Tensor] = []
    if moments:
        moment = 0.5 * share * (1.0 - share)
        first = [x * length for x in (moment @ stacked).split(weight.shape[0], dim=2)]

    kicks: Tensor | None = None
    if s.kick is not None:
        arrived = torch.cat([share, (t_in < params.t_end).to(share).unsqueeze(0)])
        kicks = torch.diff(arrived, dim=0, prepend=torch.zeros_like(arrived[:1])) @ s.kick.t()

    # v_start holds at time 0; the first interval begins `offset` earlier, where only the leak acts.
    v = t_in.new_zeros(t_in.shape[0], weight.shape[0])
    v = v + math.exp(params.leak * offset) * per_neuron(params.v_start, v, "v_start")
    if kicks is not None:
        v = v + kicks[0]
    states = [v]
    if s.q is None:
        g, f = means
        decay, gain = torch.exp(-f), g * phi(f)
        if moments:
            gain = gain + chi(f) * (f * first[0] - g * first[1])
        if kicks is not None:
            gain = gain + kicks[1:]
        for d, a in zip(decay.unbind(), gain.unbind(), strict=True):
            v = torch.addcmul(a, v, d)
            states.append(v)
        return edges, states
    g, f, q = means
    step = (
        riccati_step2(f, g, q, first[1], first[0], first[2]) if moments else riccati_step(f, g, q)
    )
    for m, move in enumerate(step.unbind()):
        v = move(v)
        if kicks is not None:
            v = v + kicks[m + 1]
        states.append(v)
    return edges, states
