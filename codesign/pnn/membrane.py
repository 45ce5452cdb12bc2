"""The membrane at the end of accumulation, by any of the solutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.pnn.backends import Backend, chosen, goes_in_blocks, takes_patches
from codesign.pnn.compiled import compiled_membrane
from codesign.pnn.dstd import dstd_states, grid_edges
from codesign.pnn.exact import exact_membrane, exact_states
from codesign.pnn.exact_blocks import blocked_membrane
from codesign.pnn.fused import fused_membrane
from codesign.pnn.fused_exact import fused_exact_membrane
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.patches import on_patches
from codesign.pnn.precision import without_autocast
from codesign.pnn.solution import Method, Solution, solution_of
from codesign.pnn.surroundings import (
    Surroundings,
    added,
    surrounded,
    surrounded_states,
    surroundings,
)
from codesign.pnn.window import Window, in_parts


class MembraneTrace(NamedTuple):
    """t (points, batch) in phases, v (points, batch, n_out); the last point is t_end."""

    t: Tensor
    v: Tensor


@without_autocast
def membrane_potential(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    method: Method | Solution = "exact",
    steps: int = 10,
    offset: float = 0.0,
    warp: float = 1.0,
    backend: Backend = "auto",
) -> Tensor:
    """Membrane (batch, n_out) at t_end, from t_in (batch, n_in) and weight (n_out, n_in).

    method: `exact` goes from spike to spike; `dstd` (arXiv:2412.09010) and the moment-corrected
    `dstd2` use `steps` intervals, the first starting at -offset with offset in [0, 1/steps), in
    phases; warp > 1 makes the intervals shorter towards the end, where they count most (the grid
    1 - (1 - u)^warp of a uniform u). A `Solution` in place of the method has all four.
    Spikes at t_end or later (inf for none) contribute nothing, those before 0 count as spikes at 0.
    backend: `auto` takes compiled CPU kernels or fused GPU kernels where they apply and pay,
    `torch` runs on every device; all give the same numbers up to rounding. Differentiable in t_in
    and weight (once by the kernels, any number of times in torch). Raises ValueError on arguments
    that do not fit.
    """
    solution = solution_of(method, steps, offset, warp, 10)
    check_inputs(t_in, weight, solution)
    code = chosen(backend, t_in, weight, params)
    edges = None if solution.method == "exact" else _edges(solution, params)
    if code == "compiled":
        moments = solution.method == "dstd2"
        v = compiled_membrane(t_in, weight, params, params.t_end, edges, moments)
    elif code == "triton" and edges is None:
        v = fused_exact_membrane(t_in, weight, params)
    elif code == "triton" and edges is not None:
        moments = solution.method == "dstd2"
        v = fused_membrane(t_in, weight, params, edges, moments, None, solution.products)
    elif edges is None:
        plain = blocked_membrane if goes_in_blocks(t_in) else exact_membrane
        v = plain(t_in, weight, params)
    else:
        v = _states(t_in, weight, params, solution)[1][-1]
    return surrounded(v, t_in, weight, params)


@without_autocast
def membrane_images(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    solution: Solution,
    window: Window,
    backend: Backend = "auto",
) -> Tensor:
    """Membranes (batch, channels, h, w) at t_end of a convolution over images of spike times.

    t_in (batch, channels_in, h, w), weight (channels, channels_in / groups * kernel^2). Shares and
    moments of spikes are elementwise in time: they are taken on the image and convolved, so that no
    patches live; where `backends.takes_patches`, patches of a few samples at a time do.
    """
    # Coupling is between channels of one place, whatever their group.
    alone = replace(params, coupling=(), off_plus=0.0, off_minus=0.0, gate=())
    v = _images(t_in, weight, alone, solution, window, backend)
    if not params.is_surrounded:
        return v
    uncoupled = replace(params, coupling=())

    def around(t: Tensor, w: Tensor, own: PNNParameters) -> tuple[Tensor, ...]:
        return tuple(x for x in surroundings(t, w, own) if x is not None)

    more = on_patches(around, t_in, weight, uncoupled, window, math.inf)
    parts = [x.movedim(1, -1) for x in (v, *more)]
    return added(params, parts[0], Surroundings(*parts[1:])).movedim(-1, 1)


def _images(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    solution: Solution,
    window: Window,
    backend: Backend,
) -> Tensor:
    """`membrane_images` of what arrives."""
    if takes_patches(backend, t_in, weight, params, solution):

        def layer(t: Tensor, w: Tensor, own: PNNParameters) -> tuple[Tensor]:
            return (membrane_potential(t, w, own, solution, backend=backend),)

        return on_patches(layer, t_in, weight, params, window, math.inf)[0]
    solution.check()
    edges, moments = _edges(solution, params), solution.method == "dstd2"
    if chosen(backend, t_in, weight, params) == "triton":
        return fused_membrane(t_in, weight, params, edges, moments, window, solution.products)

    def end(t: Tensor, w: Tensor) -> tuple[Tensor]:
        return (dstd_states(t.clamp_min(0.0), w, params, edges, moments, window)[-1],)

    return in_parts(end, t_in, weight, window, len(edges))[0]


@without_autocast
def membrane_trace(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    method: Method | Solution = "exact",
    steps: int = 10,
    offset: float = 0.0,
    warp: float = 1.0,
) -> MembraneTrace:
    """The membrane on the way: at the grid points, or (exact) at 0, at each spike and at t_end."""
    solution = solution_of(method, steps, offset, warp, 10)
    check_inputs(t_in, weight, solution)
    times, values = _states(t_in, weight, params, solution)
    if isinstance(times[0], Tensor):
        t = torch.stack([x[:, 0] for x in times if isinstance(x, Tensor)])
    else:
        t = t_in.new_tensor(times).unsqueeze(1).expand(len(times), t_in.shape[0])
    states = surrounded_states(t.unbind(), values, t_in, weight, params)
    return MembraneTrace(t, torch.stack(states))


def membrane_waveform(
    t_in: Tensor, weight: Tensor, params: PNNParameters, times: Sequence[float]
) -> Tensor:
    """Exact membrane (len(times), batch, n_out) at given times in (0, t_end]: for plots."""
    return torch.stack(
        [membrane_potential(t_in, weight, replace(params, t_end=float(t), gate=())) for t in times]
    )


def check_inputs(t_in: Tensor, weight: Tensor, solution: Solution) -> None:
    """Raises ValueError on shapes, dtypes, NaN or a solution that do not fit one layer."""
    if t_in.dim() != 2 or weight.dim() != 2 or t_in.shape[1] != weight.shape[1]:
        raise ValueError(
            "t_in must be (batch, n_in) and weight (n_out, n_in), not "
            f"{tuple(t_in.shape)} and {tuple(weight.shape)}"
        )
    if t_in.dtype != weight.dtype or not t_in.is_floating_point():
        raise ValueError(f"t_in ({t_in.dtype}) and weight ({weight.dtype}) need one float dtype")
    # Elsewhere the question would wait for the device.
    if t_in.device.type == "cpu" and bool(torch.isnan(t_in.detach()).any()):
        raise ValueError("t_in has NaN; a spike that never comes is at infinity")
    solution.check()


def _edges(solution: Solution, params: PNNParameters) -> list[float]:
    return grid_edges(solution.check(), solution.offset, params.t_end, solution.warp)


def _states(
    t_in: Tensor, weight: Tensor, params: PNNParameters, solution: Solution
) -> tuple[list[Tensor] | list[float], list[Tensor]]:
    if solution.method == "exact":
        return exact_states(t_in, weight, params)
    edges = _edges(solution, params)
    # Spikes before the phase count as spikes at its start, as in the exact solution.
    states = dstd_states(t_in.clamp_min(0.0), weight, params, edges, solution.method == "dstd2")
    return edges, states
