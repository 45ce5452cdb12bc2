"""A file of weights that a user brings: its arrays, checked and in the order of the layers."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from codesign.errors import DataError

# What the readers of zip, npy and safetensors raise of a damaged file; all become a DataError.
_DAMAGE = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, NotImplementedError, MemoryError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error, SafetensorError),
)
_WEIGHT = re.compile(r"weights?\Z", re.IGNORECASE)
# bias, biases, intercepts_, or b as the last word: b1, fc1.b.
_BIAS = re.compile(r"bias|intercept|(?:\A|[^a-z])b_?[0-9]*\Z", re.IGNORECASE)
# Fifteen layers of 1024 by 1024 are 0.13 GB.
_MAX_BYTES = 1_000_000_000
_REMEDY = (
    "give a .safetensors or .npz file with one array (neurons, inputs) per layer, in order: "
    "layers.0.weight, layers.1.weight, ..., the bias spike among the inputs"
)


@dataclass(frozen=True)
class GivenWeights:
    """Weights (neurons, inputs) of every layer, the names of their arrays, and of those that the
    file has besides."""

    weights: list[np.ndarray]
    names: tuple[str, ...]
    unused: tuple[str, ...]


def read_weights(path: Path, layers: Sequence[int]) -> list[np.ndarray]:
    """The weights alone; see `read_given`."""
    return read_given(path, layers).weights


def read_given(path: Path, layers: Sequence[int]) -> GivenWeights:
    """Weights (neurons, inputs) of every layer from a .safetensors or .npz file.

    Layers are in the order of the numbers in their names, or the only one that their shapes allow.
    Raises DataError, naming the file, when it cannot be read, its arrays are not those of a network
    with these layer sizes, in no certain order or not finite, or when it has biases besides.
    """
    arrays = _arrays(path)
    wanted = [(post, pre) for pre, post in pairwise(layers)]
    chosen = _chosen(arrays, len(wanted), path)
    names = _ordered(chosen, wanted, path)
    for number, (name, shape) in enumerate(zip(names, wanted, strict=True), start=1):
        _check(arrays[name], shape, f"{path}: layer {number}")
    unused = tuple(name for name in arrays if name not in chosen)
    for name in unused:
        if _BIAS.search(name) and np.count_nonzero(arrays[name]):
            raise DataError(
                f"{path}: {name} holds biases that are not zero; the circuit has none but the "
                "weights of the bias spike",
                remedy="train without biases; those of the first layer can be appended to its "
                "weights as the column of the bias spike, and the array dropped",
            )
    return GivenWeights([np.asarray(arrays[name], dtype=float) for name in names], names, unused)


def _chosen(arrays: Mapping[str, np.ndarray], count: int, path: Path) -> dict[str, np.ndarray]:
    """The arrays that are weights, one per layer."""
    # Files of other tools hold more: offsets, counters. All arrays, or those called weight, or the
    # matrices, or those not called biases must be one per layer.
    candidates = (
        dict(arrays),
        {name: array for name, array in arrays.items() if _WEIGHT.search(name)},
        {name: array for name, array in arrays.items() if array.ndim == 2},
        {name: array for name, array in arrays.items() if not _BIAS.search(name)},
    )
    chosen = next((c for c in candidates if len(c) == count), None)
    if chosen is None:
        raise DataError(
            f"{path} has {len(arrays)} arrays ({', '.join(list(arrays)[:6])}), the network "
            f"{count} layers of weights",
            remedy=_REMEDY,
        )
    return chosen


def _ordered(
    chosen: Mapping[str, np.ndarray], wanted: Sequence[tuple[int, int]], path: Path
) -> tuple[str, ...]:
    """Names in the order of the layers."""
    if _numbered(chosen):
        return tuple(sorted(chosen, key=_natural))
    shown = ", ".join(f"{name} {array.shape}" for name, array in chosen.items())
    if sorted(array.shape for array in chosen.values()) != sorted(wanted):
        turned = sorted(array.shape[::-1] for array in chosen.values()) == sorted(wanted)
        raise DataError(
            f"{path} has the weights {shown}; the network needs {', '.join(map(str, wanted))}, "
            f"(neurons, inputs){' (they are the other way round)' * turned}",
            remedy=_REMEDY,
        )
    alike = {
        shape: sorted((n for n, a in chosen.items() if a.shape == shape), key=_natural)
        for shape in wanted
    }
    if not all(_numbered(names) for names in alike.values()):
        raise DataError(
            f"{path}: neither names nor shapes tell which layer is which: {shown}",
            remedy="number the arrays in the order of the layers: layers.0.weight, "
            "layers.1.weight, ...",
        )
    return tuple(alike[shape].pop(0) for shape in wanted)


def _check(array: np.ndarray, shape: tuple[int, int], where: str) -> None:
    if array.shape != shape:
        turned = " (it is the other way round)" if array.shape == shape[::-1] else ""
        raise DataError(
            f"{where} has weights {array.shape}, the network needs {shape}, "
            f"(neurons, inputs){turned}",
            remedy=_REMEDY,
        )
    if array.dtype.kind not in "iuf":
        raise DataError(f"{where} holds no numbers", remedy=_REMEDY)
    if not np.isfinite(array).all():
        neuron, source = (int(i) + 1 for i in np.argwhere(~np.isfinite(array))[0])
        raise DataError(
            f"{where}, neuron {neuron}, input {source} is no finite number",
            remedy="correct the weights",
        )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    readers = {".npz": _npz, ".safetensors": _safetensors}
    reader = readers.get(path.suffix.lower())
    if not path.is_file():
        raise DataError(f"{path}: there is no such file of weights", remedy=_REMEDY)
    if reader is None:
        raise DataError(f"{path}: weights are in .safetensors or .npz files", remedy=_REMEDY)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it has more than {_MAX_BYTES / 1e9:g} GB")
        return reader(path)
    except _DAMAGE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read as weights: {reason}", remedy=_REMEDY) from error


def _npz(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        # A small file may hold many zeros.
        if sum(member.file_size for member in archive.infolist()) > _MAX_BYTES:
            raise ValueError(f"its arrays have more than {_MAX_BYTES / 1e9:g} GB")
    with np.load(path, allow_pickle=False) as loaded:
        arrays = {name: loaded[name] for name in loaded.files}
    if others := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise ValueError(f"{others[0]} is no array")
    return arrays


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    # Through torch, which knows bfloat16.
    from safetensors.torch import load_file

    tensors = load_file(path)
    return {
        name: (tensor.double() if tensor.is_floating_point() else tensor).numpy()
        for name, tensor in tensors.items()
    }


def _numbered(names: Iterable[str]) -> bool:
    """Whether numbers in the names tell the order of all: each pair differs first in one."""
    keys = sorted(map(_natural, names))
    return all(
        isinstance(next((b for a, b in zip(one, two, strict=False) if a != b), None), int)
        for one, two in pairwise(keys)
    )


def _natural(name: str) -> list[int | str]:
    """Text and numbers in turn."""
    return [int(part) if k % 2 else part for k, part in enumerate(re.split("([0-9]+)", name))]
