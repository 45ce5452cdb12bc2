"""The autograd function of `codesign.pnn.fused`; import it only where it is called (triton)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from codesign.pnn.fused_product import Product
from codesign.pnn.fused_setting import Setting
from codesign.pnn.kernels.gpu import dstd as kernels
from codesign.pnn.precision import on_gpu

_BLOCK = 256
# Shares and products that live at once.
_MOST_BYTES = 256 * 2**20


class Layer(torch.autograd.Function):
    """Times, weight and, unless they follow from it, conductance and charge, to membranes.

    Images are channels last inside: (batch, h, w, channels).
    """

    @staticmethod
    def forward(
        ctx: Any,
        t_in: Tensor,
        weight: Tensor,
        second: Tensor | None,
        third: Tensor | None,
        setting: Setting,
    ) -> tuple[Tensor, ...]:
        inputs = _inside(t_in, setting)
        with on_gpu(setting.products, weight):
            call = _Call(inputs, weight, second, third, setting)
            parts = [call.scan(part) for part in call.split(inputs)]
        outputs = [torch.cat(x) if len(x) > 1 else x[0] for x in zip(*parts, strict=True)]
        ctx.setting = setting
        ctx.save_for_backward(t_in, weight, second, third, *outputs[3:])
        if setting.crossing:
            ctx.mark_non_differentiable(outputs[3])
        return tuple(_outside(x, setting) for x in outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        t_in, weight, second, third, *crossed = ctx.saved_tensors
        setting: Setting = ctx.setting
        inputs = _inside(t_in, setting)
        given = [_inside(x, setting) for x in grads[: 3 if setting.crossing else 1]] + crossed
        by_time, d_matrix = [], None
        with on_gpu(setting.products, weight):
            call = _Call(inputs, weight, second, third, setting)
            for part, *own in zip(*map(call.split, (inputs, *given)), strict=True):
                d_times, d_part = call.gradients(part, own, ctx.needs_input_grad[0])
                by_time.append(d_times)
                d_matrix = d_part if d_matrix is None else d_matrix.add_(d_part)
            assert d_matrix is not None
            by_weights = call.by_weights(d_matrix)
        d_t = None
        if ctx.needs_input_grad[0]:
            d_t = _outside(torch.cat([x for x in by_time if x is not None]), setting)
        return d_t, *by_weights, None


def _inside(x: Tensor, setting: Setting) -> Tensor:
    return (x if setting.window is None else x.movedim(1, -1)).contiguous()


def _outside(x: Tensor, setting: Setting) -> Tensor:
    return x if setting.window is None else x.movedim(-1, 1)


class _Shares(NamedTuple):
    """Shares (entries, batch, ...) of some samples, and their moments or the shares again."""

    share: Tensor
    moment: Tensor


class _Call:
    """One call's constants and matrices."""

    def __init__(
        self,
        inputs: Tensor,
        weight: Tensor,
        second: Tensor | None,
        third: Tensor | None,
        setting: Setting,
    ) -> None:
        self.setting, self.weight = setting, weight.contiguous()
        self.second, self.third = second, third
        self.constants = setting.constants(weight)
        self.product = Product(self._matrix(), inputs, weight, setting)
        sample = self.product.values_per_sample * inputs.element_size()
        self.samples = max(1, _MOST_BYTES // max(1, sample * (1 + setting.moments)))

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Parts of a batch that are worked on at once."""
        return x.split(self.samples)

    def scan(self, times: Tensor) -> list[Tensor]:
        """The membrane of some samples; with a crossing, also g, f and its interval."""
        shares = self._shares(times)
        products = self._products(shares)
        v = self.product.empty_output(len(times))
        outputs = [v]
        if self.setting.crossing:
            cross = torch.empty(v.shape, dtype=torch.int32, device=v.device)
            outputs += [torch.empty_like(v), torch.empty_like(v), cross]
        filled = outputs if len(outputs) > 1 else [v] * 4
        kernels.scan[_grid(v)](
            *(*products, self.constants, self.setting.start, *filled, *self._sizes(v)),
            **self._flags(v),
        )
        return outputs

    def gradients(
        self, times: Tensor, given: list[Tensor], by_time: bool
    ) -> tuple[Tensor | None, Tensor]:
        """Gradients by times (if wanted) and by the stacked matrix.

        given: gradients by v, and by g and f with the crossing's interval.
        """
        setting = self.setting
        shares = self._shares(times)
        products = self._products(shares)
        v = given[0].contiguous()
        states = torch.empty((setting.intervals, *v.shape), dtype=v.dtype, device=v.device)
        filled = [x.contiguous() for x in given] if setting.crossing else [v] * 4
        kernels.scan_backward[_grid(v)](
            *(*products, self.constants, setting.start, states, *filled, *self._sizes(v)),
            **self._flags(v),
        )
        del states
        d_share, d_matrix = self.product.backward(products[0], shares.share, by_time)
        d_moment = d_share
        if setting.moments:
            d_moment, more = self.product.backward(products[1], shares.moment, by_time)
            d_matrix.add_(more)
        if d_share is None or d_moment is None:
            return None, d_matrix
        d_times = torch.empty_like(times)
        kernels.shares_backward[_grid(times)](
            *(times, self.constants, d_share, d_moment, d_times, times.numel(), setting.intervals),
            moments=setting.moments,
            block=_BLOCK,
        )
        return d_times, d_matrix

    def by_weights(self, d_matrix: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients by weight, conductance and charge from that by the stacked matrix."""
        setting, weight = self.setting, self.weight
        grouped = d_matrix.view(setting.groups, setting.parts, -1)
        if self.second is not None:
            each = [x.reshape(weight.shape).to(weight.dtype) for x in grouped.unbind(1)]
            return each[0], each[1], each[2] if setting.kicks else None
        d_weight = torch.empty_like(weight)
        size = weight.numel()
        kernels.stack_backward[_grid(weight)](
            *(weight, self.constants, d_matrix, d_weight, size, size // setting.groups),
            kicks=setting.kicks,
            block=_BLOCK,
        )
        return d_weight, None, None

    def _matrix(self) -> Tensor:
        """(groups * parts * n_out per group, n_in)."""
        setting, weight = self.setting, self.weight
        if self.second is not None:
            each = [weight, self.second, *([self.third] if self.third is not None else [])]
            grouped = torch.stack([x.view(setting.groups, -1) for x in each], dim=1)
            return grouped.view(-1, weight.shape[1])
        out = weight.new_empty(setting.parts * weight.shape[0], weight.shape[1])
        size = weight.numel()
        kernels.stack[_grid(weight)](
            *(weight, self.constants, out, size, size // setting.groups),
            kicks=setting.kicks,
            block=_BLOCK,
        )
        return out

    def _shares(self, times: Tensor) -> _Shares:
        setting = self.setting
        shape, dtype = (setting.entries, *times.shape), self.product.dtype
        share = torch.empty(shape, dtype=dtype, device=times.device)
        moment = torch.empty_like(share) if setting.moments else share
        kernels.shares[(*_grid(times), setting.entries)](
            *(times, self.constants, share, moment, times.numel(), setting.intervals),
            moments=setting.moments,
            block=_BLOCK,
        )
        return _Shares(share, moment)

    def _products(self, shares: _Shares) -> tuple[Tensor, Tensor]:
        first = self.product(shares.share)
        return first, self.product(shares.moment) if self.setting.moments else first

    def _sizes(self, v: Tensor) -> tuple[int, ...]:
        """Counts and strides that the scans need."""
        setting = self.setting
        n_out = self.weight.shape[0]
        stride = setting.parts * v.numel()
        return v.numel(), n_out // setting.groups, setting.parts, stride, n_out, setting.intervals

    def _flags(self, v: Tensor) -> dict[str, Any]:
        setting = self.setting
        return {
            "moments": setting.moments,
            "kicks": setting.kicks,
            "crossing": setting.crossing,
            "double": v.dtype == torch.float64,
            "block": _BLOCK,
        }


def _grid(x: Tensor) -> tuple[int]:
    return (-(-x.numel() // _BLOCK),)
