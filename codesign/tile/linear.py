"""AnalogLinear: nn.Linear on tiles, with digital bias, partial sums, scales and calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from codesign.tile.adc import convert_charge
from codesign.tile.charge import tile_charge
from codesign.tile.parameters import Method, TileError, TileParameters


@dataclass(frozen=True)
class TileMapping:
    """How matrices come onto tiles.

    tile_rows, tile_columns: size of a tile; larger matrices take several, their partial sums are
    added digitally. g_max_S: conductance of each column's largest weight. weight_noise,
    output_noise: standard deviations of the Gaussian noise of hardware-aware training, as shares
    of a column's largest weight and of its largest output in the batch; only while training.
    """

    tile_rows: int = 512
    tile_columns: int = 512
    g_max_S: float = 25e-6
    weight_noise: float = 0.0
    output_noise: float = 0.0

    def __post_init__(self) -> None:
        for name in ("tile_rows", "tile_columns"):
            if not (isinstance(getattr(self, name), int) and getattr(self, name) >= 1):
                raise TileError(f"{name} must be a positive integer, not {getattr(self, name)!r}")
        if not (self.g_max_S > 0 and math.isfinite(self.g_max_S)):
            raise TileError(f"g_max_S must be positive, not {self.g_max_S}")
        for name in ("weight_noise", "output_noise"):
            if not (getattr(self, name) >= 0 and math.isfinite(getattr(self, name))):
                raise TileError(f"{name} must be at least 0, not {getattr(self, name)}")


class AnalogLinear(nn.Module):
    """Drop-in for nn.Linear: x (..., in) to (..., out) through tiles of `params`.

    weight (out, in) and bias (out,) are the digital layer's and train as such. Inputs are scaled to
    pulses by `input_scale`, or by each vector's largest entry while that is 0 (not calibrated).
    `params` None computes the plain digital layer, for recording what calibration needs.
    """

    input_scale: Tensor
    full_scale_C: Tensor
    gain: Tensor
    offset: Tensor
    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        params: TileParameters | None = None,
        mapping: TileMapping | None = None,
        method: Method = "fast",
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.params: TileParameters | None = params or TileParameters()
        self.mapping = mapping or TileMapping()
        self.method: Method = method
        self.generator: torch.Generator | None = None
        self.recorder: object | None = None
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        own = nn.Parameter(torch.empty(out_features)) if bias else None
        self.register_parameter("bias", own)
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            nn.init.uniform_(self.bias, -1 / math.sqrt(in_features), 1 / math.sqrt(in_features))
        tiles = len(self.row_blocks)
        self.register_buffer("input_scale", torch.zeros(()))
        self.register_buffer("full_scale_C", torch.zeros(tiles, out_features))
        self.register_buffer("gain", torch.ones(tiles, out_features))
        self.register_buffer("offset", torch.zeros(tiles, out_features))

    @classmethod
    def from_linear(
        cls,
        linear: nn.Linear,
        params: TileParameters,
        mapping: TileMapping | None = None,
        method: Method = "fast",
    ) -> AnalogLinear:
        """The layer with the same parameters (shared, not copied)."""
        layer = cls(
            linear.in_features, linear.out_features, linear.bias is not None,
            params=params, mapping=mapping, method=method,
        )  # fmt: skip
        layer.to(device=linear.weight.device, dtype=linear.weight.dtype)
        layer._parameters.update(linear._parameters)
        layer.train(linear.training)
        return layer

    @property
    def row_blocks(self) -> tuple[slice, ...]:
        """Rows of the matrix on each tile along the inputs, as equal as can be."""
        return _blocks(self.in_features, self.mapping.tile_rows)

    @property
    def column_blocks(self) -> tuple[slice, ...]:
        return _blocks(self.out_features, self.mapping.tile_columns)

    @property
    def tiles(self) -> int:
        return len(self.row_blocks) * len(self.column_blocks)

    def extra_repr(self) -> str:
        size = f"{self.mapping.tile_rows} x {self.mapping.tile_columns}"
        return f"{self.in_features}, {self.out_features}, {self.tiles} tiles of up to {size}"

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, self.in_features)
        weight = self._noisy(self.weight)
        if self.params is None:
            out = functional.linear(flat, weight)
        else:
            pulse, scale = self.pulses(flat)
            parts = [
                self._block(pulse[:, rows], weight[:, rows], i)
                for i, rows in enumerate(self.row_blocks)
            ]
            out = scale * torch.stack(parts).sum(dim=0)
        if self.mapping.output_noise and self.training:
            largest = out.detach().abs().amax(dim=0, keepdim=True)
            out = out + self.mapping.output_noise * largest * self._randn(out)
        if self.bias is not None:
            out = out + self.bias
        return out.reshape(*x.shape[:-1], self.out_features)

    def pulses(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Pulses (batch, in) in [-1, 1] and the scale they are to be multiplied with."""
        if self.input_scale > 0:
            scale = self.input_scale
        else:
            scale = flat.detach().abs().amax(dim=1, keepdim=True).clamp_min(1e-12)
        if self.recorder is not None:
            self.recorder.inputs(self, flat)  # type: ignore[attr-defined]
        return (flat / scale).clamp(-1.0, 1.0), scale

    def _noisy(self, weight: Tensor) -> Tensor:
        if not (self.mapping.weight_noise and self.training):
            return weight
        largest = weight.detach().abs().amax(dim=1, keepdim=True)
        return weight + self.mapping.weight_noise * largest * self._randn(weight)

    def _randn(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self.generator, dtype=like.dtype).to(like.device)

    def _block(self, pulse: Tensor, weight: Tensor, tile_row: int) -> Tensor:
        """Partial sums (batch, out) of one row of tiles, in units of weight times pulse."""
        assert self.params is not None
        scale = weight.detach().abs().amax(dim=1).clamp_min(1e-12)
        g = (weight / scale.unsqueeze(1)).t() * self.mapping.g_max_S
        plus, minus = g.clamp_min(0.0), (-g).clamp_min(0.0)
        bare = replace(self.params, adc=None)
        parts = [
            tile_charge(
                pulse, plus[:, cols], minus[:, cols], bare, self.method, generator=self.generator
            )
            for cols in self.column_blocks
        ]
        charge = torch.cat(parts, dim=1)
        if self.recorder is not None:
            self.recorder.charges(self, tile_row, charge)  # type: ignore[attr-defined]
        if self.params.adc is not None:
            own = self.full_scale_C[tile_row]
            full = torch.where(own > 0, own, self.params.adc.full_scale_C)
            charge = convert_charge(charge, self.params.adc, self.generator, full)
        unit_C = self.params.v_read_V * self.params.t_window_s * self.mapping.g_max_S
        found = charge / unit_C * scale
        if self.recorder is not None:
            self.recorder.columns(  # type: ignore[attr-defined]
                self, tile_row, found, functional.linear(pulse, weight)
            )
        return found * self.gain[tile_row] + self.offset[tile_row]


def _blocks(size: int, most: int) -> tuple[slice, ...]:
    count = math.ceil(size / most)
    edges = [round(size * k / count) for k in range(count + 1)]
    return tuple(slice(a, b) for a, b in pairwise(edges))
