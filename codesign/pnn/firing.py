"""The firing phase of RC-Spike: spike time from the membrane at the end of accumulation."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters
from codesign.pnn.synapses import per_neuron


def firing_time(v: Tensor, params: PNNParameters, clip: bool = True) -> Tensor:
    """Spike time in the firing phase, in phases, same shape as v, (..., n_out).

    t = (ln(1 - b) - ln(1 - b v))/ln(1 - b) with b = 1/e_dis (arXiv:2412.09010), t = 1 - v for
    b = 0, or the fitted curve. Clipped to [0, 1], where 1 stands for silent. With clip=False it
    keeps a gradient everywhere, for losses: t > 1 is a neuron that stays silent, and above
    threshold (v > 1) the formula goes on as a straight line.
    """
    if params.firing_offset != 0.0:
        v = v + per_neuron(params.firing_offset, v, "firing_offset")
    if params.firing_curve is not None:
        t = params.firing_curve(v)
    else:
        b = 1.0 / params.e_dis
        if b == 0.0:
            t = 1.0 - v
        else:
            scale = math.log1p(-b)
            inside = v.clamp_max(1.0)
            slope = b / ((1.0 - b) * scale)
            t = 1.0 - torch.log1p(-b * inside) / scale + slope * (v - inside)
    return clipped(t) if clip else t


def clipped(t: Tensor) -> Tensor:
    """Times clamped to [0, 1], of any shape."""
    result: Tensor = _Clip.apply(t)
    return result


class _Clip(torch.autograd.Function):
    """Keeps a bit for every time, where clamp keeps the time."""

    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        ctx.save_for_backward((t >= 0.0) & (t <= 1.0))
        return t.clamp(0.0, 1.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (inside,) = ctx.saved_tensors
        return torch.where(inside, grad, 0.0)
