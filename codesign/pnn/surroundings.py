"""What moves membranes besides arriving spikes: synapses that are still off, and neighbours.

Both move a membrane slowly, over the whole phase, while its conductances pull it back: of an even
movement over the phase a share phi(F) = (1 - e^-F)/F is left, F the conductance's integral. Both
are thousandths of the membrane's range, so that an even movement is near enough.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters
from codesign.pnn.series import phi
from codesign.pnn.synapses import Synapses, coupled, synapses


def surrounded(
    v: Tensor, t_in: Tensor, weight: Tensor, params: PNNParameters, at: Tensor | None = None
) -> Tensor:
    """Membranes v (batch, n_out) that spikes t_in (batch, n_in) alone give, with what synapses that
    are off and neighbours add; weight (n_out, n_in); `at` (batch, 1): when, t_end unless given.

    Raises ValueError when a coupling names a neuron that is not there.
    """
    if not (params.coupling or params.has_off):
        return v
    return added(params, v, *surroundings(t_in, weight, params, at))


def surroundings(
    t_in: Tensor, weight: Tensor, params: PNNParameters, at: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Integrals over the phase, each (batch, n_out): of the conductance at v = 0, of the quadratic
    coefficient, and of the currents of synapses that are off."""
    end = params.t_end if at is None else at
    on = _on(t_in, end)
    s = synapses(weight, params)
    decay = params.leak * end + on @ s.f.t()
    bend = torch.zeros_like(decay) if s.q is None else on @ s.q.t()
    return decay, bend, (end - on) @ off_currents(weight, params).t()


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


def added(
    params: PNNParameters, v: Tensor, decay: Tensor, bend: Tensor, drift: Tensor
) -> Tensor:
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
