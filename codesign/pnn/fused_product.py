"""Products of shares with stacked matrices, dense or convolved, and their gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from codesign.pnn.fused_setting import Setting
from codesign.pnn.precision import product_dtype


class Product:
    """Shares (entries, batch, n_in) to (entries, batch, groups, parts, neurons of a group).

    Of images both are channels last: (entries, batch, h, w, channels).
    """

    def __init__(self, matrix: Tensor, inputs: Tensor, weight: Tensor, setting: Setting) -> None:
        self.setting, self.n_out = setting, weight.shape[0]
        self.dtype = product_dtype(setting.products, weight)
        window = setting.window
        self.after: tuple[int, ...] = ()
        if window is not None:
            self.after = tuple(window.size_after(x) for x in inputs.shape[1:3])
            kernel = (-1, matrix.shape[1] // window.kernel**2, window.kernel, window.kernel)
            matrix = matrix.view(kernel).to(memory_format=torch.channels_last)
        self.matrix = matrix.to(self.dtype)
        self.like = inputs

    @property
    def values_per_sample(self) -> int:
        """Shares, their gradients, products and states of one sample."""
        places = 1
        for size in self.after:
            places *= size
        neurons = places * self.n_out * (self.setting.parts + 1)
        return self.setting.entries * (2 * self.like[0].numel() + neurons)

    def empty_output(self, samples: int) -> Tensor:
        """Room for one value per neuron."""
        shape = (samples, *self.after, self.n_out)
        return torch.empty(shape, dtype=self.like.dtype, device=self.like.device)

    def __call__(self, share: Tensor) -> Tensor:
        flat = share.flatten(0, 1)
        window = self.setting.window
        if window is None:
            return _product(flat, self.matrix.t())
        return window.convolve(flat.movedim(-1, 1), self.matrix).movedim(1, -1).contiguous()

    def backward(
        self, d_product: Tensor, share: Tensor, by_share: bool
    ) -> tuple[Tensor | None, Tensor]:
        """Gradients by shares (if wanted), shaped as they are, and by the matrix, flat rows."""
        grad, flat = d_product.to(self.dtype), share.flatten(0, 1)
        window = self.setting.window
        if window is None:
            d_matrix = _product(grad.t(), flat)
            return (_product(grad, self.matrix) if by_share else None), d_matrix
        d_share, d_filters, _ = torch.ops.aten.convolution_backward(
            *(grad.movedim(-1, 1), flat.movedim(-1, 1), self.matrix, None),
            *([window.stride] * 2, [window.padding] * 2, [1, 1], False, [0, 0], window.groups),
            [by_share, True, False],
        )
        d_matrix = d_filters.contiguous().flatten(1).to(self.like.dtype)
        return (d_share.movedim(1, -1).contiguous() if by_share else None), d_matrix


def _product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, summed and given in float32 where the factors are shorter."""
    if a.dtype != torch.bfloat16:
        return a @ b
    if a.is_cuda and torch.__version__ >= "2.8":
        return torch.mm(a, b, out_dtype=torch.float32)
    return (a @ b).float()
