"""Event-driven solution of the membrane: closed form from spike to spike, no discretisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from codesign.pnn.crossing import Crossing
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.riccati import riccati_step
from codesign.pnn.series import phi
from codesign.pnn.synapses import behind_series, per_neuron, synapses

# From so many inputs on, gradients keep the state only now and then and recompute what lies
# between, so that no tensor of (batch, n_in, n_out) has to live.
_LONG = 64


class _Spikes(NamedTuple):
    """Spikes in order, each (batch, n_in): when (at t_end if outside the window), who, whether."""

    times: Tensor
    order: Tensor
    counted: Tensor
    t_end: float


class _State(NamedTuple):
    """Between two events, each (batch, n_out) but `now` (batch, 1)."""

    now: Tensor
    v: Tensor
    g: Tensor
    f: Tensor
    q: Tensor


def exact_states(
    t_in: Tensor, weight: Tensor, params: PNNParameters
) -> tuple[list[Tensor], list[Tensor]]:
    """Times (batch, 1) and membranes (batch, n_out): at 0, after each spike in order, at t_end.

    t_in (batch, n_in), weight (n_out, n_in). Between events v is monotone, so its extremes are
    among these values. Spikes outside the window are listed at t_end, where they change nothing.
    """
    spikes, state = _sorted(t_in, params.t_end), _start(t_in, weight, params)
    event = _event(weight, params)
    times, values = [state.now], [state.v]
    for k in range(t_in.shape[1]):
        state = event(state, spikes, k)
        times.append(state.now)
        values.append(state.v)
    times.append(torch.full_like(state.now, params.t_end))
    values.append(_step(state, params.t_end - state.now, params))
    return times, values


def exact_membrane(t_in: Tensor, weight: Tensor, params: PNNParameters) -> Tensor:
    """The last of `exact_states` alone, with memory for about sqrt(n_in) states in gradients."""
    spikes, state = _sorted(t_in, params.t_end), _start(t_in, weight, params)

    def run(first: int, stop: int, weight: Tensor, times: Tensor, *state: Tensor) -> _State:
        event, now = _event(weight, params), _State(*state)
        for k in range(first, stop):
            now = event(now, spikes._replace(times=times), k)
        return now

    for first, stop in _parts(t_in.shape[1]):
        state = _State(*_lean(run, first, stop, weight, spikes.times, *state))
    return _step(state, params.t_end - state.now, params)


def exact_crossing(t_in: Tensor, weight: Tensor, params: PNNParameters, t_end: float) -> Crossing:
    """Where membranes first reach 1 in [0, t_end]; straight synapses only."""
    spikes, state = _sorted(t_in, t_end), _start(t_in, weight, params)
    n_in = t_in.shape[1]
    none = torch.full_like(state.v, n_in + 1, dtype=torch.int32)
    found = Crossing(state.v, torch.zeros_like(state.v), torch.zeros_like(state.v), none)

    def run(
        first: int, stop: int, weight: Tensor, times: Tensor, *both: Tensor
    ) -> tuple[Tensor, ...]:
        event, now, known = _event(weight, params), _State(*both[:5]), Crossing(*both[5:])
        for k in range(first, stop):
            then = times[:, k : k + 1] if k < n_in else torch.full_like(now.now, t_end)
            after = _step(now, then - now.now, params)
            hit = (known.interval > n_in) & ((after >= 1.0) | (now.v >= 1.0))
            known = Crossing(
                torch.where(hit, now.v, known.v),
                torch.where(hit, now.g, known.g),
                torch.where(hit, now.f, known.f),
                torch.where(hit, k, known.interval),
            )
            if k < n_in:
                now = event(now, spikes._replace(times=times), k)
            else:
                never = known.interval > n_in
                known = known._replace(v=torch.where(never, after, known.v))
        return (*now, *known)

    for first, stop in _parts(n_in + 1):
        both = _lean(run, first, stop, weight, spikes.times, *state, *found)
        state, found = _State(*both[:5]), Crossing(*both[5:])
    return found


def _parts(count: int) -> list[tuple[int, int]]:
    size = math.isqrt(count) + 1 if count >= _LONG else max(count, 1)
    return [(k, min(k + size, count)) for k in range(0, count, size)]


def _lean(
    run: Callable[..., tuple[Tensor, ...]], first: int, stop: int, *tensors: Tensor
) -> tuple[Tensor, ...]:
    """run(first, stop, *tensors), recomputed for gradients where there are many inputs."""
    n_in = tensors[1].shape[1]
    if not torch.is_grad_enabled() or n_in < _LONG:
        return run(first, stop, *tensors)
    result: tuple[Tensor, ...] = checkpoint(run, first, stop, *tensors, use_reentrant=False)
    return result


def _sorted(t_in: Tensor, t_end: float) -> _Spikes:
    active = t_in < t_end
    inside = torch.where(active, t_in.clamp_min(0.0), t_end)
    times, order = torch.sort(inside, dim=1, stable=True)
    return _Spikes(times, order, torch.gather(active, 1, order).to(t_in), t_end)


def _start(t_in: Tensor, weight: Tensor, params: PNNParameters) -> _State:
    v = t_in.new_zeros(t_in.shape[0], weight.shape[0])
    zero = torch.zeros_like(v)
    start = v + per_neuron(params.v_start, v, "v_start")
    leak = torch.full_like(v, params.leak)
    return _State(t_in.new_zeros(t_in.shape[0], 1), start, zero, leak, zero)


def _event(weight: Tensor, params: PNNParameters) -> Callable[[_State, _Spikes, int], _State]:
    """The step to spike k and over it."""
    s = synapses(weight, params)
    rows_g, rows_f = s.g.t(), s.f.t()
    rows_q = None if s.q is None else s.q.t()
    rows_kick = None if s.kick is None else s.kick.t()

    def event(state: _State, spikes: _Spikes, k: int) -> _State:
        then, arrived = spikes.times[:, k : k + 1], spikes.order[:, k]
        v = _step(state, then - state.now, params)
        q = state.q if rows_q is None else state.q + rows_q[arrived]
        if rows_kick is not None:
            v = v + spikes.counted[:, k : k + 1] * rows_kick[arrived]
        return _State(then, v, state.g + rows_g[arrived], state.f + rows_f[arrived], q)

    return event


def _step(state: _State, duration: Tensor, params: PNNParameters) -> Tensor:
    g, f, q = state.g, state.f, state.q
    if params.series:
        g, f, bent = behind_series(g, f, q if params.has_curvature else None, params.series, 1.0)
        q = q if bent is None else bent
    if params.has_curvature:
        return riccati_step(f * duration, g * duration, q * duration)(state.v)
    decay = f * duration
    return state.v * torch.exp(-decay) + g * duration * phi(decay)
