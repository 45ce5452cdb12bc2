"""Calibrating a model on tiles: input scales, converter ranges, column gains and offsets."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from codesign.tile.convert import analog_layers
from codesign.tile.errors import StaysDigitalWarning, TileError
from codesign.tile.layer import CALIBRATION, AnalogLayer
from codesign.tile.parameters import TileParameters


def calibrate(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    columns: bool = True,
    input_quantile: float = 0.9995,
    range_quantile: float = 0.9995,
    run: Callable[[nn.Module, Any], object] | None = None,
) -> nn.Module:
    """Set input scales, converter ranges and, with `columns`, per-column gain and offset.

    batches: inputs as `model(batch)`, `model(*batch)` or `model(**batch)` takes them, or as `run`
    passes them. Three passes: digital, for input scales; through the tiles without converters, for
    their ranges; through everything, for gains and offsets against the digital partial sums.
    Modes of all modules and states of the noise's generators are afterwards what they were, and
    so is the calibration when something fails. Warns of layers that no batch reached: they keep
    the scale of each vector. Raises TileError when there are no layers on tiles or no batches.
    """
    layers = list(dict.fromkeys(analog_layers(model).values()))
    kept = list(batches)
    if not layers or not kept:
        raise TileError("calibration needs a converted model and at least one batch")
    passes: list[_Recorder] = [_Inputs(input_quantile)]
    if any(layer.params is not None and layer.params.adc is not None for layer in layers):
        passes.append(_Ranges(range_quantile))
    if columns:
        passes.append(_Columns())
    chosen = [layer.params for layer in layers]
    with _put_back(model, layers), torch.no_grad():
        for layer in layers:
            layer.reset_calibration()
            layer.called = False
        for recorder in passes:
            for layer, params in zip(layers, chosen, strict=True):
                layer.recorder = recorder
                layer.params = recorder.params(params)
            for batch in kept:
                (run or _call)(model, batch)
            for layer in layers:
                recorder.apply(layer)
    unseen = [name for name, layer in analog_layers(model).items() if not layer.called]
    if unseen:
        warnings.warn(
            f"no batch reached {', '.join(unseen)}: not calibrated, or the model multiplies by "
            "their weights itself, past the tile",
            StaysDigitalWarning,
            stacklevel=2,
        )
    return model


@contextmanager
def _put_back(model: nn.Module, layers: Sequence[AnalogLayer]) -> Iterator[None]:
    """A model in evaluation inside; modes, generators and settings as before outside."""
    modes = [(module, module.training) for module in model.modules()]
    chosen = [layer.params for layer in layers]
    states = {g: g.get_state() for layer in layers if (g := layer.generator) is not None}
    found = [{name: getattr(layer, name).clone() for name in CALIBRATION} for layer in layers]
    model.eval()
    try:
        yield
    except BaseException:
        with torch.no_grad():
            for layer, values in zip(layers, found, strict=True):
                for name, value in values.items():
                    getattr(layer, name).copy_(value)
        raise
    finally:
        for layer, params in zip(layers, chosen, strict=True):
            layer.params, layer.recorder = params, None
        for generator, state in states.items():
            generator.set_state(state)
        for module, mode in modes:
            module.training = mode


def _call(model: nn.Module, batch: Any) -> object:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, (tuple, list)) else model(batch)


class _Recorder:
    """What a calibration pass looks at in every layer, and what it sets from it."""

    def params(self, params: TileParameters | None) -> TileParameters | None:
        """What the layers compute with during the pass."""
        return params

    def inputs(self, layer: AnalogLayer, flat: Tensor) -> None: ...

    def charges(self, layer: AnalogLayer, tile_row: int, charge: Tensor) -> None: ...

    def columns(self, layer: AnalogLayer, tile_row: int, found: Tensor, want: Tensor) -> None: ...

    def apply(self, layer: AnalogLayer) -> None: ...


class _Inputs(_Recorder):
    def __init__(self, quantile: float) -> None:
        self._quantile = quantile
        self._seen: dict[AnalogLayer, list[Tensor]] = {}

    def params(self, params: TileParameters | None) -> TileParameters | None:
        # A free line: inputs as the digital network has them.
        return None if params is None else replace(
            params, r_line_ohm=0.0, r_source_ohm=0.0, r_access_ohm=0.0, r_integrator_ohm=0.0,
            q_switch_C=0.0, c_cell_F=0.0, read_noise="off", adc=None,
        )  # fmt: skip

    def inputs(self, layer: AnalogLayer, flat: Tensor) -> None:
        self._seen.setdefault(layer, []).append(_quantile(flat.abs().flatten(), self._quantile))

    def apply(self, layer: AnalogLayer) -> None:
        if layer in self._seen:
            layer.input_scale.fill_(max(float(torch.stack(self._seen[layer]).amax()), 1e-12))


class _Ranges(_Recorder):
    def __init__(self, quantile: float) -> None:
        self._quantile = quantile
        self._seen: dict[tuple[AnalogLayer, int], list[Tensor]] = {}

    def params(self, params: TileParameters | None) -> TileParameters | None:
        return None if params is None else replace(params, adc=None, read_noise="off")

    def charges(self, layer: AnalogLayer, tile_row: int, charge: Tensor) -> None:
        # One range per tile: its converters share a reference.
        largest = torch.cat(
            [
                _quantile(charge[:, cols].abs().flatten(), self._quantile).expand(
                    cols.stop - cols.start
                )
                for cols in layer.column_blocks
            ]
        )
        self._seen.setdefault((layer, tile_row), []).append(largest)

    def apply(self, layer: AnalogLayer) -> None:
        for tile_row in range(len(layer.row_blocks)):
            if (layer, tile_row) in self._seen:
                seen = torch.stack(self._seen[layer, tile_row]).amax(dim=0)
                layer.full_scale_C[tile_row] = seen.clamp_min(1e-30)


class _Columns(_Recorder):
    """Sums of a least-squares line per column: found, want, their squares and product."""

    def __init__(self) -> None:
        self._sums: dict[tuple[AnalogLayer, int], Tensor] = {}

    def columns(self, layer: AnalogLayer, tile_row: int, found: Tensor, want: Tensor) -> None:
        x, y = found.double(), want.double()
        sums = torch.stack(
            [torch.ones_like(x[:1]).sum(0) * len(x), x.sum(0), y.sum(0), (x * x).sum(0),
             (x * y).sum(0)]
        )  # fmt: skip
        key = (layer, tile_row)
        self._sums[key] = self._sums[key] + sums if key in self._sums else sums

    def apply(self, layer: AnalogLayer) -> None:
        for tile_row in range(len(layer.row_blocks)):
            if (layer, tile_row) not in self._sums:
                continue
            n, x, y, xx, xy = self._sums[layer, tile_row]
            power = xx - x * x / n
            flat = power <= 1e-9 * xx + 1e-300
            gain = torch.where(flat, 1.0, (xy - x * y / n) / torch.where(flat, 1.0, power))
            layer.gain[tile_row] = gain.to(layer.gain)
            layer.offset[tile_row] = ((y - gain * x) / n).to(layer.offset)


def _quantile(values: Tensor, quantile: float) -> Tensor:
    """torch.quantile refuses large tensors: the k-th largest instead."""
    count = values.numel()
    keep = max(1, min(count, round(count * (1 - quantile)) + 1))
    return values.topk(keep).values[-1]
