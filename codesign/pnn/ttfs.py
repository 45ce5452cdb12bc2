"""Time-to-first-spike neurons: the first time at which the membrane reaches its threshold, 1."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from codesign.pnn.compiled import Backend, compiled_crossing, use_compiled
from codesign.pnn.crossing import Crossing, crossing_delay
from codesign.pnn.dstd import grid_edges, intervals
from codesign.pnn.exact import exact_crossing
from codesign.pnn.membrane import check_inputs
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.series import phi
from codesign.pnn.solution import Solution, solution_of
from codesign.pnn.synapses import per_neuron

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
    if params.has_curvature:
        raise ValueError("curved synapses have no closed form for the first spike")
    if params.coupling or params.series:
        raise ValueError("first spikes are not solved for coupling or a series resistance")
    if not kappa > 0:
        raise ValueError(f"kappa must be positive, not {kappa}")
    check_inputs(t_in, weight, solution)
    if solution.method == "exact":
        crossing, fired, t_fire = _exact(t_in, weight, params, t_max, backend)
    else:
        # Not from the solution's share of t_max: the offset must stay what was given, to the bit.
        shift = method.offset * t_max if isinstance(method, Solution) else offset
        edges = grid_edges(solution.check() / t_max, shift, t_max)
        crossing, fired, t_fire = _dstd(t_in, weight, params, edges, backend)
    v = torch.where(fired, 1.0, crossing.v)
    late = t_max + kappa * (1.0 - v)
    # Rounding must not blur who fired.
    later = math.nextafter(t_max, math.inf) if t_in.dtype == torch.float64 else t_max * (1 + 2e-7)
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
    if use_compiled(backend, t_in, weight, params):
        crossing = compiled_crossing(t_in, weight, params, t_max, None)
    else:
        crossing = exact_crossing(t_in, weight, params, t_max)
    fired = crossing.interval <= t_in.shape[1]
    inside = torch.where(t_in < t_max, t_in.clamp_min(0.0), t_max)
    starts = torch.nn.functional.pad(torch.sort(inside, dim=1, stable=True).values, (1, 0))
    start = torch.gather(starts, 1, crossing.interval.long().clamp_max(t_in.shape[1]))
    return crossing, fired, start + crossing_delay(crossing.v, crossing.g, crossing.f, fired)


def _dstd(
    t_in: Tensor, weight: Tensor, params: PNNParameters, edges: list[float], backend: Backend
) -> tuple[Crossing, Tensor, Tensor]:
    """The same over the intervals of a grid."""
    # Kicks need the intervals on both sides, which the kernels do not keep.
    if use_compiled(backend, t_in, weight, params) and not (params.has_kick and backend == "auto"):
        if params.has_kick:
            raise ValueError("the compiled dstd kernel has no kicks for TTFS; use 'auto'")
        crossing = compiled_crossing(t_in, weight, params, edges[-1], edges)
    else:
        crossing = _dstd_crossing(t_in.clamp_min(0.0), weight, params, edges)
    count = len(edges) - 1
    fired = crossing.interval < count
    which = crossing.interval.long().clamp_max(count - 1)
    start = t_in.new_tensor(edges[:-1])[which]
    length = t_in.new_tensor([b - a for a, b in pairwise(edges)])[which]
    delay = crossing_delay(crossing.v, crossing.g / length, crossing.f / length, fired)
    return crossing, fired, start + delay


def _dstd_crossing(
    t_in: Tensor, weight: Tensor, params: PNNParameters, edges: list[float]
) -> Crossing:
    """As the kernel: membranes at all grid points, then the first that is at 1 or above."""
    g, f, _, _, kicks = intervals(t_in, weight, params, edges, moments=False)
    if kicks is not None:
        # Half to either side, so that times stay smooth when a spike crosses a grid point.
        share = torch.full((len(edges), 1, 1), 0.5).to(g)
        share[0] = share[-1] = 1.0
        spread = share * kicks
        g = g + spread[:-1] + spread[1:]
    v = t_in.new_zeros(t_in.shape[0], weight.shape[0])
    v = v + math.exp(-params.leak * edges[0]) * per_neuron(params.v_start, v, "v_start")
    states = [v]
    for decay, gain in zip(torch.exp(-f).unbind(), (g * phi(f)).unbind(), strict=True):
        v = torch.addcmul(gain, v, decay)
        states.append(v)
    values = torch.stack(states)
    above = (values[1:] >= 1.0) | (values[:-1] >= 1.0)
    count = len(edges) - 1
    number = torch.where(above.any(dim=0), above.to(torch.int8).argmax(dim=0), count)
    at = number.clamp_max(count - 1).unsqueeze(0)
    fired = number < count

    def pick(x: Tensor) -> Tensor:
        return torch.where(fired, torch.gather(x, 0, at).squeeze(0), 0.0)

    start = torch.where(fired, torch.gather(values, 0, at).squeeze(0), v)
    return Crossing(start, pick(g), pick(f), number.to(torch.int32))
