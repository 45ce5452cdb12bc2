"""What a neuron of a convolution sees, and the products with weights that this makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, pad, unfold
from torch.utils.checkpoint import checkpoint

Product = Callable[[Tensor], list[Tensor]]
"""Values (intervals, batch, inputs) to one tensor (intervals, batch, neurons) per matrix."""


def dense_product(matrices: Sequence[Tensor]) -> Product:
    """Products with matrices (n_out, n_in), as one."""
    stacked = torch.cat(list(matrices)).t()
    n_out = matrices[0].shape[0]
    return lambda x: list((x @ stacked).split(n_out, dim=2))


@dataclass(frozen=True)
class Window:
    """A square of kernel x kernel inputs of all channels of a group, moved by `stride`.

    padding: rows and columns beside the image, where nothing spikes. Weights are matrices
    (channels, channels_in / groups * kernel * kernel).
    """

    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1

    def size_after(self, size: int) -> int:
        """Height or width of the output for that of the input."""
        return (size + 2 * self.padding - self.kernel) // self.stride + 1

    def filters(self, matrices: Sequence[Tensor]) -> Tensor:
        """Matrices as filters of one convolution: in every group those of all in a row."""
        each = [x.view(self.groups, -1, x.shape[1]) for x in matrices]
        stacked = torch.cat(each, dim=1) if len(each) > 1 else each[0]
        return stacked.reshape(-1, matrices[0].shape[1] // self.kernel**2, self.kernel, self.kernel)

    def convolve(self, images: Tensor, filters: Tensor) -> Tensor:
        """The convolution of images (batch, channels_in, h, w)."""
        return conv2d(images, filters, None, self.stride, self.padding, groups=self.groups)

    def product(self, matrices: Sequence[Tensor]) -> Product:
        """Convolutions of (intervals, batch, channels_in, h, w), as one."""
        filters, parts = self.filters(matrices), len(matrices)

        def convolve(x: Tensor) -> list[Tensor]:
            out = self.convolve(x.flatten(0, 1), filters)
            own = out.shape[1] // (self.groups * parts)
            shape = (*x.shape[:2], self.groups, parts, own, *out.shape[2:])
            return [y.flatten(2, 3) for y in out.view(shape).unbind(3)]

        return convolve

    def patches(self, images: Tensor, absent: float) -> Tensor:
        """Inputs (groups, batch * h * w, n_in) of every neuron; `absent` beside the image."""
        padded = pad(images, (self.padding,) * 4, value=absent)
        columns = unfold(padded, self.kernel, stride=self.stride)
        batch, rows, places = columns.shape
        split = columns.view(batch, self.groups, rows // self.groups, places)
        own = rows // self.groups
        return split.permute(1, 0, 3, 2).reshape(self.groups, batch * places, own)


def earliest(times: Tensor, size: int) -> Tensor:
    """Earliest spikes of size x size patches: (batch, channels, h, w) to (.., h/size, w/size); an
    empty batch stays one."""
    if not len(times):
        height, width = (n // size for n in times.shape[2:])
        return times[..., :height, :width]
    result: Tensor = _Earliest.apply(times, size)
    return result


class _Earliest(torch.autograd.Function):
    """Keeps where the earliest spikes are, and not the image, as max_pool2d does."""

    @staticmethod
    def forward(ctx: Any, times: Tensor, size: int) -> Tensor:
        values, places = max_pool2d(-times, size, return_indices=True)
        ctx.shape = times.shape
        ctx.save_for_backward(places.to(torch.int32))
        return -values

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        flat = grad.new_zeros((*ctx.shape[:2], ctx.shape[2] * ctx.shape[3]))
        flat = flat.scatter(2, places.flatten(2).long(), grad.flatten(2))
        return flat.view(ctx.shape), None


# Intervals of images that live at once, where torch keeps them for gradients.
_MOST_BYTES = {"cpu": 16 * 2**20, "other": 512 * 2**20}


def in_parts(
    call: Callable[[Tensor, Tensor], tuple[Tensor, ...]],
    images: Tensor,
    weight: Tensor,
    window: Window,
    intervals: int,
) -> tuple[Tensor, ...]:
    """call(images, weight) for a few samples at a time, again for gradients instead of kept."""
    _, channels, height, width = images.shape
    after = window.size_after(height) * window.size_after(width) * weight.shape[0]
    # Shares and their gradients; integrals, decays, gains and states.
    values = intervals * (4 * channels * height * width + 10 * after)
    most = _MOST_BYTES["cpu" if images.device.type == "cpu" else "other"]
    parts = images.split(max(1, most // max(1, values * images.element_size())))
    lean = torch.is_grad_enabled() and (images.requires_grad or weight.requires_grad)
    lean = lean and len(images) > 0
    answers = [
        checkpoint(call, x, weight, use_reentrant=False) if lean else call(x, weight) for x in parts
    ]
    return tuple(torch.cat(list(x)) for x in zip(*answers, strict=True))
