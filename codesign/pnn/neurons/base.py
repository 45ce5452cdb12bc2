"""What a model neuron is, and the register that finds one by its name."""

from __future__ import annotations

import dataclasses
import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters
from codesign.pnn.patches import on_patches
from codesign.pnn.solution import Solution
from codesign.pnn.window import Window


class LayerOutput(NamedTuple):
    """One layer's answer, each (batch, n_out).

    v: membrane at the end of accumulation (TTFS: at t_max, 1 where it fired). t: spike time in
    the next phase; RC-Spike: clipped to [0, 1], 1 for silent. t_unclipped: for losses; beyond the
    neuron's `t_silent` for silent neurons. trace: membrane on the way (points, batch, n_out)
    where asked for.
    """

    v: Tensor
    t: Tensor
    t_unclipped: Tensor
    trace: Tensor | None = None


class Neuron(ABC):
    """A model neuron: how a layer of them answers input spikes. A frozen dataclass per kind.

    The fields are its parameters: numbers or text, as design files and saved networks hold them.
    has_trace: `forward` can give the membrane on the way. jitters_silent: a silent neuron's time
    is one that noise may move into the window (see `Architecture.forward`).
    """

    name: ClassVar[str]
    has_trace: ClassVar[bool] = False
    jitters_silent: ClassVar[bool] = False

    @property
    @abstractmethod
    def t_silent(self) -> float:
        """The end of the window: a neuron whose unclipped time is there or later did not fire."""

    @property
    def t_absent(self) -> float:
        """Time of an input that does not exist, such as a pixel beside the image."""
        return 2.0 * self.t_silent

    @abstractmethod
    def forward(
        self,
        t_in: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        trace: bool = False,
    ) -> LayerOutput:
        """Answer of one layer to spikes t_in (batch, n_in), weight (n_out, n_in).

        solution: of this layer, with one number of steps. trace: only where `has_trace`.
        """

    def convolve(
        self,
        t_in: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        window: Window,
    ) -> LayerOutput:
        """Answers (batch, channels, h, w) to images (batch, channels_in, h, w), without a trace.

        weight (channels, channels_in / groups * kernel^2). What `forward` says of every patch, a
        few samples at a time; a neuron that can take its input's shares on the image does better.
        """

        def layer(t: Tensor, w: Tensor, own: PNNParameters) -> tuple[Tensor, ...]:
            out = self.forward(t, w, own, solution)
            return out.v, out.t, out.t_unclipped

        return LayerOutput(*on_patches(layer, t_in, weight, params, window, self.t_absent))

    @abstractmethod
    def initial_weight(
        self,
        n_in: int,
        n_out: int,
        params: PNNParameters,
        *,
        layers: int,
        t_ref: float,
        dtype: torch.dtype,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Fresh weights (n_out, n_in), from the generator alone, with which neurons fire.

        layers: how many the network has. t_ref: wanted time of the outputs.
        """

    def parameters(self) -> dict[str, Any]:
        """Parameters by name, ready for JSON; `neuron_named` is the inverse."""
        return {x.name: getattr(self, x.name) for x in dataclasses.fields(self)}  # type: ignore[arg-type]


AnyNeuron = TypeVar("AnyNeuron", bound=Neuron)
_KNOWN: dict[str, type[Neuron]] = {}


def register_neuron(kind: type[AnyNeuron]) -> type[AnyNeuron]:
    """Class decorator: designs and saved networks know the neuron by its `name` from here on.

    Raises TypeError when the class is no frozen dataclass, ValueError when the name is taken.
    """
    if not dataclasses.is_dataclass(kind) or not kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise TypeError(f"{kind.__name__} must be a frozen dataclass, above register_neuron")
    known = _KNOWN.get(kind.name)
    if known is not None and known.__qualname__ != kind.__qualname__:
        raise ValueError(f"neuron {kind.name!r} is {known.__qualname__} already")
    _KNOWN[kind.name] = kind
    return kind


def neuron_names() -> tuple[str, ...]:
    """Names of all registered neurons."""
    return tuple(sorted(_KNOWN))


def neuron_kind(name: str) -> type[Neuron]:
    """The class registered under a name. Raises ValueError when there is none."""
    if name not in _KNOWN:
        near = difflib.get_close_matches(name, _KNOWN, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"unknown neuron {name!r}; {hint}known: {', '.join(neuron_names())}")
    return _KNOWN[name]


def parameter_names(name: str) -> tuple[str, ...]:
    """Parameters of a registered neuron. Raises ValueError when there is none of this name."""
    return tuple(field.name for field in dataclasses.fields(neuron_kind(name)))  # type: ignore[arg-type]


def as_neuron(neuron: Neuron | str, **usual: Any) -> Neuron:
    """An object as it is; of a name the neuron, with those of `usual` that it has and are given."""
    if not isinstance(neuron, str):
        return neuron
    own = parameter_names(neuron)
    given = {key: value for key, value in usual.items() if key in own and value is not None}
    return neuron_named(neuron, given)


def neuron_named(name: str, parameters: Mapping[str, Any] | None = None) -> Neuron:
    """The neuron of a name, with parameters. Raises ValueError on what is not known or allowed."""
    kind = neuron_kind(name)
    fields = parameter_names(name)
    for key in parameters or {}:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(fields) or 'none'}"
            raise ValueError(f"neuron {name} has no parameter {key!r}; {hint}")
    try:
        return kind(**(parameters or {}))
    except TypeError as error:
        raise ValueError(f"neuron {name}: {error}") from error
