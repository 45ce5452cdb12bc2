"""The exact membrane where every row has weights of its own: one neuron and one pattern per row.

A layer's output depends on a weight through every pattern. Where each pattern is a row with its own
copy of the weights, one backward pass gives the derivative of every output by every weight that it
depends on: the Jacobian of a whole layer at the cost of one gradient.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from codesign.pnn.firing import firing_time
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.riccati import riccati_step
from codesign.pnn.series import phi
from codesign.pnn.surroundings import Surroundings, behind_gate, left_over, row_surroundings
from codesign.pnn.synapses import behind_series, coupled, per_neuron, synapses


class LayerJacobian(NamedTuple):
    """v, t (batch, n_out): membrane at t_end and unclipped firing time; dt_dv (batch, n_out);
    dv_dw, dv_dt (batch, n_out, n_in): by the own weights and by the input spikes."""

    v: Tensor
    t: Tensor
    dt_dv: Tensor
    dv_dw: Tensor
    dv_dt: Tensor


def membrane_rows(t_in: Tensor, weight: Tensor, v_start: Tensor, params: PNNParameters) -> Tensor:
    """Membrane (rows,) at t_end from t_in (rows, n_in), weight (rows, n_in), v_start (rows,).

    Exact, as `membrane_potential(..., "exact")` is, of the spikes that arrive: `params.v_start`,
    currents of synapses that are off, coupling and the gate are not looked at.
    """
    t_end = params.t_end
    active = t_in < t_end
    times, order = torch.sort(torch.where(active, t_in.clamp_min(0.0), t_end), dim=1, stable=True)
    s = synapses(weight, params)
    g, f = (torch.gather(part, 1, order).cumsum(dim=1) for part in (s.g, s.f))
    q = None if s.q is None else torch.gather(s.q, 1, order).cumsum(dim=1)
    kick = None
    if s.kick is not None:
        kick = torch.gather(torch.where(active, s.kick, torch.zeros_like(s.kick)), 1, order)
    ends = torch.cat([times[:, 1:], torch.full_like(times[:, :1], t_end)], dim=1)
    duration = ends - times
    v = v_start * torch.exp(-params.leak * times[:, 0])
    # No spike yet: only the leak works.
    for k in range(t_in.shape[1]):
        if kick is not None:
            v = v + kick[:, k]
        step, rate, pull = duration[:, k], g[:, k], f[:, k] + params.leak
        bend = None if q is None else q[:, k]
        if params.series:
            rate, pull, bend = behind_series(rate, pull, bend, params.series, 1.0)
        decay = pull * step
        if bend is not None:
            v = riccati_step(decay, rate * step, bend * step)(v)
        else:
            v = v * torch.exp(-decay) + rate * step * phi(decay)
    return v


def layer_jacobian(t_in: Tensor, weight: Tensor, params: PNNParameters) -> LayerJacobian:
    """Exact answer of an RC-Spike layer and its derivatives; t_in (batch, n_in), weight
    (n_out, n_in). Nothing that is returned needs gradients. What a coupled neighbour's weights do
    to a neuron is left out of dv_dw: thousandths of what its own do."""
    batch, n_in = t_in.shape
    n_out = weight.shape[0]
    own = weight.detach().repeat(batch, 1).requires_grad_()
    times = t_in.detach().repeat_interleave(n_out, dim=0).requires_grad_()
    start = per_neuron(params.v_start, own.new_zeros(batch, n_out), "v_start")
    with torch.enable_grad():
        v = membrane_rows(times, own, start.expand(batch, n_out).reshape(-1), params)
        alone = v.reshape(batch, n_out)
        left = torch.ones_like(alone)
        dv_dt_alone = None
        if params.is_surrounded:
            more = row_surroundings(times, own, synapses(own, params), params)
            around = Surroundings(*(x.reshape(batch, n_out) for x in more if x is not None))
            left = left_over(alone, around.decay, around.bend)
            alone = behind_gate(params, alone + left * around.drift, around)
            (dv_dt_alone,) = torch.autograd.grad(alone.sum(), times, retain_graph=True)
            # Its neighbours' spikes: below.
            fixed = alone.detach()
            alone = alone + left * (coupled(fixed, params) - fixed)
        dv_dw, dv_dt = torch.autograd.grad(alone.sum(), (own, times))
        end = alone.detach().requires_grad_()
        t = firing_time(end, params, clip=False)
        (dt_dv,) = torch.autograd.grad(t.sum(), end)
    shape = (batch, n_out, n_in)
    by_input = dv_dt.reshape(shape)
    if dv_dt_alone is not None:
        beside = dv_dt_alone.reshape(shape).transpose(1, 2)
        moved = coupled(beside, params) - beside
        by_input = by_input + moved.transpose(1, 2) * left.detach()[..., None]
    return LayerJacobian(end.detach(), t.detach(), dt_dv, dv_dw.reshape(shape), by_input)
