"""AnalogConv2d: nn.Conv2d on tiles, one read per place of the kernel."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from codesign.tile.layer import AnalogLayer
from codesign.tile.mapping import TileMapping
from codesign.tile.parameters import Method, TileError, TileParameters
from codesign.tile.takeover import kind_of, take_over, why_not


class AnalogConv2d(AnalogLayer):
    """Drop-in for nn.Conv2d: images (batch, in, h, w), or one without batch, through tiles.

    weight (out, in / groups, kh, kw) and bias (out,) are the digital layer's and train as such. The
    tile's rows are a kernel's entries, channel by channel; every place of the kernel is one vector,
    with a scale of its own while the layer is not calibrated. Groups have tiles of their own.
    """

    weight: Tensor
    bias: Tensor | None
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding_mode: str

    @classmethod
    def from_conv(
        cls,
        conv: nn.Conv2d,
        params: TileParameters,
        mapping: TileMapping | None = None,
        method: Method = "fast",
    ) -> AnalogConv2d:
        """The layer with the same parameters (shared, not copied), hooks and parametrisations.

        Raises TileError for a layer that computes something else than nn.Conv2d does.
        """
        reason = why_not(conv, nn.Conv2d, "_conv_forward")
        if reason is not None:
            raise TileError(f"{reason}: on tiles it would compute something else")
        each = conv.in_channels // conv.groups
        high, wide = conv.kernel_size
        layer = cls.__new__(cls)
        AnalogLayer.__init__(
            layer, each * high * wide, conv.out_channels,
            params=params, mapping=mapping, method=method, groups=conv.groups, **kind_of(conv),
        )  # fmt: skip
        take_over(layer, conv, nn.Conv2d)
        return layer

    @property
    def matrix(self) -> Tensor:
        return self.weight.flatten(1)

    @property
    def borders(self) -> tuple[int, int, int, int]:
        """Pixels added left, right, above and below."""
        if self.padding == "valid":
            return (0, 0, 0, 0)
        if self.padding == "same":
            spans = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            high, wide = ((span // 2, span - span // 2) for span in spans)
            return (*wide, *high)
        given: Any = self.padding
        high_px, wide_px = given
        return (wide_px, wide_px, high_px, high_px)

    def extra_repr(self) -> str:
        shape = f"{tuple(self.weight.shape)}, stride={self.stride}, padding={self.padding}"
        return f"{shape}, {super().extra_repr()}"

    def forward(self, x: Tensor) -> Tensor:
        channels = self.weight.shape[1] * self.groups
        if x.dim() not in (3, 4) or x.shape[-3] != channels:
            raise TileError(f"the layer takes ([batch,] {channels}, h, w), not {tuple(x.shape)}")
        images = x if x.dim() == 4 else x.unsqueeze(0)
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        if any(self.borders):
            images = functional.pad(images, self.borders, mode=mode)
        high, wide = (
            (n - d * (k - 1) - 1) // s + 1
            for n, d, k, s in zip(
                images.shape[2:], self.dilation, self.kernel_size, self.stride, strict=True
            )
        )
        if high < 1 or wide < 1:
            raise TileError(f"images {tuple(x.shape)} are smaller than the layer's kernel")
        count, rows = len(images), self.groups * self.in_features
        if count:
            patches = functional.unfold(
                images, self.kernel_size, dilation=self.dilation, stride=self.stride
            ).transpose(1, 2)
        else:
            patches = images.reshape(0, 1, 1).expand(0, high * wide, rows)
        out = self.through(patches, self.matrix, self.bias)
        out = out.transpose(1, 2).unflatten(2, (high, wide))
        return out if x.dim() == 4 else out.squeeze(0)
