"""Putting a model on tiles, and calibrating it: input scales, converter ranges, column gains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from codesign.tile.linear import AnalogLinear, TileMapping
from codesign.tile.parameters import Method, TileError, TileParameters


def convert(
    model: nn.Module,
    params: TileParameters,
    exclude: Sequence[str] = (),
    *,
    mapping: TileMapping | None = None,
    method: Method = "fast",
) -> nn.Module:
    """Replace every nn.Linear of `model`, in place, by an AnalogLinear with the same parameters.

    exclude: dotted names or patterns (`classifier`, `*.pooler.*`) of modules that stay digital,
    with all that is in them. A module that is used in several places (ALBERT's layers) stays one.
    Returns the model, or the layer itself where `model` is a linear one. Raises TileError for a
    pattern that matches nothing and for a model without linear layers.
    """
    names = [name for name, _ in model.named_modules()]
    for pattern in exclude:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise TileError(
                f"exclude: no module is called {pattern!r}",
                remedy=f"names are such as {', '.join(names[1:6])}",
            )
    if isinstance(model, nn.Linear):
        return AnalogLinear.from_linear(model, params, mapping, method)
    done: dict[int, AnalogLinear] = {}
    for path, child in list(model.named_modules(remove_duplicate=False)):
        if not isinstance(child, nn.Linear) or _excluded(path, exclude):
            continue
        if id(child) not in done:
            done[id(child)] = AnalogLinear.from_linear(child, params, mapping, method)
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, done[id(child)])
    if not done:
        raise TileError("the model has no linear layer to convert")
    return model


def analog_layers(model: nn.Module) -> dict[str, AnalogLinear]:
    """All layers on tiles by name."""
    return {n: m for n, m in model.named_modules() if isinstance(m, AnalogLinear)}


def set_tile(
    model: nn.Module,
    params: TileParameters | None = None,
    *,
    mapping: TileMapping | None = None,
    method: Method | None = None,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Give every layer on tiles other parameters; what is None stays. Tile sizes are fixed."""
    for layer in analog_layers(model).values():
        if params is not None:
            layer.params = params
        if mapping is not None:
            sizes = (layer.mapping.tile_rows, layer.mapping.tile_columns)
            if sizes != (mapping.tile_rows, mapping.tile_columns):
                raise TileError("the size of tiles cannot change after conversion")
            layer.mapping = mapping
        if method is not None:
            layer.method = method
        if generator is not None:
            layer.generator = generator
    return model


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
    Raises TileError when there are no layers on tiles or no batches.
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
    was_training, chosen = model.training, [layer.params for layer in layers]
    model.eval()
    try:
        with torch.no_grad():
            for layer in layers:
                layer.input_scale.zero_()
                layer.full_scale_C.zero_()
                layer.gain.fill_(1.0)
                layer.offset.zero_()
            for recorder in passes:
                for layer, params in zip(layers, chosen, strict=True):
                    layer.recorder = recorder
                    layer.params = recorder.params(params)
                for batch in kept:
                    (run or _call)(model, batch)
                for layer in layers:
                    recorder.apply(layer)
    finally:
        for layer, params in zip(layers, chosen, strict=True):
            layer.params, layer.recorder = params, None
        model.train(was_training)
    return model


def _call(model: nn.Module, batch: Any) -> object:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, (tuple, list)) else model(batch)


def _excluded(path: str, exclude: Sequence[str]) -> bool:
    parts = path.split(".")
    prefixes: Iterator[str] = (".".join(parts[: k + 1]) for k in range(len(parts)))
    return any(fnmatchcase(prefix, pattern) for prefix in prefixes for pattern in exclude)


class _Recorder:
    """What a calibration pass looks at in every layer, and what it sets from it."""

    def params(self, params: TileParameters | None) -> TileParameters | None:
        """What the layers compute with during the pass."""
        return params

    def inputs(self, layer: AnalogLinear, flat: Tensor) -> None: ...

    def charges(self, layer: AnalogLinear, tile_row: int, charge: Tensor) -> None: ...

    def columns(self, layer: AnalogLinear, tile_row: int, found: Tensor, want: Tensor) -> None: ...

    def apply(self, layer: AnalogLinear) -> None: ...


class _Inputs(_Recorder):
    def __init__(self, quantile: float) -> None:
        self._quantile = quantile
        self._seen: dict[AnalogLinear, list[Tensor]] = {}

    def params(self, params: TileParameters | None) -> TileParameters | None:
        # A free line: inputs as the digital network has them.
        return None if params is None else replace(
            params, r_line_ohm=0.0, r_source_ohm=0.0, r_access_ohm=0.0, r_integrator_ohm=0.0,
            q_switch_C=0.0, c_cell_F=0.0, read_noise="off", adc=None,
        )  # fmt: skip

    def inputs(self, layer: AnalogLinear, flat: Tensor) -> None:
        self._seen.setdefault(layer, []).append(_quantile(flat.abs().flatten(), self._quantile))

    def apply(self, layer: AnalogLinear) -> None:
        if layer in self._seen:
            layer.input_scale.fill_(max(float(torch.stack(self._seen[layer]).amax()), 1e-12))


class _Ranges(_Recorder):
    def __init__(self, quantile: float) -> None:
        self._quantile = quantile
        self._seen: dict[tuple[AnalogLinear, int], list[Tensor]] = {}

    def params(self, params: TileParameters | None) -> TileParameters | None:
        return None if params is None else replace(params, adc=None, read_noise="off")

    def charges(self, layer: AnalogLinear, tile_row: int, charge: Tensor) -> None:
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

    def apply(self, layer: AnalogLinear) -> None:
        for tile_row in range(len(layer.row_blocks)):
            if (layer, tile_row) in self._seen:
                seen = torch.stack(self._seen[layer, tile_row]).amax(dim=0)
                layer.full_scale_C[tile_row] = seen.clamp_min(1e-30)


class _Columns(_Recorder):
    """Sums of a least-squares line per column: found, want, their squares and product."""

    def __init__(self) -> None:
        self._sums: dict[tuple[AnalogLinear, int], Tensor] = {}

    def columns(self, layer: AnalogLinear, tile_row: int, found: Tensor, want: Tensor) -> None:
        x, y = found.double(), want.double()
        sums = torch.stack(
            [torch.ones_like(x[:1]).sum(0) * len(x), x.sum(0), y.sum(0), (x * x).sum(0),
             (x * y).sum(0)]
        )  # fmt: skip
        key = (layer, tile_row)
        self._sums[key] = self._sums[key] + sums if key in self._sums else sums

    def apply(self, layer: AnalogLinear) -> None:
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
