"""A layer on tiles in the place of a digital one: its parameters, buffers, hooks, attributes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils import parametrize

from codesign.tile.parameters import TileError


def why_not(module: nn.Module, kind: type[nn.Module], *functions: str) -> str | None:
    """Why a module's product cannot be taken over by tiles as that of `kind`, or None.

    functions: what besides `forward` decides what a module of that kind computes.
    """
    for name in ("forward", *functions):
        if name in module.__dict__ or getattr(type(module), name) is not getattr(kind, name):
            return f"{type(module).__name__} has a {name} of its own"
    return None


def check_weights(module: nn.Module) -> None:
    """Raises TileError for a lazy module that has not seen any input."""
    if isinstance(module, LazyModuleMixin) and module.has_uninitialized_params():  # type: ignore[misc]
        raise TileError(
            f"{type(module).__name__} has no weights yet",
            remedy="run the model once on a batch, then convert it",
        )


def kind_of(module: nn.Module) -> dict[str, Any]:
    """Device and dtype of a module's parameters. Raises TileError as `check_weights` does."""
    check_weights(module)
    example = next(module.parameters())
    return {"device": example.device, "dtype": example.dtype}


def take_over(layer: nn.Module, module: nn.Module, kind: type[nn.Module]) -> None:
    """Give `layer` all that `module` has: parameters are shared, parametrisations and hooks too.

    Pruning and weight normalisation by hooks keep working, since these write the layer's weight.
    Raises TileError for a module that computes something else than `kind` does, and for one that
    has no weights yet.
    """
    reason = why_not(module, kind)
    if reason is not None:
        raise TileError(
            f"{reason}: on tiles it would compute something else",
            remedy="leave it digital with exclude, or replace it by layers that are only products",
        )
    check_weights(module)
    parametrised = dict(getattr(module, "parametrizations", {}))
    for key, value in module.__dict__.items():
        if key in ("_parameters", "_buffers"):
            layer.__dict__[key].update(value)
        elif key == "_modules":
            others = {k: v for k, v in value.items() if k != "parametrizations"}
            layer.__dict__[key].update(others)
        elif key == "_non_persistent_buffers_set":
            layer.__dict__[key] |= value
        elif "hook" in key:
            layer.__dict__[key] = value
        else:
            layer.__dict__.setdefault(key, value)
    for name, those in parametrised.items():
        _parametrise(layer, name, those)
    layer.training = module.training


def _parametrise(layer: nn.Module, name: str, given: Any) -> None:
    """The same parametrisations on the layer, of the very parameters that they have."""
    with torch.no_grad():
        value = given()
    layer.register_parameter(name, nn.Parameter(value.detach().clone()))
    for own in given:
        parametrize.register_parametrization(layer, name, own, unsafe=True)
    mine: Any = layer.parametrizations[name]  # type: ignore[index]
    mine._parameters.update(given._parameters)
    mine._buffers.update(given._buffers)
