"""Putting a model on tiles: which layers, what stays digital, and what torch must not skip."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from codesign.tile.attention import AnalogMultiheadAttention
from codesign.tile.convolution import AnalogConv2d
from codesign.tile.errors import StaysDigitalWarning, TileError
from codesign.tile.layer import AnalogLayer
from codesign.tile.linear import AnalogConv1D, AnalogLinear
from codesign.tile.mapping import TileMapping
from codesign.tile.parameters import Method, TileParameters
from codesign.tile.takeover import check_weights, why_not

# Tables that are looked up, not multiplied by.
_TABLES = (nn.Embedding, nn.EmbeddingBag)


def convert(
    model: nn.Module,
    params: TileParameters,
    exclude: Sequence[str] = (),
    *,
    mapping: TileMapping | None = None,
    method: Method = "fast",
) -> nn.Module:
    """Put every product with weights of `model` onto tiles, in place, with the same parameters.

    That is nn.Linear, nn.Conv2d, nn.MultiheadAttention and the Conv1D of transformers' GPT-2, with
    their parametrisations, pruning and hooks, on the device and of the dtype that they have. The
    fast path of nn.TransformerEncoder, which would go past them, is switched off.
    exclude: dotted names or patterns (`classifier`, `*.pooler.*`) of modules that stay digital,
    with all that is in them. A module that is used in several places (ALBERT's layers) stays one.
    Warns (StaysDigitalWarning) of other modules that hold matrices, which stay digital, and, after
    the model's first forward, of layers on tiles that it did not call.
    Returns the model, which becomes the layer where it is one. Raises TileError for a pattern that
    matches nothing, and for a model without layers to convert.
    """
    named = dict(model.named_modules(remove_duplicate=False))
    for pattern in exclude:
        if not any(fnmatchcase(name, pattern) for name in named):
            raise TileError(
                f"exclude: no module is called {pattern!r}",
                remedy=f"names are such as {', '.join([n for n in named if n][:5])}",
            )
    given = {"params": params, "mapping": mapping, "method": method}
    done: dict[int, nn.Module] = {}
    digital: list[str] = []
    for path, child in named.items():
        if _excluded(path, exclude) or _inside(path, named, done):
            continue
        if id(child) not in done:
            reason = _reason(child)
            new = None if reason is not None else _on_tiles(child, path, named, exclude, given)
            if new is None:
                digital += _what_stays(child, path, reason)
                continue
            done[id(child)] = new
        if path:
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, done[id(child)])
        else:
            _become(model, done[id(child)])
    _warn_of(digital)
    if not done:
        raise TileError("the model has no linear layer, convolution or attention to convert")
    _close_fast_paths(model)
    if not isinstance(model, AnalogLayer):
        model.register_forward_hook(_Uncalled())
    return model


def analog_layers(model: nn.Module) -> dict[str, AnalogLayer]:
    """All layers on tiles by name."""
    return {n: m for n, m in model.named_modules() if isinstance(m, AnalogLayer)}


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


def _become(module: nn.Module, new: nn.Module) -> None:
    """Make the module itself the new one, for whoever holds it."""
    module.__class__ = type(new)
    module.__dict__ = new.__dict__
    if isinstance(module, AnalogMultiheadAttention):
        module.own_tiles()


def _excluded(path: str, exclude: Sequence[str]) -> bool:
    parts = path.split(".")
    prefixes: Iterator[str] = (".".join(parts[: k + 1]) for k in range(len(parts)))
    return any(fnmatchcase(prefix, pattern) for prefix in prefixes for pattern in exclude)


def _inside(path: str, named: dict[str, nn.Module], done: dict[int, nn.Module]) -> bool:
    """Whether a module around this one is on tiles already, and so this one, or its weights."""
    parts = path.split(".") if path else []
    around = [named[".".join(parts[:k])] for k in range(len(parts))]
    return any(id(m) in done or isinstance(m, AnalogMultiheadAttention) for m in around)


def _conv1d(module: nn.Module) -> type[nn.Module] | None:
    """The class Conv1D of transformers in a module's ancestry, without importing that package."""
    for kind in type(module).__mro__:
        if (kind.__module__, kind.__name__) == ("transformers.pytorch_utils", "Conv1D"):
            return kind
    return None


def _reason(module: nn.Module) -> str | None:
    """Why a module of a kind that goes onto tiles cannot, or None."""
    check_weights(module)
    if isinstance(module, nn.Linear):
        return why_not(module, nn.Linear)
    if isinstance(module, nn.Conv2d):
        return why_not(module, nn.Conv2d, "_conv_forward")
    if isinstance(module, nn.MultiheadAttention):
        if "parametrizations" in module._modules:
            return f"{type(module).__name__} has parametrised weights"
        return why_not(module, nn.MultiheadAttention)
    own = _conv1d(module)
    return None if own is None else why_not(module, own)


def _on_tiles(
    module: nn.Module,
    path: str,
    named: dict[str, nn.Module],
    exclude: Sequence[str],
    given: dict[str, Any],
) -> nn.Module | None:
    """A module's counterpart on tiles, None where there is none."""
    if isinstance(module, nn.Linear):
        return AnalogLinear.from_linear(module, **given)
    if isinstance(module, nn.Conv2d):
        return AnalogConv2d.from_conv(module, **given)
    if isinstance(module, nn.MultiheadAttention):
        if isinstance(module, AnalogMultiheadAttention):
            return None
        output = not _excluded(f"{path}.out_proj" if path else "out_proj", exclude)
        return AnalogMultiheadAttention.from_attention(module, **given, output=output)
    return None if _conv1d(module) is None else AnalogConv1D.from_conv1d(module, **given)


def _what_stays(module: nn.Module, path: str, reason: str | None) -> list[str]:
    """The module's name and kind where it holds matrices that no tile has."""
    if isinstance(module, (*_TABLES, AnalogLayer, AnalogMultiheadAttention)):
        return []
    name = path or "the model itself"
    if reason is not None:
        return [f"{name} ({reason})"]
    if any(p.dim() >= 2 for p in module.parameters(recurse=False)):
        return [f"{name} ({type(module).__name__})"]
    return []


def _warn_of(digital: Sequence[str]) -> None:
    if digital:
        more = f" and {len(digital) - 8} more" if len(digital) > 8 else ""
        warnings.warn(
            f"weights that stay digital: {', '.join(digital[:8])}{more}; exclude modules that are "
            "meant to",
            StaysDigitalWarning,
            stacklevel=3,
        )


def _close_fast_paths(model: nn.Module) -> None:
    """Let nn.TransformerEncoder call its layers' modules, in evaluation as in training."""
    for module in model.modules():
        if isinstance(module, nn.TransformerEncoderLayer) and analog_layers(module):
            # Read by the fast path alone, which takes no other activation.
            module.activation_relu_or_gelu = 0
        if isinstance(module, nn.TransformerEncoder) and analog_layers(module):
            module.enable_nested_tensor = module.use_nested_tensor = False


class _Uncalled:
    """Hook on a converted model: says after its first forward which layers that left out."""

    def __call__(self, model: nn.Module, inputs: Any, output: Any) -> None:
        for key in [k for k, hook in model._forward_hooks.items() if hook is self]:
            del model._forward_hooks[key]
        names = [name for name, layer in analog_layers(model).items() if not layer.called]
        if names:
            warnings.warn(
                f"the model's first forward did not call {', '.join(names)}; where it multiplies "
                "by their weights itself, it does so past the tile",
                StaysDigitalWarning,
                stacklevel=3,
            )
