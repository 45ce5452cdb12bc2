"""The exact solution without a loop over spikes: blocks of them at once, in torch on any device.

Between spikes the membrane moves by a map of one form, v -> decay v + gain (curved synapses: a
Moebius map), and maps of consecutive spikes make one of the same form. A block's conductances are
cumulative sums, its maps are joined pairwise in a tree, or scanned where every state is wanted:
log2(block) operations on tensors in place of `block` of them.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint

from codesign.pnn.crossing import Crossing
from codesign.pnn.exact import sorted_spikes
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.riccati import Moebius, riccati_step
from codesign.pnn.series import phi
from codesign.pnn.synapses import behind_series, per_neuron, synapses

# Spikes of a block: a power of 2.
_BLOCK = 32


class Affine(NamedTuple):
    """v -> decay v + gain, elementwise."""

    decay: Tensor
    gain: Tensor

    def __call__(self, v: Tensor) -> Tensor:
        return torch.addcmul(self.gain, self.decay, v)

    def after(self, first: Affine) -> Affine:
        """The map that applies `first`, then this one."""
        return Affine(self.decay * first.decay, torch.addcmul(self.gain, self.decay, first.gain))


Map = TypeVar("Map", Affine, Moebius)


class _State(NamedTuple):
    """Before a block: time (batch, 1), membrane and coefficients (batch, n_out)."""

    now: Tensor
    v: Tensor
    g: Tensor
    f: Tensor
    q: Tensor


class _Block(NamedTuple):
    """Intervals (batch, block, n_out): length, current, conductance, curvature, charge at the end.

    after: the state but for the membrane.
    """

    d: Tensor
    g: Tensor
    f: Tensor
    q: Tensor
    charge: Tensor | None
    after: _State


def blocked_membrane(t_in: Tensor, weight: Tensor, params: PNNParameters) -> Tensor:
    """Membrane (batch, n_out) at t_end; as `exact.exact_membrane`."""

    def run(
        spikes: Tensor, order: Tensor, counted: Tensor, weight: Tensor, *state: Tensor
    ) -> _State:
        block = _intervals(_State(*state), spikes, order, counted, weight, params)
        v = state[1].unsqueeze(1)
        if params.has_curvature:
            curved = riccati_step(block.f * block.d, block.g * block.d, block.q * block.d)
            if block.charge is not None:
                one, none = torch.ones_like(curved.a), torch.zeros_like(curved.a)
                curved = Moebius(one, block.charge, none, one).after(curved)
            v = _joined(curved)(v)
        else:
            v = _joined(_kicked(_step(block), block.charge))(v)
        return block.after._replace(v=v.squeeze(1))

    state = _start(t_in, weight, params)
    for part in _parts(t_in, params.t_end, t_in.shape[1]):
        state = _State(*checkpoint(run, *part, weight, *state, use_reentrant=False))
    d = params.t_end - state.now
    g, f, q = _behind_series(state.g, state.f, state.q, params)
    if params.has_curvature:
        return riccati_step(f * d, g * d, q * d)(state.v)
    return state.v * torch.exp(-f * d) + g * d * phi(f * d)


def blocked_crossing(t_in: Tensor, weight: Tensor, params: PNNParameters, t_end: float) -> Crossing:
    """Where membranes first reach 1 in [0, t_end]; as `exact.exact_crossing`."""
    n_in = t_in.shape[1]

    def run(
        spikes: Tensor, order: Tensor, counted: Tensor, weight: Tensor, first: int, *both: Tensor
    ) -> tuple[Tensor, ...]:
        state, known = _State(*both[:5]), Crossing(*both[5:])
        block = _intervals(state, spikes, order, counted, weight, params)
        step = _step(block)
        states = _scanned(_kicked(step, block.charge))(state.v.unsqueeze(1))
        before = torch.cat([state.v.unsqueeze(1), states[:, :-1]], dim=1)
        ends = step(before)
        hits = (ends >= 1.0) | (before >= 1.0)
        new = (known.interval > n_in) & hits.any(dim=1)
        at = hits.to(torch.int8).argmax(dim=1, keepdim=True)

        def pick(x: Tensor, old: Tensor) -> Tensor:
            return torch.where(new, torch.gather(x, 1, at).squeeze(1), old)

        number = torch.where(new, first + at.squeeze(1), known.interval).to(torch.int32)
        # Where there is no crossing so far, the membrane.
        v = torch.where(number > n_in, ends[:, -1], pick(before, known.v))
        known = Crossing(v, pick(block.g, known.g), pick(block.f, known.f), number)
        return (*block.after._replace(v=states[:, -1]), *known)

    state = _start(t_in, weight, params)
    none = torch.zeros_like(state.v)
    number = torch.full_like(state.v, n_in + 1, dtype=torch.int32)
    both: tuple[Tensor, ...] = (*state, state.v, none, none, number)
    # The last interval, to the end of the window, is one more.
    for k, part in enumerate(_parts(t_in, t_end, n_in + 1)):
        both = checkpoint(run, *part, weight, k * _BLOCK, *both, use_reentrant=False)
    return Crossing(*both[5:])


def _start(t_in: Tensor, weight: Tensor, params: PNNParameters) -> _State:
    v = t_in.new_zeros(t_in.shape[0], weight.shape[0])
    start = v + per_neuron(params.v_start, v, "v_start")
    return _State(t_in.new_zeros(len(t_in), 1), start, v, torch.full_like(v, params.leak), v)


def _parts(t_in: Tensor, t_end: float, count: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Times, order and whether counted, by blocks; filled with spikes at t_end that do nothing."""
    spikes = sorted_spikes(t_in, t_end)
    more = (0, -(-count // _BLOCK) * _BLOCK - t_in.shape[1])
    times, order = pad(spikes.times, more, value=t_end), pad(spikes.order, more)
    counted = pad(spikes.counted, more)
    return list(
        zip(*(x.split(_BLOCK, dim=1) for x in (times, order, counted)), strict=True)  # type: ignore[arg-type]
    )


def _intervals(
    state: _State,
    times: Tensor,
    order: Tensor,
    counted: Tensor,
    weight: Tensor,
    params: PNNParameters,
) -> _Block:
    s = synapses(weight, params)

    def sums(before: Tensor, matrix: Tensor | None) -> tuple[Tensor, Tensor]:
        """Before every spike of the block, and after it."""
        if matrix is None:
            return before.unsqueeze(1), before
        rows = matrix.t()[order] * counted.unsqueeze(2)
        after = before.unsqueeze(1) + rows.cumsum(dim=1)
        return torch.cat([before.unsqueeze(1), after[:, :-1]], dim=1), after[:, -1]

    d = torch.diff(times, dim=1, prepend=state.now).unsqueeze(2)
    (g, g_end), (f, f_end), (q, q_end) = (
        sums(before, matrix) for before, matrix in ((state.g, s.g), (state.f, s.f), (state.q, s.q))
    )
    charge = None if s.kick is None else s.kick.t()[order] * counted.unsqueeze(2)
    g, f, q = _behind_series(g, f, q, params)
    after = _State(times[:, -1:], state.v, g_end, f_end, q_end)
    return _Block(d, g, f, q, charge, after)


def _behind_series(
    g: Tensor, f: Tensor, q: Tensor, params: PNNParameters
) -> tuple[Tensor, Tensor, Tensor]:
    """Rates as the membrane has them behind the series resistance."""
    if not params.series:
        return g, f, q
    g, f, bent = behind_series(g, f, q if params.has_curvature else None, params.series, 1.0)
    return g, f, q if bent is None else bent


def _step(block: _Block) -> Affine:
    strength = block.f * block.d
    return Affine(torch.exp(-strength), block.g * block.d * phi(strength))


def _kicked(step: Affine, charge: Tensor | None) -> Affine:
    return step if charge is None else Affine(step.decay, step.gain + charge)


def _joined(maps: Map) -> Map:
    """All maps along dimension 1 as one; their number is a power of 2."""
    while maps[0].shape[1] > 1:
        first, then = (type(maps)(*(x[:, k::2] for x in maps)) for k in (0, 1))
        maps = _scaled(then.after(first))
    return maps


def _scanned(maps: Affine) -> Affine:
    """For every map along dimension 1 that of it and all before it."""
    reach = 1
    while reach < maps.decay.shape[1]:
        own, first = (Affine(*(x[:, k] for x in maps)) for k in (slice(reach, None), slice(-reach)))
        later = own.after(first)
        maps = Affine(
            *(torch.cat([x[:, :reach], y], dim=1) for x, y in zip(maps, later, strict=True))
        )
        reach *= 2
    return maps


def _scaled(maps: Map) -> Map:
    """The same maps with numbers that do not grow: of a Moebius map only ratios count."""
    if isinstance(maps, Affine):
        return maps
    size = torch.stack([x.detach().abs() for x in maps]).amax(dim=0)
    return type(maps)(*(x / size for x in maps))
