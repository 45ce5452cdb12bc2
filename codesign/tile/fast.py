"""The fast model: finite elements along the line times fractional slices of the window.

Within a slice every cell is on with its mean duty, clamp((T_j - t_p)/D, 0, 1), so the charge of an
unloaded line is exact and the error of the drops falls with the square of the number of slices.
The line is a Galerkin problem in linear hats; the integrator's current is the consistent flux at
its node. Both errors vanish at one element per row and one slice per slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from codesign.tile.mesh import Mesh


@dataclass(frozen=True)
class Slices:
    """Pulses cut at the edges of P equal slices: where each ends, and the share that is on.

    sign, part (batch, rows) of the pulses' dtype; index (batch, rows) int64.
    """

    sign: Tensor
    index: Tensor
    part: Tensor
    count: int


def cut(pulse: Tensor, count: int) -> Slices:
    """A pulse that ends exactly on an edge belongs to one slice only, the later one."""
    with torch.no_grad():
        length = pulse.abs() * count
        index = length.floor().clamp_max(count - 1)
        return Slices(torch.sign(pulse), index.long(), length - index, count)


def fast_gated(pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int) -> Tensor:
    """Mean column current per read voltage (batch, cols) in S with the compiled kernels.

    pulse (batch, rows) in [-1, 1]; w, c (rows, cols); all on the CPU, of one dtype. Differentiable
    once in all three.
    """
    result = _Compiled.apply(pulse, w, c, mesh, slices)
    assert isinstance(result, Tensor)
    return result


class _Compiled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int) -> Tensor:
        ctx.save_for_backward(pulse, w, c)
        ctx.mesh, ctx.slices = mesh, slices
        out = torch.zeros(pulse.shape[0], w.shape[1], dtype=w.dtype)
        kernels().fast_forward(*_arguments(pulse, w, c, mesh, slices), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        pulse, w, c = ctx.saved_tensors
        grad_w, grad_c = torch.zeros(w.shape, dtype=w.dtype), torch.zeros(w.shape, dtype=w.dtype)
        grad_pulse = torch.zeros(pulse.shape, dtype=w.dtype)
        kernels().fast_backward(
            *_arguments(pulse, w, c, ctx.mesh, ctx.slices),
            grads[0].contiguous().numpy(),
            grad_w.numpy(),
            grad_c.numpy(),
            grad_pulse.numpy(),
        )
        return grad_pulse, grad_w, grad_c, None, None


def kernels() -> Any:
    """The compiled kernels; loads numba."""
    from codesign.tile import kernels

    return kernels


def _arguments(pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int) -> tuple[Any, ...]:
    parts = cut(pulse.detach(), slices)
    return (
        parts.sign.numpy(),
        parts.index.numpy(),
        parts.part.numpy(),
        w.detach().contiguous().numpy(),
        c.detach().contiguous().numpy(),
        mesh.element.numpy(),
        mesh.share.to(w.dtype).numpy(),
        mesh.conductance_S.to(w.dtype).numpy(),
        *w.new_tensor([mesh.far_share, mesh.r_end_ohm]).numpy(),
        slices,
    )


def fast_gated_torch(pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int) -> Tensor:
    """The same numbers in plain torch operations, on any device.

    Memory grows with slices * batch * (rows + elements * cols).
    """
    parts = cut(pulse, slices)
    p = torch.arange(slices, device=pulse.device).view(-1, 1, 1)
    ends_here, lasts = parts.index == p, (parts.index > p) & (parts.sign != 0)
    # Signed duties (slice, batch, row): the pulse itself in the slice in which it ends.
    full = lasts.to(w.dtype)
    source = ends_here * (pulse * slices - parts.sign * p) + full * parts.sign
    load = ends_here * (pulse * parts.sign * slices - p) * (parts.sign != 0) + full
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
    return carried_rhs.mean(dim=0)
