"""The membrane by compiled CPU kernels, with gradients that recompute instead of store.

Covers linear synapses on the CPU in float32 and float64. Outside that, and where numba is
missing, `codesign.pnn.membrane` uses torch, with the same numbers up to rounding.
"""

from __future__ import annotations

import importlib.util
import math
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor

from codesign.pnn.compiled_run import Run, Setting
from codesign.pnn.crossing import Crossing
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.synapses import per_neuron, synapses

Backend = Literal["auto", "torch", "compiled"]

# Below this many synapse events a call costs less in torch than it costs to enter a kernel.
_LEAST_WORK = 200_000


@cache
def _has_numba() -> bool:
    return importlib.util.find_spec("numba") is not None


def use_compiled(backend: Backend, t_in: Tensor, weight: Tensor, params: PNNParameters) -> bool:
    """Whether a call goes to the kernels. Raises ValueError when asked for what they cannot do."""
    if backend == "torch":
        return False
    reason = None
    if params.has_curvature:
        reason = "curved synapses"
    elif params.series:
        reason = "a series resistance"
    elif t_in.device.type != "cpu" or weight.device.type != "cpu":
        reason = f"device {weight.device}"
    elif weight.dtype not in (torch.float32, torch.float64):
        reason = f"dtype {weight.dtype}"
    elif not _has_numba():
        reason = "an installation without numba"
    if backend == "compiled":
        if reason is not None:
            raise ValueError(f"the compiled kernels do not cover {reason}; use backend='auto'")
        return True
    if backend != "auto":
        raise ValueError(f"backend must be auto, torch or compiled, not {backend!r}")
    return reason is None and t_in.numel() * weight.shape[0] >= _LEAST_WORK


def compiled_membrane(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    t_end: float,
    edges: list[float] | None,
    moments: bool,
) -> Tensor:
    """Membrane (batch, n_out) at t_end; edges: the DSTD grid, None for the exact solution."""
    return _call(t_in, weight, params, t_end, edges, moments, False)[0]


def compiled_crossing(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    t_end: float,
    edges: list[float] | None,
) -> Crossing:
    """Where membranes reach 1 in [0, t_end]; see `Crossing`."""
    return Crossing(*_call(t_in, weight, params, t_end, edges, False, True))


def _call(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    t_end: float,
    edges: list[float] | None,
    moments: bool,
    crossing: bool,
) -> tuple[Tensor, ...]:
    inverse_e = (1.0 / params.e_plus, 1.0 / params.e_minus)
    kicks = (params.kick, params.kick_per_weight_plus, params.kick_per_weight_minus)
    second: Tensor | None = None
    third: Tensor | None = None
    if params.slope_plus or params.slope_minus or params.kick_plus or params.kick_minus:
        parts = synapses(weight, params)
        second, third = parts.f, parts.kick
        inverse_e, kicks = (1.0, 0.0), (0.0 if third is not None else params.kick, 0.0, 0.0)
    start = per_neuron(params.v_start, weight[:, 0], "v_start").expand(weight.shape[0])
    early = 0.0 if edges is None else -edges[0]
    setting = Setting(
        scalars=(0.0, 1.0, params.leak, *inverse_e, *kicks, 0.5, 1 / 12, 1 / 20),
        start=start.detach() * math.exp(params.leak * early),
        t_end=t_end,
        edges=edges,
        moments=moments,
        crossing=crossing,
    )
    result: tuple[Tensor, ...] = _Membrane.apply(t_in, weight, second, third, setting)
    return result


class _Membrane(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        t_in: Tensor,
        weight: Tensor,
        second: Tensor | None,
        third: Tensor | None,
        setting: Setting,
    ) -> tuple[Tensor, ...]:
        run = Run(t_in, weight, second, third, setting)
        v, g, f, cross = run.forward()
        ctx.setting = setting
        ctx.save_for_backward(t_in, weight, second, third, cross)
        if cross is None:
            return (v,)
        ctx.mark_non_differentiable(cross)
        return v, g, f, cross

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        t_in, weight, second, third, cross = ctx.saved_tensors
        run = Run(t_in, weight, second, third, ctx.setting)
        return (*run.backward(grads, cross, ctx.needs_input_grad[0]), None)
