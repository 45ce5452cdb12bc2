"""What each synapse adds to the membrane equation, from its weight."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters


class Synapses(NamedTuple):
    """Coefficients of dv/dt = g - f v + q v^2 per synapse, each (n_out, n_in).

    g: the weight; f: weight/E; q: weight times curvature, or None; kick: charge moved when a
    spike arrives, or None.
    """

    g: Tensor
    f: Tensor
    q: Tensor | None
    kick: Tensor | None


def synapses(weight: Tensor, params: PNNParameters) -> Synapses:
    """Coefficients of all synapses; weight (n_out, n_in)."""
    positive = weight >= 0
    root = None
    by_root = (params.slope_plus, params.slope_minus, params.kick_plus, params.kick_minus)
    if any((*by_root, params.has_curvature)):
        # The floor keeps the square root's gradient finite at weight 0, where w u has none to give.
        size = weight.abs().clamp_max(params.w_most)
        root = torch.sqrt((size / params.w_ref).clamp_min(1e-12)) - 1.0

    def by_sign(plus: Tensor | float, minus: Tensor | float) -> Tensor:
        plus, minus = (torch.as_tensor(x, dtype=weight.dtype).to(weight) for x in (plus, minus))
        return torch.where(positive, plus, minus)

    def by_weight(plus: tuple[float, ...], minus: tuple[float, ...]) -> Tensor:
        assert root is not None
        return by_sign(_polynomial(root, plus), _polynomial(root, minus))

    inverse_e = by_sign(1.0 / params.e_plus, 1.0 / params.e_minus)
    if params.slope_plus or params.slope_minus:
        inverse_e = inverse_e + by_weight((0.0, *params.slope_plus), (0.0, *params.slope_minus))
    q = None
    if params.has_curvature:
        q = weight * by_weight(params.curvature_plus, params.curvature_minus)
    kick = None
    if params.has_kick:
        share = by_sign(params.kick_per_weight_plus, params.kick_per_weight_minus)
        kick = params.kick + share * weight
        if params.kick_plus or params.kick_minus:
            own = by_weight(params.kick_plus, params.kick_minus)
            kick = kick + torch.where(weight == 0, torch.zeros_like(own), own)
    return Synapses(weight, weight * inverse_e, q, kick)


def behind_series(
    g: Tensor, f: Tensor, q: Tensor | None, series: float, duration: Tensor | float
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Integrals of g, f and q over a step, with synapses that see v + series dv/dt.

    With i(v) = g - f v + q v^2 the membrane obeys dv/dt = i(v + series dv/dt). Straight synapses
    solve it exactly: dv/dt = i(v)/(1 + series f). Curved ones to first order in series q, the part
    cubic in v left out.
    """
    factor = 1.0 / (1.0 + (series / duration) * f)
    g, f = g * factor, f * factor
    if q is None:
        return g, f, None
    # i(v)/(1 + series f - 2 series q v), expanded in v.
    bend = (2.0 * series / duration) * factor * q
    return g, f - bend * g, q * factor - bend * f


def coupled(v: Tensor, params: PNNParameters, left: Tensor | None = None) -> Tensor:
    """Membranes v (..., n_out) with what each takes of its neighbours' movement; `left`, of v's
    shape: the share of it that is left, 1 unless given.

    Raises ValueError when a coupling names a neuron that is not there.
    """
    if not params.coupling:
        return v
    n_out = v.shape[-1]
    moved, mover, share = zip(*params.coupling, strict=True)
    if max(moved + mover) >= n_out:
        raise ValueError(f"coupling names neuron {max(moved + mover)} of {n_out}, from 0")
    shares = torch.tensor(share, dtype=v.dtype, device=v.device)
    targets = torch.tensor(moved, device=v.device)
    taken = v[..., list(mover)] * shares
    if left is not None:
        taken = taken * left[..., list(moved)]
    return v.index_add(-1, targets, taken)


def per_neuron(value: float | tuple[float, ...], like: Tensor, name: str) -> Tensor:
    """A value of each neuron as a tensor that broadcasts over like (..., n_out).

    Raises ValueError when there are not n_out values.
    """
    n_out = like.shape[-1]
    if isinstance(value, tuple) and len(value) != n_out:
        raise ValueError(f"{name} has {len(value)} values for {n_out} neurons")
    return torch.tensor(value, dtype=like.dtype, device=like.device)


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    value = torch.zeros_like(x)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value
