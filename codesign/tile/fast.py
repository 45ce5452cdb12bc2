"""The fast model: finite elements along the line times fractional slices of the window.

Within a slice every cell is on with its mean duty, clamp((T_j - t_p)/D_p, 0, 1), so the charge of
an unloaded line is exact and the error of the drops falls with the square of the number of slices.
Every vector has slices of its own, half of them by time and half by its pulse ends: the activations
of a network end early, a few of them late.
The line is a Galerkin problem in linear hats; the integrator's current is the consistent flux at
its node. Both errors vanish at one element per row and one slice per slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from codesign.tile.mesh import Mesh

# Slices begin at multiples of this share of the window where pulses are not rounded to slots.
_GRID = 1024


@dataclass(frozen=True)
class Slices:
    """Pulses cut at the edges of P slices: where each ends, and the share of it that is on.

    sign, part (batch, rows), begin, length (batch, P) in windows: of the pulses' dtype; index
    (batch, rows) int64. Slices that do not fit between the pulse ends have length 0.
    """

    sign: Tensor
    index: Tensor
    part: Tensor
    begin: Tensor
    length: Tensor

    @property
    def count(self) -> int:
        return self.length.shape[1]


def cut(pulse: Tensor, count: int, slots: int | None = None) -> Slices:
    """A pulse that ends exactly on an edge belongs to one slice only, the later one.

    Edges are whole slots, so that small changes of a pulse leave them where they are.
    """
    with torch.no_grad():
        sign, length = torch.sign(pulse), pulse.abs()
        edges = _edges(length, count, slots or _GRID)
        index = torch.searchsorted(edges[:, 1:].contiguous(), length, right=True)
        index = index.clamp_max(count - 1)
        lengths = edges.diff(dim=1)
        # The last pulse of a vector ends at the last edge, with its slice wholly on.
        for _ in range(count):
            empty = (lengths.gather(1, index) == 0) & (index > 0)
            if not bool(empty.any()):
                break
            index = index - empty.long()
        part = (length - edges.gather(1, index)) / lengths.gather(1, index)
        return Slices(sign, index, part.clamp(0, 1), edges[:, :-1].contiguous(), lengths)


def _edges(length: Tensor, count: int, grid: int) -> Tensor:
    """Edges (batch, count + 1) of each vector's slices in windows, of pulse lengths (batch, rows).

    Equal steps of the mean of time and of the share of pulses that have ended, on the grid.
    """
    batch = length.shape[0]
    if count >= grid:
        every = torch.arange(count + 1, device=length.device).to(length) / count
        return every.expand(batch, -1).contiguous()
    end = (length * grid - 1e-3).ceil().clamp(0, grid).long()
    ends = length.new_zeros(batch, grid + 1).scatter_add(1, end, torch.ones_like(length))
    ends[:, 0] = 0
    ended = ends.cumsum(1)
    last = end.amax(dim=1, keepdim=True)
    last = torch.where(last == 0, grid, last)
    at = torch.arange(grid + 1, device=length.device).to(length)
    rise = 0.5 * (at / last + ended / ended[:, -1:].clamp_min(1))
    steps = torch.arange(1, count, device=length.device).to(length) / count
    inner = torch.searchsorted(rise, steps.expand(batch, -1).contiguous())
    inner = torch.minimum(inner.clamp_min(1), last)
    return torch.cat([torch.zeros_like(last), inner, last], dim=1).to(length) / grid


def fast_gated(
    pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int, slots: int | None = None
) -> Tensor:
    """Mean column current per read voltage (batch, cols) in S with the compiled kernels.

    pulse (batch, rows) in [-1, 1]; w, c (rows, cols); all on the CPU, of one dtype. Differentiable
    once in all three.
    """
    result = _Compiled.apply(pulse, w, c, mesh, slices, slots)
    assert isinstance(result, Tensor)
    return result


class _Compiled(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int, slots: int | None
    ) -> Tensor:
        ctx.save_for_backward(pulse, w, c)
        ctx.mesh, ctx.slices, ctx.slots = mesh, slices, slots
        out = torch.zeros(pulse.shape[0], w.shape[1], dtype=w.dtype)
        kernels().fast_forward(*_arguments(pulse, w, c, mesh, slices, slots), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        pulse, w, c = ctx.saved_tensors
        grad_w, grad_c = torch.zeros(w.shape, dtype=w.dtype), torch.zeros(w.shape, dtype=w.dtype)
        grad_pulse = torch.zeros(pulse.shape, dtype=w.dtype)
        kernels().fast_backward(
            *_arguments(pulse, w, c, ctx.mesh, ctx.slices, ctx.slots),
            grads[0].contiguous().numpy(),
            grad_w.numpy(),
            grad_c.numpy(),
            grad_pulse.numpy(),
        )
        return grad_pulse, grad_w, grad_c, None, None, None


def kernels() -> Any:
    """The compiled kernels; loads numba."""
    from codesign.tile import fast_kernels

    return fast_kernels


def _arguments(
    pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int, slots: int | None
) -> tuple[Any, ...]:
    parts = cut(pulse.detach(), slices, slots)
    return (
        parts.sign.numpy(),
        parts.index.numpy(),
        parts.part.numpy(),
        parts.length.numpy(),
        w.detach().contiguous().numpy(),
        c.detach().contiguous().numpy(),
        mesh.element.numpy(),
        mesh.share.to(w.dtype).numpy(),
        mesh.conductance_S.to(w.dtype).numpy(),
        *w.new_tensor([mesh.far_share, mesh.r_end_ohm]).numpy(),
    )


def fast_gated_torch(
    pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int, slots: int | None = None
) -> Tensor:
    """The same numbers in plain torch operations, on any device.

    Memory grows with slices * batch * (rows + elements * cols).
    """
    parts = cut(pulse, slices, slots)
    p = torch.arange(slices, device=pulse.device).view(-1, 1, 1)
    begin, length = (t.t().unsqueeze(2) for t in (parts.begin, parts.length))
    ends_here, lasts = parts.index == p, (parts.index > p) & (parts.sign != 0)
    # Signed duties (slice, batch, row): the pulse itself in the slice in which it ends.
    ends_here = ends_here / torch.where(length > 0, length, 1)
    full = lasts.to(w.dtype)
    source = ends_here * (pulse - parts.sign * begin) + full * parts.sign
    load = ends_here * (pulse * parts.sign - begin) * (parts.sign != 0) + full
    shape = (slices, pulse.shape[0], w.shape[1])
    carried_diag, carried_rhs = w.new_zeros(shape), w.new_zeros(shape)
    # Row 0's node has no neighbour beyond it: start the elimination with an open end.
    wire = 0.0
    far_share = mesh.far_share
    phi = w.new_full(shape, far_share)
    phi_rhs, phi_phi = w.new_zeros(shape), w.new_zeros(shape)
    for e in range(mesh.elements):
        rows = slice(int(mesh.edges[e]), int(mesh.edges[e + 1]))
        near = mesh.share[rows].to(w).view(-1, 1)
        far = 1.0 - near
        hats_c = torch.cat([far * far * c[rows], far * near * c[rows], near * near * c[rows]], 1)
        hats_w = torch.cat([far * w[rows], near * w[rows]], 1)
        far_far, far_near, near_near = (load[..., rows] @ hats_c).chunk(3, dim=2)
        rhs_far, rhs_near = (source[..., rows] @ hats_w).chunk(2, dim=2)
        g = float(mesh.conductance_S[e])
        rhs = carried_rhs + rhs_far
        if far_share:
            # The admittance without the difference of wires, which would cancel in `off`.
            admittance = carried_diag + far_far
            share = 1.0 / (admittance + g)
            phi_rhs, phi_phi = phi_rhs + phi * rhs * share, phi_phi + phi * phi * share
            phi = phi * (g - far_near) * share
            carried_rhs = rhs_near + (g - far_near) * share * rhs
            carried_diag = (
                near_near + (g * (admittance + 2 * far_near) - far_near * far_near) * share
            )
            continue
        off = far_near - g
        ratio = off / (carried_diag + far_far + wire + g)
        carried_diag, carried_rhs = near_near - ratio * off, rhs_near - ratio * rhs
        wire = g
    if far_share:
        phi = phi + (1.0 - far_share)
        carried_rhs = (carried_diag * phi_rhs + phi * carried_rhs) / (
            carried_diag * (mesh.r_end_ohm + phi_phi) + phi * phi
        )
    return (carried_rhs * length).sum(dim=0)
