"""What moves membranes besides arriving spikes: synapses that are still off, and neighbours.

Both move a membrane slowly, over the whole phase, while its conductances pull it back: of an even
movement over the phase a share phi(F) = (1 - e^-F)/F is left, F the conductance's integral. Both
are thousandths of the membrane's range, so that an even movement is near enough.
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
    """Of each synapse, (n_in, n_out): coefficients f and q of its current, q None where there is
    none, and the current before its spike."""

    f: Tensor
    q: Tensor | None
    off: Tensor


def pulls(weight: Tensor, params: PNNParameters) -> Pulls:
    """Those of a layer; weight (n_out, n_in)."""
    s = synapses(weight, params)
    return Pulls(s.f.t(), None if s.q is None else s.q.t(), off_currents(weight, params).t())


def surrounded(v: Tensor, t_in: Tensor, weight: Tensor, params: PNNParameters) -> Tensor:
    """Membranes v (batch, n_out) at t_end that spikes t_in (batch, n_in) alone give, with what
    synapses that are off and neighbours add; weight (n_out, n_in).

    Raises ValueError when a coupling names a neuron that is not there.
    """
    if not (params.coupling or params.has_off):
        return v
    return added(params, v, *surroundings(t_in, weight, params))


def surrounded_states(
    times: Sequence[Tensor], states: Sequence[Tensor], t_in: Tensor, weight: Tensor,
    params: PNNParameters,
) -> list[Tensor]:  # fmt: skip
    """`surrounded` of membranes (batch, n_out) at several times, each (batch,)."""
    if not (params.coupling or params.has_off):
        return list(states)
    own = pulls(weight, params)
    return [
        added(params, v, *_integrals(t_in, own, params, at[:, None]))
        for at, v in zip(times, states, strict=True)
    ]


def surroundings(
    t_in: Tensor, weight: Tensor, params: PNNParameters
) -> tuple[Tensor, Tensor, Tensor]:
    """Integrals over the phase, each (batch, n_out): of the conductance at v = 0, of the quadratic
    coefficient, and of the currents of synapses that are off."""
    return _integrals(t_in, pulls(weight, params), params, params.t_end)


def _integrals(
    t_in: Tensor, own: Pulls, params: PNNParameters, end: Tensor | float
) -> tuple[Tensor, Tensor, Tensor]:
    on = _on(t_in, end)
    decay = params.leak * end + on @ own.f
    bend = torch.zeros_like(decay) if own.q is None else on @ own.q
    return decay, bend, (end - on) @ own.off


def row_surroundings(
    t_in: Tensor, weight: Tensor, s: Synapses, params: PNNParameters
) -> tuple[Tensor, Tensor, Tensor]:
    """`surroundings` where every row has weights of its own: t_in and weight (rows, n_in)."""
    on = _on(t_in, params.t_end)
    decay = params.leak * params.t_end + (on * s.f).sum(dim=1)
    bend = torch.zeros_like(decay) if s.q is None else (on * s.q).sum(dim=1)
    return decay, bend, ((params.t_end - on) * off_currents(weight, params)).sum(dim=1)


def left_over(v: Tensor, decay: Tensor, bend: Tensor) -> Tensor:
    """Share of an even movement that is left at t_end, its conductance taken half way to v."""
    return phi(decay - bend * v)


def added(params: PNNParameters, v: Tensor, decay: Tensor, bend: Tensor, drift: Tensor) -> Tensor:
    """Membranes (..., n_out) with currents of synapses that are off and neighbours' movement."""
    left = left_over(v, decay, bend)
    return coupled(v + left * drift, params, left)


def off_currents(weight: Tensor, params: PNNParameters) -> Tensor:
    """Current, as a weight, of each synapse before its spike; of the shape of `weight`."""
    positive = params.off_plus * (weight > 0).to(weight)
    return positive + params.off_minus * (weight < 0).to(weight)


def _on(t_in: Tensor, end: Tensor | float) -> Tensor:
    """How long each synapse has been on."""
    return (end - t_in.clamp_min(0.0)).clamp_min(0.0)
