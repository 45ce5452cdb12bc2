"""AnalogLinear: nn.Linear on tiles, with digital bias, partial sums, scales and calibration."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from codesign.tile.layer import AnalogLayer
from codesign.tile.mapping import TileMapping as TileMapping
from codesign.tile.parameters import Method, TileParameters
from codesign.tile.takeover import kind_of, take_over


class AnalogLinear(AnalogLayer):
    """Drop-in for nn.Linear: x (..., in) to (..., out) through tiles of `params`.

    weight (out, in) and bias (out,) are the digital layer's and train as such. See `AnalogLayer`.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        params: TileParameters | None = None,
        mapping: TileMapping | None = None,
        method: Method = "fast",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__(
            in_features, out_features, params=params, mapping=mapping, method=method, **kind
        )
        self.weight = nn.Parameter(torch.empty(self.out_features, self.in_features, **kind))
        own = nn.Parameter(torch.empty(self.out_features, **kind)) if bias else None
        self.register_parameter("bias", own)
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if own is not None:
            nn.init.uniform_(own, -1 / math.sqrt(in_features), 1 / math.sqrt(in_features))

    @classmethod
    def from_linear(
        cls,
        linear: nn.Linear,
        params: TileParameters,
        mapping: TileMapping | None = None,
        method: Method = "fast",
    ) -> AnalogLinear:
        """The layer with the same parameters (shared, not copied), hooks and parametrisations.

        Raises TileError for a layer that computes something else than nn.Linear does.
        """
        layer = cls.__new__(cls)
        AnalogLayer.__init__(
            layer, linear.in_features, linear.out_features,
            params=params, mapping=mapping, method=method, **kind_of(linear),
        )  # fmt: skip
        take_over(layer, linear, nn.Linear)
        return layer

    @property
    def matrix(self) -> Tensor:
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.through(x, self.weight, self.bias)


class AnalogConv1D(AnalogLayer):
    """Drop-in for the Conv1D of transformers' GPT-2, a linear layer whose weight is (in, out)."""

    weight: Tensor
    bias: Tensor | None

    @classmethod
    def from_conv1d(
        cls,
        conv: nn.Module,
        params: TileParameters,
        mapping: TileMapping | None = None,
        method: Method = "fast",
    ) -> AnalogConv1D:
        """The layer with the same parameters (shared, not copied)."""
        weight = conv.weight
        assert isinstance(weight, Tensor)
        layer = cls(
            *weight.shape, params=params, mapping=mapping, method=method, **kind_of(conv)
        )
        take_over(layer, conv, type(conv))
        return layer

    @property
    def matrix(self) -> Tensor:
        return self.weight.t()

    def forward(self, x: Tensor) -> Tensor:
        return self.through(x, self.weight.t(), self.bias)
