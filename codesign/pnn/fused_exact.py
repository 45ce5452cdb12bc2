"""The exact solution on a GPU as one kernel per direction; as `codesign.pnn.exact` has it.

One program per sample and block of neurons walks the sorted spikes with rows of the weights from
the cache. The backward pass keeps the state now and then, recomputes what lies between, and adds
gradients of weights atomically: on one device they are reproducible up to the rounding of sums.
`codesign.pnn.backends` decides where this is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from codesign.pnn.crossing import Crossing
from codesign.pnn.exact import sorted_spikes
from codesign.pnn.fused import synapse_terms
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.synapses import per_neuron

# States that a backward pass keeps at once.
_MOST_BYTES = 32 * 2**20
_MOST_NEURONS = 128


@dataclass(frozen=True)
class _Setting:
    """What a call does; constants as `codesign.pnn.kernels.gpu.events` has them."""

    constants: Tensor
    start: Tensor
    t_end: float
    kicks: bool
    crossing: bool


def fused_exact_membrane(t_in: Tensor, weight: Tensor, params: PNNParameters) -> Tensor:
    """Membranes (batch, n_out) at t_end."""
    return _call(t_in, weight, params, params.t_end, False)[0]


def fused_exact_crossing(
    t_in: Tensor, weight: Tensor, params: PNNParameters, t_end: float
) -> Crossing:
    """Where membranes first reach 1 in [0, t_end]; see `Crossing`."""
    return Crossing(*_call(t_in, weight, params, t_end, True))


def _call(
    t_in: Tensor, weight: Tensor, params: PNNParameters, t_end: float, crossing: bool
) -> tuple[Tensor, ...]:
    head, second, third = synapse_terms(weight, params)
    start = per_neuron(params.v_start, weight[:, 0], "v_start").expand(weight.shape[0])
    setting = _Setting(
        constants=weight.new_tensor([*head[:6], t_end, 0.0]),
        start=start.contiguous(),
        t_end=t_end,
        kicks=params.has_kick,
        crossing=crossing,
    )
    result: tuple[Tensor, ...] = _Exact.apply(t_in, weight, second, third, setting)
    return result


class _Run:
    """One call's arrays in the layout of the kernels."""

    def __init__(
        self,
        t_in: Tensor,
        weight: Tensor,
        second: Tensor | None,
        third: Tensor | None,
        setting: _Setting,
    ) -> None:
        from codesign.pnn.kernels.gpu import events

        self.kernels = events
        self.setting = setting
        self.n_out, self.n_in = weight.shape
        spikes = sorted_spikes(t_in, setting.t_end)
        self.times, self.order = spikes.times.contiguous(), spikes.order.to(torch.int32)
        self.long_order = spikes.order
        self.counts = (t_in < setting.t_end).sum(dim=1, dtype=torch.int32)
        self.rows = weight.t().contiguous()
        self.second = self.rows if second is None else second.t().contiguous()
        self.third = self.rows if third is None else third.t().contiguous()
        self.block = max(16, min(_MOST_NEURONS, 1 << (self.n_out - 1).bit_length()))
        self.blocks = -(-self.n_out // self.block)
        self.flags: dict[str, Any] = {
            "general": second is not None,
            "kicks": setting.kicks,
            "double": weight.dtype == torch.float64,
            "block": self.block,
        }

    def forward(self) -> list[Tensor]:
        """v; with a crossing also g, f and its interval, all (batch, n_out)."""
        batch = len(self.times)
        v = self.times.new_empty(batch, self.n_out)
        out = [v]
        flags = self.flags
        if self.setting.crossing:
            number = torch.empty(v.shape, dtype=torch.int32, device=v.device)
            out += [torch.empty_like(v), torch.empty_like(v), number]
            flags = {**flags, "check": self.kernels.CHECK}
        kernel = self.kernels.crossing if self.setting.crossing else self.kernels.membrane
        if v.numel():
            kernel[(self.blocks, batch)](
                *self._inputs(slice(None)), *out, self.n_in, self.n_out, **flags
            )
        return out

    def backward(self, grads: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Gradients by sorted times and by the transposed matrices."""
        batch, n_in = self.times.shape
        segment = 1 << math.ceil(math.log2(math.sqrt(3 * (n_in + 1))))
        segments = (n_in + segment) // segment
        per_sample = (3 * segments + segment) * self.n_out * self.times.element_size()
        samples = min(batch, max(1, _MOST_BYTES // per_sample))
        kept = self.times.new_empty(3 * segments * samples * self.n_out)
        states = self.times.new_empty(segment * samples * self.n_out)
        matrices = [torch.zeros_like(self.rows)]
        if self.flags["general"]:
            matrices += [torch.zeros_like(self.rows) for _ in range(2)]
        into = matrices if len(matrices) > 1 else matrices * 3
        lengths = []
        for first in range(0, batch, samples):
            part = slice(first, min(first + samples, batch))
            count = part.stop - part.start
            d_lengths = self.times.new_zeros(self.blocks, count, n_in + 1)
            given = [x[part].contiguous() for x in grads]
            given = given if len(given) > 1 else given * 4
            self.kernels.backward[(self.blocks, count)](
                *(*self._inputs(part), kept, states, *given, *into, d_lengths),
                *(count, n_in, self.n_out),
                crossed=self.setting.crossing,
                segment=segment,
                **self.flags,
            )
            lengths.append(d_lengths.sum(dim=0))
        by_length = torch.cat(lengths)
        # A spike ends one interval and begins the next.
        return by_length[:, :-1] - by_length[:, 1:], matrices

    def _inputs(self, part: slice) -> tuple[Tensor, ...]:
        return (
            *(self.times[part], self.order[part], self.counts[part]),
            *(self.rows, self.second, self.third, self.setting.constants, self.setting.start),
        )


class _Exact(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        t_in: Tensor,
        weight: Tensor,
        second: Tensor | None,
        third: Tensor | None,
        setting: _Setting,
    ) -> tuple[Tensor, ...]:
        with torch.cuda.device_of(weight):
            out = _Run(t_in, weight, second, third, setting).forward()
        ctx.setting = setting
        ctx.save_for_backward(t_in, weight, second, third, *out[3:])
        if setting.crossing:
            ctx.mark_non_differentiable(out[3])
        return tuple(out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        t_in, weight, second, third, *crossed = ctx.saved_tensors
        setting: _Setting = ctx.setting
        given = [*grads[:3], *crossed] if setting.crossing else [grads[0]]
        with torch.cuda.device_of(weight):
            run = _Run(t_in, weight, second, third, setting)
            by_sorted, matrices = run.backward(given)
        d_times = None
        if ctx.needs_input_grad[0]:
            d_times = torch.zeros_like(t_in).scatter_(1, run.long_order, by_sorted)
            inside = (t_in >= 0.0) & (t_in < setting.t_end)
            d_times = torch.where(inside, d_times, 0.0)
        d_second = matrices[1].t() if second is not None else None
        d_third = matrices[2].t() if third is not None else None
        return d_times, matrices[0].t(), d_second, d_third, None
