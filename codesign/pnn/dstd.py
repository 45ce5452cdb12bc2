"""DSTD: differentiable spike-time discretisation, plain and moment-corrected.

arXiv:2412.09010: a spike between two grid points counts in both, in proportion; conductance and
current of every interval are then two matrix products, and real-valued shares keep the gradient by
the spike time alive without sorting. `dstd2` keeps the first centred moment of each interval too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters
from codesign.pnn.riccati import riccati_step, riccati_step2
from codesign.pnn.series import chi, phi
from codesign.pnn.synapses import behind_series, per_neuron, synapses


def grid_edges(steps: float, offset: float, t_end: float, warp: float = 1.0) -> list[float]:
    """Interval edges m/steps - offset, cut at t_end; an offset makes the last interval shorter.

    steps: intervals per phase, any positive number. warp p moves the edges to 1 - (1 - u)^p, u in
    units of t_end: denser late for p > 1.
    """
    count = math.ceil((t_end + offset) * steps - 1e-9)
    edges = [m / steps - offset for m in range(count)] + [t_end]
    if warp != 1.0:
        edges = [t_end * (1.0 - (1.0 - t / t_end) ** warp) for t in edges]
        edges[-1] = t_end
    return edges


class Intervals(NamedTuple):
    """Integrals over the intervals of a grid, each (intervals, batch, n_out), and the charge.

    g, f, q: of current, conductance (leak included) and curvature; q None without. first: their
    first centred moments, empty without. kicks: charge at the grid points (intervals + 1, ...).
    """

    g: Tensor
    f: Tensor
    q: Tensor | None
    first: list[Tensor]
    kicks: Tensor | None


def shares(t_in: Tensor, edges: Sequence[float]) -> Tensor:
    """Share of each interval that lies after each spike, (intervals, batch, n_in).

    A spike on a grid point belongs to the interval that begins there, for its gradient too.
    """
    grid = t_in.new_tensor(list(edges)).view(-1, 1, 1)
    begins, ends = grid[:-1], grid[1:]
    lengths = t_in.new_tensor([b - a for a, b in pairwise(edges)]).view(-1, 1, 1)
    before = (t_in < begins).to(t_in.dtype)
    inside = (t_in >= begins) & (t_in < ends)
    # Absent spikes are infinite; what is not chosen must be finite for its gradient.
    return torch.where(inside, (ends - torch.where(inside, t_in, begins)) / lengths, before)


def intervals(
    t_in: Tensor, weight: Tensor, params: PNNParameters, edges: Sequence[float], moments: bool
) -> Intervals:
    """Integrals of all intervals by two products with the synapses' matrices."""
    s = synapses(weight, params)
    lengths = t_in.new_tensor([b - a for a, b in pairwise(edges)]).view(-1, 1, 1)
    share = shares(t_in, edges)
    matrices = [s.g, s.f] if s.q is None else [s.g, s.f, s.q]
    stacked = torch.cat(matrices).t()
    n_out = weight.shape[0]
    means = [x * lengths for x in (share @ stacked).split(n_out, dim=2)]
    first: list[Tensor] = []
    if moments:
        moment = 0.5 * share * (1.0 - share)
        first = [x * lengths for x in (moment @ stacked).split(n_out, dim=2)]
    kicks: Tensor | None = None
    if s.kick is not None:
        arrived = torch.cat([share, (t_in < edges[-1]).to(share).unsqueeze(0)])
        kicks = torch.diff(arrived, dim=0, prepend=torch.zeros_like(arrived[:1])) @ s.kick.t()
    q = None if s.q is None else means[2]
    g, f = means[0], means[1] + params.leak * lengths
    if params.series:
        # Moments are first order already: the rate's factor is enough for them.
        first = [x / (1.0 + params.series / lengths * f) for x in first]
        g, f, q = behind_series(g, f, q, params.series, lengths)
    return Intervals(g, f, q, first, kicks)


def dstd_states(
    t_in: Tensor, weight: Tensor, params: PNNParameters, edges: Sequence[float], moments: bool
) -> list[Tensor]:
    """Membranes (batch, n_out) at the grid points, kicks included.

    t_in (batch, n_in), weight (n_out, n_in); memory grows with intervals * batch * (n_in + n_out).
    """
    g, f, q, first, kicks = intervals(t_in, weight, params, edges, moments)
    # v_start holds at time 0; the first interval begins earlier by the offset, with leak alone.
    v = t_in.new_zeros(t_in.shape[0], weight.shape[0])
    v = v + math.exp(-params.leak * edges[0]) * per_neuron(params.v_start, v, "v_start")
    if kicks is not None:
        v = v + kicks[0]
    states = [v]
    if q is None:
        decay, gain = torch.exp(-f), g * phi(f)
        if moments:
            gain = gain + chi(f) * (f * first[0] - g * first[1])
        if kicks is not None:
            gain = gain + kicks[1:]
        for d, a in zip(decay.unbind(), gain.unbind(), strict=True):
            v = torch.addcmul(a, v, d)
            states.append(v)
        return states
    step = (
        riccati_step2(f, g, q, first[1], first[0], first[2]) if moments else riccati_step(f, g, q)
    )
    for m, move in enumerate(step.unbind()):
        v = move(v)
        if kicks is not None:
            v = v + kicks[m + 1]
        states.append(v)
    return states
