"""The transfer of a loaded line: what share of a current injected at a row leaves it at its end.

A Norton sweep towards the integrator gives the admittance Y that each row sees behind it,
Y <- (Y + c) / (1 + r (Y + c)); the wire behind the row passes on 1 / (1 + r (Y + c)), and the
products of these from a row on are the row's transfer v. On a CPU rows are swept one by one, by
numba where it is; elsewhere, where every step would be a launch, as a scan: the map of Y is that of
a matrix ((1, c), (r, 1 + r c)), and the products of all first j of them take log2(rows) steps.

Backwards, by reciprocity, d v = -v u d c with the drops u that the gradients g cause when they are
injected as currents. The ladder's Green's function has v for the rows before and a second solution,
d_j = v_j sum over wires k >= j of r_k / (v_k v_(k+1)), for those behind:

    u_j = d_j sum_(k <= j) v_k g_k + v_j sum_(k > j) d_k g_k.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from codesign.gradients import through

# Below it a row adds nothing to any gradient, and reciprocals of its square leave float32.
_LEAST = 1e-12


def line_transfer(
    load: Tensor, r_ohm: float, r_last_ohm: float, compiled: bool = False
) -> Tensor:
    """Shares (..., rows, cols), with the whole load (..., rows, cols) in S connected.

    r_last_ohm: the wire from the nearest cell on, integrator included. compiled: by numba.
    """
    found = _Transfer.apply(load, r_ohm, r_last_ohm, compiled)
    assert isinstance(found, Tensor)
    return found


class _Transfer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, load: Tensor, r_ohm: float, r_last_ohm: float, compiled: bool
    ) -> Tensor:
        given = load.detach()
        if compiled:
            flat = given.reshape(-1, *given.shape[-2:]).contiguous()
            found = torch.empty_like(flat)
            kernels().transfer_forward(flat.numpy(), r_ohm, r_last_ohm, found.numpy())
            transfer = found.view(load.shape)
        else:
            take = swept_factors if load.device.type == "cpu" else scanned_factors
            transfer = _from_the_end(take(given, r_ohm, r_last_ohm))
        ctx.save_for_backward(load, transfer)
        ctx.wire, ctx.compiled = (r_ohm, r_last_ohm), compiled
        return transfer

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        load, transfer = ctx.saved_tensors
        if torch.is_grad_enabled():
            again = through(
                lambda c: _from_the_end(swept_factors(c, *ctx.wire)), [load],
                ctx.needs_input_grad[:1], grads[0],
            )  # fmt: skip
            return (*again, None, None, None)
        if ctx.compiled:
            flat = [t.detach().reshape(-1, *load.shape[-2:]) for t in (load, transfer, grads[0])]
            own, v, g = (t.contiguous() for t in flat)
            found = torch.empty_like(own)
            kernels().transfer_backward(
                own.numpy(), *ctx.wire, v.numpy(), g.numpy(), found.numpy()
            )
            return found.view(load.shape), None, None, None
        return _slope(transfer.detach(), grads[0], *ctx.wire), None, None, None


def _slope(transfer: Tensor, grad: Tensor, r_ohm: float, r_last_ohm: float) -> Tensor:
    """Gradient by the load, of the transfers' gradients; both (..., rows, cols)."""
    v = transfer.clamp_min(_LEAST)
    wires = torch.full_like(v[..., :1], r_ohm)
    wires[..., -1, :] = r_last_ohm
    towards = pad(v[..., 1:, :], (0, 0, 0, 1), value=1.0)
    d = v * (wires / (v * towards)).flip(-2).cumsum(-2).flip(-2)
    before = (v * grad).cumsum(-2)
    behind = d * grad
    behind = behind.flip(-2).cumsum(-2).flip(-2) - behind
    return -v * (d * before + v * behind)


def _from_the_end(factors: Tensor) -> Tensor:
    return factors.flip(-2).cumprod(-2).flip(-2)


def swept_factors(load: Tensor, r_ohm: float, r_last_ohm: float) -> Tensor:
    """What each row's wire passes on, row by row."""
    rows = load.shape[-2]
    admittance = torch.zeros_like(load[..., 0, :])
    factors = []
    for j in range(rows):
        admittance = admittance + load[..., j, :]
        factor = 1.0 / (1.0 + (r_last_ohm if j == rows - 1 else r_ohm) * admittance)
        factors.append(factor)
        admittance = admittance * factor
    return torch.stack(factors, dim=-2)


def scanned_factors(load: Tensor, r_ohm: float, r_last_ohm: float) -> Tensor:
    """The same by a scan, in few operations on many numbers. All of them are positive: nothing
    cancels, and every matrix may be scaled as it likes, since the admittance is a ratio."""
    rows, unit = load.shape[-2], max(r_ohm, r_last_ohm)
    own = unit * load
    wire = torch.full_like(own[..., :1], r_ohm / unit)
    wire[..., -1, :] = r_last_ohm / unit
    one = torch.ones_like(own)
    last = 1.0 + wire * own
    found = torch.stack([one / last, own / last, wire / last, one]).unflatten(0, (2, 2))
    step = 1
    while step < rows:
        left, right = found[..., step:, :], found[..., :-step, :]
        both = (left.unsqueeze(2) * right.unsqueeze(0)).sum(dim=1)
        found = torch.cat([found[..., :step, :], both / both[1:, 1:]], dim=-2)
        step *= 2
    admittance = pad(found[0, 1, ..., :-1, :], (0, 0, 1, 0))
    return 1.0 / (1.0 + wire * (admittance + own))


def kernels() -> Any:
    """The compiled kernels; loads numba."""
    return import_module("codesign.tile.mean_field_kernels")
