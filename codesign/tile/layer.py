"""What all layers on tiles share: scales, partial sums, converters, calibration, noise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from codesign.scalars import as_int
from codesign.tile.adc import convert_charge
from codesign.tile.charge import tile_charge
from codesign.tile.draws import normal_like, refuse_a_second_forward
from codesign.tile.mapping import TileMapping, blocks
from codesign.tile.parameters import Method, TileError, TileParameters

CALIBRATION = ("input_scale", "full_scale_C", "gain", "offset")


class AnalogLayer(nn.Module):
    """Products with a matrix (out, in) on tiles of `params`; subclasses bring the matrix.

    Inputs are scaled to pulses by `input_scale`, or by each vector's largest entry while that is 0
    (not calibrated). `params` None computes the plain digital product, for recording what
    calibration needs. groups: parts of the inputs that each have outputs of their own; a part has
    `in_features` lines, and tiles of its own.
    The tile computes in float32 or float64. Calibration stays in these too when the layer is cast
    to half precision, in which charges of some pC would vanish.
    """

    input_scale: Tensor
    full_scale_C: Tensor
    gain: Tensor
    offset: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        params: TileParameters | None = None,
        mapping: TileMapping | None = None,
        method: Method = "fast",
        groups: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = as_int(in_features), as_int(out_features)
        self.groups = groups
        if self.in_features < 1 or self.out_features < 1:
            raise TileError(f"a tile needs rows and columns, not {in_features} and {out_features}")
        self.params: TileParameters | None = params or TileParameters()
        self.mapping = mapping or TileMapping()
        self.method: Method = method
        self.generator: torch.Generator | None = None
        self.recorder: object | None = None
        self.called = False
        shape = (len(self.row_blocks), self.out_features)
        wide = (dtype or torch.get_default_dtype()) == torch.float64
        kind: dict[str, Any] = {
            "device": device, "dtype": torch.float64 if wide else torch.float32
        }  # fmt: skip
        self.register_buffer("input_scale", torch.zeros((), **kind))
        self.register_buffer("full_scale_C", torch.zeros(shape, **kind))
        self.register_buffer("gain", torch.ones(shape, **kind))
        self.register_buffer("offset", torch.zeros(shape, **kind))

    def reset_calibration(self) -> None:
        """Every vector has a scale of its own again, columns have gain 1."""
        with torch.no_grad():
            self.input_scale.zero_()
            self.full_scale_C.zero_()
            self.gain.fill_(1.0)
            self.offset.zero_()

    @property
    def matrix(self) -> Tensor:
        """The matrix (out, in) on the tiles."""
        raise NotImplementedError

    @property
    def row_blocks(self) -> tuple[slice, ...]:
        """Rows of the matrix on each tile along the inputs, as equal as can be."""
        return blocks(self.in_features, self.mapping.tile_rows)

    @property
    def column_blocks(self) -> tuple[slice, ...]:
        """Outputs of each tile along them; groups share none."""
        each = self.out_features // self.groups
        return tuple(
            slice(g * each + part.start, g * each + part.stop)
            for g in range(self.groups)
            for part in blocks(each, self.mapping.tile_columns)
        )

    @property
    def tiles(self) -> int:
        return len(self.row_blocks) * len(self.column_blocks)

    def extra_repr(self) -> str:
        size = f"{self.mapping.tile_rows} x {self.mapping.tile_columns}"
        return f"{self.in_features}, {self.out_features}, {self.tiles} tiles of up to {size}"

    def through(self, x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        """x (..., groups * in) to (..., out), of the dtype that a digital layer would give.

        Raises TileError for inputs of another size or dtype.
        """
        if torch.compiler.is_compiling():
            from codesign.tile import uncompiled

            out: Tensor = uncompiled.call(self._through, x, matrix, bias)
            return out
        return self._through(x, matrix, bias)

    def _through(self, x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        self.called = True
        given = self._result_dtype(x, matrix)
        width = self.groups * self.in_features
        if x.dim() < 1 or x.shape[-1] != width:
            raise TileError(f"the layer takes (..., {width}), not {tuple(x.shape)}")
        dtype = matrix.dtype if matrix.dtype == torch.float64 else torch.float32
        with _without_autocast(x.device.type):
            out = self._multiply(x.reshape(-1, width).to(dtype), matrix.to(dtype))
            if bias is not None:
                out = out + bias.to(dtype)
        return out.reshape(*x.shape[:-1], self.out_features).to(given)

    def _result_dtype(self, x: Tensor, matrix: Tensor) -> torch.dtype:
        kind = x.device.type
        if not (x.is_floating_point() and matrix.is_floating_point()):
            raise TileError(f"the layer takes numbers of floating point, not {x.dtype}")
        if torch.is_autocast_enabled(kind) and x.dtype != torch.float64:
            return torch.get_autocast_dtype(kind)
        if x.dtype != matrix.dtype:
            raise TileError(
                f"inputs are {x.dtype}, the layer's weights {matrix.dtype}",
                remedy="give them one dtype (x.to(layer.weight.dtype)), or use torch.autocast",
            )
        return x.dtype

    def _multiply(self, flat: Tensor, matrix: Tensor) -> Tensor:
        """Products (batch, out) of flat (batch, groups * in) in float32 or float64."""
        if self._is_noisy():
            refuse_a_second_forward(self.generator)
        noisy = self.training and len(flat) > 0
        if noisy and self.mapping.weight_noise:
            largest = matrix.detach().abs().amax(dim=1, keepdim=True)
            noise = normal_like(matrix, self.generator)
            matrix = matrix + self.mapping.weight_noise * largest * noise
        if self.params is None or not len(flat):
            out = self._digital(flat, matrix, slice(0, self.in_features))
        else:
            pulse, scale = self.pulses(flat)
            parts = [self._block(pulse, matrix, i) for i in range(len(self.row_blocks))]
            out = scale * torch.stack(parts).sum(dim=0)
        if noisy and self.mapping.output_noise:
            largest = out.detach().abs().amax(dim=0, keepdim=True)
            out = out + self.mapping.output_noise * largest * normal_like(out, self.generator)
        return out

    def pulses(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Pulses (batch, groups * in) in [-1, 1] and the scale to multiply their products with."""
        largest = flat.detach().abs().amax(dim=1, keepdim=True).clamp_min(1e-12)
        scale = torch.where(self.input_scale > 0, self.input_scale.to(flat), largest)
        if self.recorder is not None:
            self.recorder.inputs(self, flat)  # type: ignore[attr-defined]
        return (flat / scale).clamp(-1.0, 1.0), scale

    def _block(self, pulse: Tensor, matrix: Tensor, tile_row: int) -> Tensor:
        """Partial sums (batch, out) of one row of tiles, in units of weight times pulse."""
        assert self.params is not None
        rows = self.row_blocks[tile_row]
        weight = matrix[:, rows]
        scale = weight.detach().abs().amax(dim=1).clamp_min(1e-12)
        g = (weight / scale.unsqueeze(1)).t() * self.mapping.g_max_S
        # Of a weight of zero each device takes half of the slope, so that their difference has one.
        plus, minus = 0.5 * (g.abs() + g), 0.5 * (g.abs() - g)
        charge = self._charge(pulse, plus, minus, rows, replace(self.params, adc=None))
        if self.recorder is not None:
            self.recorder.charges(self, tile_row, charge)  # type: ignore[attr-defined]
        if self.params.adc is not None:
            own = self.full_scale_C[tile_row].to(charge)
            full = torch.where(own > 0, own, self.params.adc.full_scale_C)
            charge = convert_charge(charge, self.params.adc, self.generator, full)
        unit_C = self.params.v_read_V * self.params.t_window_s * self.mapping.g_max_S
        found = charge / unit_C * scale
        if self.recorder is not None:
            want = self._digital(pulse, matrix, rows)
            self.recorder.columns(self, tile_row, found, want)  # type: ignore[attr-defined]
        return found * self.gain[tile_row].to(found) + self.offset[tile_row].to(found)

    def _charge(
        self, pulse: Tensor, plus: Tensor, minus: Tensor, rows: slice, params: TileParameters
    ) -> Tensor:
        """Charges (batch, out) of one row of tiles."""
        parts = []
        for cols in self.column_blocks:
            first = cols.start * self.groups // self.out_features * self.in_features
            own = pulse[:, first + rows.start : first + rows.stop]
            tile = (own, plus[:, cols], minus[:, cols], params, self.method)
            parts.append(tile_charge(*tile, generator=self.generator))
        return torch.cat(parts, dim=1)

    def _digital(self, flat: Tensor, matrix: Tensor, rows: slice) -> Tensor:
        """Plain products (batch, out) of some of every group's inputs."""
        if self.groups == 1:
            return functional.linear(flat[:, rows], matrix[:, rows])
        each = flat.unflatten(1, (self.groups, self.in_features))[..., rows]
        own = matrix.unflatten(0, (self.groups, -1))[..., rows]
        return torch.einsum("bgi,goi->bgo", each, own).flatten(1)

    def _is_noisy(self) -> bool:
        """Whether a forward draws random numbers."""
        params, mapping = self.params, self.mapping
        trained = self.training and bool(mapping.weight_noise or mapping.output_noise)
        read = params is not None and params.read_noise != "off"
        phase = params is not None and params.adc is not None and params.adc.style == "cco"
        return trained or read or phase

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> AnalogLayer:
        kept = {name: getattr(self, name) for name in CALIBRATION}
        super()._apply(fn, recurse)
        for name, before in kept.items():
            after = getattr(self, name)
            if after.dtype in (torch.float16, torch.bfloat16):
                setattr(self, name, before.to(after.device))
        return self


def _without_autocast(kind: str) -> AbstractContextManager[Any]:
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
