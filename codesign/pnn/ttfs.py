"""Time-to-first-spike neurons: the first time at which the membrane reaches its threshold, 1."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from codesign.pnn.backends import Backend, chosen, goes_in_blocks, takes_patches
from codesign.pnn.compiled import compiled_crossing
from codesign.pnn.crossing import Crossing, crossing_delay
from codesign.pnn.dstd import grid_edges
from codesign.pnn.dstd_crossing import dstd_crossing
from codesign.pnn.exact import exact_crossing
from codesign.pnn.exact_blocks import blocked_crossing
from codesign.pnn.fused import fused_crossing
from codesign.pnn.fused_exact import fused_exact_crossing
from codesign.pnn.membrane import check_inputs
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.patches import on_patches
from codesign.pnn.precision import Products, without_autocast
from codesign.pnn.solution import Solution, solution_of
from codesign.pnn.window import Window, in_parts

TTFSMethod = Literal["exact", "dstd"]


class FirstSpike(NamedTuple):
    """Answer of TTFS neurons, each (batch, n_out).

    t: spike time in phases; later than t_max for a neuron that never fired, by as much as its
    membrane at t_max is below threshold. fired: which neurons did. v: membrane at t_max of those
    that did not (1 for the others).
    """

    t: Tensor
    fired: Tensor
    v: Tensor


def first_spike_time(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    method: TTFSMethod | Solution = "dstd",
    steps: int = 20,
    t_max: float = 1.0,
    offset: float = 0.0,
    kappa: float = 1.0,
    backend: Backend = "auto",
) -> Tensor:
    """Times (batch, n_out) at which membranes first reach 1; see `first_spike` for the mask.

    A neuron fired exactly where the time is at most t_max.
    """
    return first_spike(t_in, weight, params, method, steps, t_max, offset, kappa, backend).t


@without_autocast
def first_spike(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    method: TTFSMethod | Solution = "dstd",
    steps: int = 20,
    t_max: float = 1.0,
    offset: float = 0.0,
    kappa: float = 1.0,
    backend: Backend = "auto",
) -> FirstSpike:
    """First spikes in [0, t_max] for input spikes t_in (batch, n_in), weight (n_out, n_in).

    method: `exact` goes from spike to spike; `dstd` has `steps` intervals in [0, t_max], the first
    starting at -offset, offset in [0, t_max/steps). A `Solution` in place of the method has these;
    its offset is in units of t_max, and its `dstd2` is `dstd` here. Inside an interval current and
    conductance are constant, so the membrane is monotone there and one pass in O(steps) finds the
    crossing exactly; what discretises is the input alone. Charge kicks join the current of the
    intervals around them in `dstd`; in `exact` they move the membrane at once.
    A neuron that never fires has t = t_max + kappa (1 - v(t_max)): for kappa > 0 that keeps a
    gradient, and dead neurons recover in training. The circuit's window is [0, t_max] here:
    params.t_end does not apply. Raises ValueError on arguments that do not fit.
    """
    solution = _window_solution(method, steps, t_max, offset)
    _check(params, kappa)
    check_inputs(t_in, weight, solution)
    if solution.method == "exact":
        found = _exact(t_in, weight, params, t_max, backend)
    else:
        # Not from the solution's share of t_max: the offset must stay what was given, to the bit.
        shift = method.offset * t_max if isinstance(method, Solution) else offset
        edges = grid_edges(solution.check() / t_max, shift, t_max)
        found = _dstd(t_in, weight, params, edges, backend, solution.products)
    return _answer(*found, t_max, kappa)


@without_autocast
def first_spike_images(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    solution: Solution,
    window: Window,
    t_max: float,
    kappa: float = 1.0,
    backend: Backend = "auto",
) -> FirstSpike:
    """First spikes (batch, channels, h, w) of a convolution over images of spike times.

    t_in (batch, channels_in, h, w), weight (channels, channels_in / groups * kernel^2). As
    `membrane.membrane_images` does, it convolves the shares, or goes patch by patch.
    """
    _check(params, kappa)
    if takes_patches(backend, t_in, weight, params, solution, kicked_crossing=True):

        def layer(t: Tensor, w: Tensor, own: PNNParameters) -> tuple[Tensor, ...]:
            return first_spike(t, w, own, solution, t_max=t_max, kappa=kappa, backend=backend)

        return FirstSpike(*on_patches(layer, t_in, weight, params, window, math.inf))
    edges = grid_edges(solution.check() / t_max, solution.offset * t_max, t_max)

    def crossing(t: Tensor, w: Tensor) -> tuple[Tensor, ...]:
        return dstd_crossing(t.clamp_min(0.0), w, params, edges, window)

    if chosen(backend, t_in, weight, params, kicked_crossing=True) == "triton":
        found = fused_crossing(t_in, weight, params, edges, window, solution.products)
    else:
        found = Crossing(*in_parts(crossing, t_in, weight, window, len(edges)))
    return _answer(*_times(found, t_in, edges), t_max, kappa)


def _check(params: PNNParameters, kappa: float) -> None:
    """Raises ValueError on what has no first spike."""
    if params.has_curvature:
        raise ValueError("curved synapses have no closed form for the first spike")
    if params.is_surrounded or params.series:
        raise ValueError(
            "first spikes are not solved for coupling, a gate, a series resistance or synapses "
            "that conduct before their spikes"
        )
    if not kappa > 0:
        raise ValueError(f"kappa must be positive, not {kappa}")


def _answer(
    crossing: Crossing, fired: Tensor, t_fire: Tensor, t_max: float, kappa: float
) -> FirstSpike:
    """Times of neurons that fired and, later than t_max, of those that did not."""
    v = torch.where(fired, 1.0, crossing.v)
    late = t_max + kappa * (1.0 - v)
    # Rounding must not blur who fired.
    later = math.nextafter(t_max, math.inf) if v.dtype == torch.float64 else t_max * (1 + 2e-7)
    t = torch.where(fired, t_fire.clamp_max(t_max), late.clamp_min(later))
    return FirstSpike(t, fired, v.detach())


def _window_solution(
    method: TTFSMethod | Solution, steps: int, t_max: float, offset: float
) -> Solution:
    """The grid of `steps` intervals in t_max as one of `steps` intervals in a phase."""
    if not (t_max > 0 and math.isfinite(t_max)):
        raise ValueError(f"t_max must be positive and finite, not {t_max}")
    if isinstance(method, Solution):
        given = solution_of(method, steps, offset, 1.0, 20)
        return replace(given, method="exact" if given.method == "exact" else "dstd", warp=1.0)
    if method not in get_args(TTFSMethod):
        raise ValueError(f"method must be one of {', '.join(get_args(TTFSMethod))}, not {method!r}")
    return Solution(method, steps, offset / t_max)


def _exact(
    t_in: Tensor, weight: Tensor, params: PNNParameters, t_max: float, backend: Backend
) -> tuple[Crossing, Tensor, Tensor]:
    """The crossing, which neurons fired, and when, from spike to spike."""
    code = chosen(backend, t_in, weight, params)
    if code == "compiled":
        crossing = compiled_crossing(t_in, weight, params, t_max, None)
    elif code == "triton":
        crossing = fused_exact_crossing(t_in, weight, params, t_max)
    else:
        plain = blocked_crossing if goes_in_blocks(t_in) else exact_crossing
        crossing = plain(t_in, weight, params, t_max)
    fired = crossing.interval <= t_in.shape[1]
    inside = torch.where(t_in < t_max, t_in.clamp_min(0.0), t_max)
    starts = torch.nn.functional.pad(torch.sort(inside, dim=1, stable=True).values, (1, 0))
    start = torch.gather(starts, 1, crossing.interval.long().clamp_max(t_in.shape[1]))
    return crossing, fired, start + crossing_delay(crossing.v, crossing.g, crossing.f, fired)


def _dstd(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    edges: list[float],
    backend: Backend,
    products: Products,
) -> tuple[Crossing, Tensor, Tensor]:
    """The same over the intervals of a grid."""
    code = chosen(backend, t_in, weight, params, kicked_crossing=True)
    if code == "compiled":
        crossing = compiled_crossing(t_in, weight, params, edges[-1], edges)
    elif code == "triton":
        crossing = fused_crossing(t_in, weight, params, edges, None, products)
    else:
        crossing = dstd_crossing(t_in.clamp_min(0.0), weight, params, edges)
    return _times(crossing, t_in, edges)


def _times(crossing: Crossing, like: Tensor, edges: list[float]) -> tuple[Crossing, Tensor, Tensor]:
    """The crossing over a grid, which neurons fired, and when."""
    count = len(edges) - 1
    fired = crossing.interval < count
    which = crossing.interval.long().clamp_max(count - 1)
    start = like.new_tensor(edges[:-1])[which]
    length = like.new_tensor([b - a for a, b in pairwise(edges)])[which]
    delay = crossing_delay(crossing.v, crossing.g / length, crossing.f / length, fired)
    return crossing, fired, start + delay
