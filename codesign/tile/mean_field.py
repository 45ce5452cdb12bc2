"""The mean-field model: the line's transfer as a rational function of one vector's activity.

A cell's share of the column current is v_j, the transfer of the line at its row, which depends on
the load that is connected: c_j for the rows whose pulses are on. Here every row counts as connected
to the same extent, alpha_b(t), the share of the load that vector b has connected at time t. Then

    I = sum_j w_j integral over j's pulse of v_j(alpha_b(t)) dt.

v_j(alpha) is analytic; the pole next to alpha = 0 is that of a uniform line, alpha = -beta with
beta = (pi / 2)^2 / k and the load number k, and in z = alpha / (alpha + beta) it lies at infinity:
a few Chebyshev nodes in z are enough. Each level of activity is one matrix and one product, and the
first, alpha = 0, is the ideal one. The pulses' moments against the levels' polynomials replace the
pulses. What remains is the error of unequal rows: it falls with the number of rows that are on.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from codesign.gradients import through
from codesign.tile.constants import kept
from codesign.tile.line import kernels, line_transfer
from codesign.tile.precision import product

# Bins of the window where pulses are not rounded to slots; the last bin of each is taken in part.
_BINS = 256
# Load numbers up to which two and three levels are at the error of unequal rows.
_TWO, _THREE = 1.0, 12.0


def pick_levels(number: float) -> int:
    """Levels of activity for a load number, alpha = 0 included."""
    return 2 if number <= _TWO else 3 if number <= _THREE else 4


def mean_field_gated(
    pulse: Tensor,
    w: Tensor,
    c: Tensor,
    r_ohm: float,
    r_last_ohm: float,
    *,
    slots: int | None = None,
    levels: int | None = None,
    compiled: bool = False,
    coarse: bool = False,
) -> Tensor:
    """Mean column current per read voltage (batch, cols) in S, differentiable in all tensors.

    pulse (batch, rows) in [-1, 1]; w, c (rows, cols) in S; r_last_ohm is the wire from the nearest
    cell on, integrator included. compiled: by numba, CPU only. coarse: the drops' products in
    bfloat16, which costs 0.3 % of the drops.
    """
    rows = c.shape[0]
    number = c.mean() * (rows * (r_ohm * (rows - 1) + r_last_ohm))
    known = float(number.detach())
    count = levels or pick_levels(known)
    if count == 1 or not known > 0:
        return pulse @ w
    nodes, basis = _levels(count)
    nodes, basis = nodes.to(w), basis.to(w)
    # In units of its largest value, 1 / (1 + beta), so that nodes and basis are constants.
    beta = (math.pi / 2) ** 2 / number
    activity = beta * nodes[1:] / (1 + beta - nodes[1:])
    lost = line_transfer(activity.view(-1, 1, 1) * c, r_ohm, r_last_ohm, compiled) - 1
    weight = c.mean(dim=1) / c.mean()
    # The polynomials of all levels sum to one: that of no load is left to the ideal product.
    given = (pulse, weight, beta, basis[1:], slots or _BINS)
    moments = _CompiledMoments.apply(*given) if compiled else _moments(*given)
    assert isinstance(moments, Tensor)
    matrices = (lost * w).reshape((count - 1) * rows, -1)
    return pulse @ w + product(moments, matrices, coarse)


def _moments(pulse: Tensor, weight: Tensor, beta: Tensor, basis: Tensor, bins: int) -> Tensor:
    """Signed integrals (batch, levels * rows) of the levels' polynomials over each pulse.

    weight (rows,): each row's part of the load, 1 on average; basis (levels, terms): coefficients
    of the polynomials in z, rising.
    """
    sign = torch.sign(pulse.detach())
    # A pulse of length zero has the mean of its one-sided slopes: that of a positive one, no load.
    length = torch.where(sign == 0, pulse, pulse * sign)
    with torch.no_grad():
        index = (length * bins).floor().clamp(0, bins - 1).long()
    part = length * bins - index
    loads = weight * sign.abs()
    empty = pulse.new_zeros(pulse.shape[0], bins)
    ends = empty.scatter_add(1, index, loads)
    later = ends.flip(1).cumsum(1).flip(1) - ends
    alpha = (later + empty.scatter_add(1, index, loads * part)) / pulse.shape[1]
    z = alpha * (1 + beta) / (alpha + beta)
    powers = [torch.ones_like(z)]
    for _ in range(basis.shape[1] - 1):
        powers.append(powers[-1] * z)
    value = torch.einsum("lp,pbt->blt", basis, torch.stack(powers))
    before = value.cumsum(dim=2) - value
    where = index.unsqueeze(1).expand(-1, len(basis), -1)
    inside = before.gather(2, where) + part.unsqueeze(1) * value.gather(2, where)
    polarity = torch.where(sign == 0, torch.ones_like(sign), sign)
    return (polarity.unsqueeze(1) * inside / bins).flatten(1)


@kept(16)
def _levels(count: int) -> tuple[Tensor, Tensor]:
    """Nodes (count,) in [0, 1], 0 and Chebyshev's, and their Lagrange polynomials' coefficients."""
    j = torch.arange(1, count, dtype=torch.float64)
    chebyshev = 0.5 * (1 - torch.cos(math.pi * (2 * j - 1) / (2 * (count - 1))))
    nodes = torch.cat([torch.zeros(1, dtype=torch.float64), chebyshev])
    return nodes, torch.linalg.inv(torch.vander(nodes, increasing=True)).t().contiguous()


class _CompiledMoments(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, pulse: Tensor, weight: Tensor, beta: Tensor, basis: Tensor, bins: int
    ) -> Tensor:
        given = [t.detach().contiguous() for t in (pulse, weight, beta, basis)]
        out = pulse.new_empty(pulse.shape[0], len(basis), pulse.shape[1])
        kernels().moments_forward(*_numpy(given), bins, out.numpy())
        ctx.save_for_backward(pulse, weight, beta, basis)
        ctx.bins = bins
        return out.flatten(1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        pulse, weight, beta, basis = ctx.saved_tensors
        if torch.is_grad_enabled():
            need = ctx.needs_input_grad[:3]
            again = through(
                lambda x, w, k: _moments(x, w, k, basis, ctx.bins), [pulse, weight, beta],
                need, grads[0],
            )  # fmt: skip
            return (*again, None, None)
        given = [t.detach().contiguous() for t in (pulse, weight, beta, basis)]
        grad = grads[0].reshape(pulse.shape[0], len(basis), -1).contiguous()
        g_pulse, g_weight = torch.zeros_like(pulse), torch.zeros_like(weight)
        g_beta = kernels().moments_backward(
            *_numpy(given), ctx.bins, grad.numpy(), g_pulse.numpy(), g_weight.numpy()
        )
        return g_pulse, g_weight, beta.new_tensor(g_beta), None, None


def _numpy(tensors: Any) -> list[Any]:
    """Arrays, and numpy scalars of the same type for tensors without dimensions."""
    return [t.numpy() if t.dim() else t.numpy()[()] for t in tensors]
