"""Event-driven solution of the membrane: closed form from spike to spike, no discretisation."""

from __future__ import annotations

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters
from codesign.pnn.riccati import riccati_step
from codesign.pnn.series import phi
from codesign.pnn.synapses import per_neuron, synapses


def exact_states(
    t_in: Tensor, weight: Tensor, params: PNNParameters
) -> tuple[list[Tensor], list[Tensor]]:
    """Times (batch, 1) and membranes (batch, n_out): at 0, after each spike in order, at t_end.

    t_in (batch, n_in), weight (n_out, n_in). Between events v is monotone, so its extremes are
    among these values. Spikes outside the window are listed at t_end, where they change nothing.
    """
    s = synapses(weight, params)
    active = t_in < params.t_end
    times, order = torch.sort(
        torch.where(active, t_in.clamp_min(0.0), params.t_end), dim=1, stable=True
    )
    counted = torch.gather(active, 1, order).to(t_in)
    rows = [x.t() for x in (s.g, s.f)]
    v = t_in.new_zeros(t_in.shape[0], weight.shape[0])
    v = v + per_neuron(params.v_start, v, "v_start")
    g, f = torch.zeros_like(v), torch.full_like(v, params.leak)
    q = torch.zeros_like(v)
    now = t_in.new_zeros(t_in.shape[0], 1)
    all_times, all_v = [now], [v]
    for k in range(t_in.shape[1]):
        then, arrived = times[:, k : k + 1], order[:, k]
        v = _step(v, g, f, q if s.q is not None else None, then - now)
        g, f = g + rows[0][arrived], f + rows[1][arrived]
        if s.q is not None:
            q = q + s.q.t()[arrived]
        if s.kick is not None:
            v = v + counted[:, k : k + 1] * s.kick.t()[arrived]
        now = then
        all_times.append(now)
        all_v.append(v)
    v = _step(v, g, f, q if s.q is not None else None, params.t_end - now)
    all_times.append(torch.full_like(now, params.t_end))
    all_v.append(v)
    return all_times, all_v


def _step(v: Tensor, g: Tensor, f: Tensor, q: Tensor | None, duration: Tensor) -> Tensor:
    if q is not None:
        return riccati_step(f * duration, g * duration, q * duration)(v)
    decay = f * duration
    return v * torch.exp(-decay) + g * duration * phi(decay)
