"""The fast model: finite elements along the line times fractional slices of the window.

Within a slice every cell is on with its mean duty, clamp((T_j - t_p)/D_p, 0, 1), so the charge of
an unloaded line is exact and the error of the drops falls with the square of the number of slices.
The line is a Galerkin problem in linear hats; the integrator's current is the consistent flux at
its node. Both errors vanish at one element per row and one slice per slot.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from codesign.gradients import through
from codesign.tile.fast_torch import fast_gated_torch
from codesign.tile.mesh import Mesh
from codesign.tile.slices import Slices, cut


def fast_gated(
    pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int, slots: int | None = None
) -> Tensor:
    """Mean column current per read voltage (batch, cols) in S with the compiled kernels.

    pulse (batch, rows) in [-1, 1]; w, c (rows, cols); all on the CPU, of one dtype. Differentiable
    in all three.
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
        out = w.new_zeros(pulse.shape[0], w.shape[1])
        parts = cut(pulse.detach(), slices, slots)
        kernels().fast_forward(*_arguments(parts, w, c, mesh), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        pulse, w, c = ctx.saved_tensors
        if torch.is_grad_enabled():
            setting = (ctx.mesh, ctx.slices, ctx.slots)
            again = through(
                lambda *x: fast_gated_torch(x[0], x[1], x[2], *setting), [pulse, w, c],
                ctx.needs_input_grad[:3], grads[0],
            )  # fmt: skip
            return (*again, None, None, None)
        grad_w, grad_c = w.new_zeros(w.shape), w.new_zeros(w.shape)
        grad_pulse = w.new_zeros(pulse.shape)
        parts = cut(pulse.detach(), ctx.slices, ctx.slots)
        kernels().fast_backward(
            *_arguments(parts, w, c, ctx.mesh),
            parts.other.numpy(),
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


def _arguments(parts: Slices, w: Tensor, c: Tensor, mesh: Mesh) -> tuple[Any, ...]:
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
