"""Where samples come from: the register of data sets, and what a reader of one gives.

A data set of one's own is a function with `register_dataset` above it, in any file:

    @register_dataset("moons", shape=(2, 2))
    def moons(training, folder):
        ...
        return RawData(Samples(features, labels), ("x", "y"), ("upper", "lower"))

A file of samples beside the design needs none: see `codesign.training.data_file`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codesign.records import NAME_PATTERN

FILE_SUFFIXES = (".csv", ".parquet", ".npz")


@dataclass(frozen=True)
class Samples:
    """Arrays of features (samples, features), any numbers, and labels (samples,), 0..classes-1."""

    features: Any
    labels: Any


@dataclass(frozen=True)
class RawData:
    """Samples as they are before coding.

    test: None to hold out some of `train`, stratified, by seed. limits: smallest and largest value
    that a feature can have, to scale by; None for those of the training samples, feature by
    feature.
    """

    train: Samples
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    test: Samples | None = None
    limits: tuple[float, float] | None = None


# Of the TrainingParameters, which are checked against this register, and the design file's folder.
Reader = Callable[[Any, Path], RawData]


@dataclass(frozen=True)
class Source:
    """A registered data set: (features, classes), how it is read, (channels, h, w) of images."""

    name: str
    shape: tuple[int, int]
    read: Reader
    image: tuple[int, int, int] | None = None


_KNOWN: dict[str, Source] = {}


def register_dataset(
    name: str, shape: tuple[int, int], image: tuple[int, int, int] | None = None
) -> Callable[[Reader], Reader]:
    """Decorator: designs know what the function reads as `dataset = "name"` from here on.

    shape: features and classes, known before reading. image: channels, height and width, where
    the features are pixels. Raises ValueError when the name is taken or is none.
    """
    if re.fullmatch(NAME_PATTERN, name) is None:
        raise ValueError(f"{name!r} is no name: a letter, then letters, digits, underscores")

    def register(read: Reader) -> Reader:
        known = _KNOWN.get(name)
        if known is not None and _home(known.read) != _home(read):
            raise ValueError(f"data set {name!r} is {'.'.join(_home(known.read))} already")
        _KNOWN[name] = Source(name, shape, read, image)
        return read

    return register


def _home(read: Reader) -> tuple[str, str]:
    return getattr(read, "__module__", ""), getattr(read, "__qualname__", "")


def dataset_names() -> tuple[str, ...]:
    """Names of all registered data sets."""
    return tuple(_KNOWN)


def is_file(dataset: str) -> bool:
    """Whether a data set is a file of the user's own."""
    return Path(dataset).suffix.lower() in FILE_SUFFIXES


def check_dataset(dataset: str) -> str:
    """The name itself. Raises ValueError when it is neither registered nor a file."""
    if dataset in _KNOWN or is_file(dataset):
        return dataset
    near = difflib.get_close_matches(dataset, _KNOWN, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ValueError(
        f"unknown data set {dataset!r}; {hint}allowed: {', '.join(_KNOWN)}, or a file beside the "
        f"design ({', '.join(FILE_SUFFIXES)})"
    )


def image_shape(dataset: str) -> tuple[int, int, int] | None:
    """Channels, height and width of an image set, None for another."""
    return _KNOWN[dataset].image if dataset in _KNOWN else None


def known_source(dataset: str) -> Source:
    """What was registered under a name. Raises ValueError for a file and an unknown name."""
    return _KNOWN[check_dataset(dataset)]
