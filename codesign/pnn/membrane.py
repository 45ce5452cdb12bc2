"""The membrane at the end of accumulation, by any of the solutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.pnn.compiled import Backend, compiled_membrane, use_compiled
from codesign.pnn.dstd import dstd_states, grid_edges
from codesign.pnn.exact import exact_membrane, exact_states
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.solution import Method, Solution, solution_of
from codesign.pnn.synapses import coupled


class MembraneTrace(NamedTuple):
    """t (points, batch) in phases, v (points, batch, n_out); the last point is t_end."""

    t: Tensor
    v: Tensor


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
    backend: `auto` takes the compiled CPU kernels where they apply and pay, `torch` runs on every
    device; both give the same numbers up to rounding. Differentiable in t_in and weight (once by
    the kernels, any number of times in torch). Raises ValueError on arguments that do not fit.
    """
    solution = solution_of(method, steps, offset, warp, 10)
    check_inputs(t_in, weight, solution)
    if use_compiled(backend, t_in, weight, params):
        edges = None if solution.method == "exact" else _edges(solution, params)
        moments = solution.method == "dstd2"
        v = compiled_membrane(t_in, weight, params, params.t_end, edges, moments)
    elif solution.method == "exact":
        v = exact_membrane(t_in, weight, params)
    else:
        v = _states(t_in, weight, params, solution)[1][-1]
    return coupled(v, params)


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
    return MembraneTrace(t, coupled(torch.stack(values), params))


def membrane_waveform(
    t_in: Tensor, weight: Tensor, params: PNNParameters, times: Sequence[float]
) -> Tensor:
    """Exact membrane (len(times), batch, n_out) at given times in (0, t_end]: for plots."""
    return torch.stack(
        [membrane_potential(t_in, weight, replace(params, t_end=float(t))) for t in times]
    )


def check_inputs(t_in: Tensor, weight: Tensor, solution: Solution) -> None:
    """Raises ValueError on shapes, dtypes or a solution that do not fit one layer."""
    if t_in.dim() != 2 or weight.dim() != 2 or t_in.shape[1] != weight.shape[1]:
        raise ValueError(
            "t_in must be (batch, n_in) and weight (n_out, n_in), not "
            f"{tuple(t_in.shape)} and {tuple(weight.shape)}"
        )
    if t_in.dtype != weight.dtype or not t_in.is_floating_point():
        raise ValueError(f"t_in ({t_in.dtype}) and weight ({weight.dtype}) need one float dtype")
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
