"""What moves membranes besides arriving spikes: synapses that are still off, neighbours, a gate.

The first two move a membrane slowly, over the whole phase, while its conductances pull it back: of
an even movement over the phase a share phi(F) = (1 - e^-F)/F is left, F the conductance's integral.
Both are thousandths of the membrane's range, so that an even movement is near enough. A gate that
closes at the end leaves behind what its resistance held back: the more, the faster the membrane
moves just then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters
from codesign.pnn.series import phi
from codesign.pnn.synapses import Synapses, coupled, synapses


class Pulls(NamedTuple):
    """Of each synapse, (n_in, n_out): weight g, coefficients f and q of its current, q None where
    there is none, and the current before its spike."""

    g: Tensor
    f: Tensor
    q: Tensor | None
    off: Tensor


class Surroundings(NamedTuple):
    """Integrals over the phase, each (batch, n_out): of the conductance at v = 0, of the quadratic
    coefficient, and of the currents of synapses that are off; at its end, where there is a gate,
    dv/dt = rate - pull v + bow v^2."""

    decay: Tensor
    bend: Tensor
    drift: Tensor
    rate: Tensor | None = None
    pull: Tensor | None = None
    bow: Tensor | None = None


def pulls(weight: Tensor, params: PNNParameters) -> Pulls:
    """Those of a layer; weight (n_out, n_in)."""
    s = synapses(weight, params)
    q = None if s.q is None else s.q.t()
    return Pulls(s.g.t(), s.f.t(), q, off_currents(weight, params).t())


def surrounded(v: Tensor, t_in: Tensor, weight: Tensor, params: PNNParameters) -> Tensor:
    """Membranes v (batch, n_out) at t_end that spikes t_in (batch, n_in) alone give, with what
    synapses that are off, neighbours and the gate add; weight (n_out, n_in).

    Raises ValueError when a coupling names a neuron that is not there.
    """
    if not params.is_surrounded:
        return v
    return added(params, v, surroundings(t_in, weight, params))


def surrounded_states(
    times: Sequence[Tensor], states: Sequence[Tensor], t_in: Tensor, weight: Tensor,
    params: PNNParameters,
) -> list[Tensor]:  # fmt: skip
    """Membranes (batch, n_out) at several times, each (batch,), with what synapses that are off and
    neighbours add; the gate is open on the way."""
    if not (params.coupling or params.has_off):
        return list(states)
    own = pulls(weight, params)
    return [
        added(params, v, _integrals(t_in, own, params, at[:, None]))
        for at, v in zip(times, states, strict=True)
    ]


def surroundings(t_in: Tensor, weight: Tensor, params: PNNParameters) -> Surroundings:
    """What is around the membranes of a layer."""
    own = pulls(weight, params)
    found = _integrals(t_in, own, params, params.t_end)
    if not params.gate:
        return found
    on = (t_in < params.t_end).to(own.g)
    bow = torch.zeros_like(found.decay) if own.q is None else on @ own.q
    return found._replace(rate=on @ own.g, pull=on @ own.f + params.leak, bow=bow)


def _integrals(
    t_in: Tensor, own: Pulls, params: PNNParameters, end: Tensor | float
) -> Surroundings:
    on = _on(t_in, end)
    decay = params.leak * end + on @ own.f
    bend = torch.zeros_like(decay) if own.q is None else on @ own.q
    return Surroundings(decay, bend, (end - on) @ own.off)


def row_surroundings(
    t_in: Tensor, weight: Tensor, s: Synapses, params: PNNParameters
) -> Surroundings:
    """`surroundings` where every row has weights of its own: t_in and weight (rows, n_in)."""
    on = _on(t_in, params.t_end)
    decay = params.leak * params.t_end + (on * s.f).sum(dim=1)
    bend = torch.zeros_like(decay) if s.q is None else (on * s.q).sum(dim=1)
    drift = ((params.t_end - on) * off_currents(weight, params)).sum(dim=1)
    found = Surroundings(decay, bend, drift)
    if not params.gate:
        return found
    there = (t_in < params.t_end).to(weight)
    bow = torch.zeros_like(decay) if s.q is None else (there * s.q).sum(dim=1)
    pull = (there * s.f).sum(dim=1) + params.leak
    return found._replace(rate=(there * s.g).sum(dim=1), pull=pull, bow=bow)


def left_over(v: Tensor, decay: Tensor, bend: Tensor) -> Tensor:
    """Share of an even movement that is left at t_end, its conductance taken half way to v."""
    return phi(decay - bend * v)


def added(params: PNNParameters, v: Tensor, around: Surroundings) -> Tensor:
    """Membranes (..., n_out) with currents of synapses that are off, what the gate leaves, and
    neighbours' movement."""
    left = left_over(v, around.decay, around.bend)
    return coupled(behind_gate(params, v + left * around.drift, around), params, left)


def behind_gate(params: PNNParameters, v: Tensor, around: Surroundings) -> Tensor:
    """Membranes when the gate has closed."""
    if not params.gate or around.rate is None or around.pull is None or around.bow is None:
        return v
    shift, lag, at, width = params.gate
    moving = around.rate - around.pull * v + around.bow * v * v
    return v + (shift + lag / (1.0 + ((v - at) / width) ** 2)) * moving


def off_currents(weight: Tensor, params: PNNParameters) -> Tensor:
    """Current, as a weight, of each synapse before its spike; of the shape of `weight`."""
    positive = params.off_plus * (weight > 0).to(weight)
    return positive + params.off_minus * (weight < 0).to(weight)


def _on(t_in: Tensor, end: Tensor | float) -> Tensor:
    """How long each synapse has been on."""
    return (end - t_in.clamp_min(0.0)).clamp_min(0.0)
