"""Weights that a user brings: read, checked against the network, brought within reach."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError

from codesign.errors import DataError
from codesign.files import write_atomic
from codesign.mapping.knobs import scales_A

if TYPE_CHECKING:
    from codesign.characterize.model import FittedModel

_DAMAGE = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, NotImplementedError, MemoryError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error, SafetensorError),
)
_WEIGHT = re.compile(r"weights?\Z", re.IGNORECASE)
# Fifteen layers of 1024 by 1024 are 0.13 GB.
_MAX_BYTES = 1_000_000_000
_REMEDY = (
    "give a .safetensors or .npz file with one array (neurons, inputs) per layer, in order: "
    "layers.0.weight, layers.1.weight, ..., the bias spike among the inputs"
)


@dataclass(frozen=True)
class Reach:
    """What had to be changed in a layer's weights; counts of synapses.

    clipped: larger than the circuit's largest current, set to it; below: smaller than its smallest,
    switched off; wrong_sign: of a sign that the synapse cannot carry, switched off. w_max: largest
    positive and negative weight that it carries; w_min: smallest.
    """

    layer: int
    synapses: int
    clipped: int
    below: int
    wrong_sign: int
    w_min: float
    w_max_positive: float
    w_max_negative: float


def read_weights(path: Path, layers: Sequence[int]) -> list[np.ndarray]:
    """Weights (neurons, inputs) of every layer from a .safetensors or .npz file.

    Raises DataError, naming the file, when it cannot be read, or its arrays are not those of a
    network with these layer sizes, or not finite.
    """
    arrays = _arrays(path)
    wanted = [(post, pre) for pre, post in pairwise(layers)]
    # Files of other tools hold more: offsets, counters. All arrays, or those called weight, or the
    # matrices must be one per layer.
    candidates = (
        arrays,
        {name: array for name, array in arrays.items() if _WEIGHT.search(name)},
        {name: array for name, array in arrays.items() if array.ndim == 2},
    )
    chosen = next((c for c in candidates if len(c) == len(wanted)), None)
    if chosen is None:
        raise DataError(
            f"{path} has {len(arrays)} arrays ({', '.join(list(arrays)[:6])}), the network "
            f"{len(wanted)} layers of weights",
            remedy=_REMEDY,
        )
    ordered = [chosen[name] for name in sorted(chosen, key=_natural)]
    for number, (array, shape) in enumerate(zip(ordered, wanted, strict=True), start=1):
        if array.shape != shape:
            turned = " (it is the other way round)" if array.shape == shape[::-1] else ""
            raise DataError(
                f"{path}: layer {number} has weights {array.shape}, the network needs {shape}, "
                f"(neurons, inputs){turned}",
                remedy=_REMEDY,
            )
        if not np.issubdtype(array.dtype, np.floating) and not np.issubdtype(
            array.dtype, np.integer
        ):
            raise DataError(f"{path}: layer {number} holds no numbers", remedy=_REMEDY)
        if not np.isfinite(array).all():
            place = tuple(int(i) + 1 for i in np.argwhere(~np.isfinite(array))[0])
            raise DataError(
                f"{path}: layer {number}, neuron {place[0]}, input {place[1]} is no finite number",
                remedy="correct the weights",
            )
    return [np.asarray(array, dtype=float) for array in ordered]


def within_reach(
    weights: Sequence[np.ndarray], model: FittedModel
) -> tuple[list[np.ndarray], list[Reach]]:
    """Weights that the circuit can carry, nearest to the given ones, and what was changed."""
    changed, reports = [], []
    least = {p: min(curve.i0_A) for p, curve in model.currents.items()}
    most = {p: max(curve.i0_A) for p, curve in model.currents.items()}
    for layer, weight in enumerate(weights, start=1):
        scale = scales_A(model, layer, "extended", len(weight)) * np.ones_like(weight)
        # A hair inside, so that rounding does not leave the table.
        top = {
            sign: most.get(p, 0.0) / scale * (1 - 1e-9) for p, sign in (("n", 1), ("p", -1))
        }
        low = {sign: least.get(p, np.inf) / scale for p, sign in (("n", 1), ("p", -1))}
        positive, negative = weight > 0, weight < 0
        wrong = (positive & ("n" not in model.currents)) | (negative & ("p" not in model.currents))
        limit = np.where(positive, top[1], top[-1])
        small = np.where(positive, low[1], low[-1])
        clipped = (np.abs(weight) > limit) & ~wrong
        below = (weight != 0) & (np.abs(weight) < small) & ~wrong
        new = np.where(clipped, np.sign(weight) * limit, weight)
        new[wrong | below] = 0.0
        changed.append(new)
        smallest = min(float(np.min(low[s])) for s in (1, -1))
        reports.append(
            Reach(
                layer, weight.size, int(clipped.sum()), int(below.sum()), int(wrong.sum()),
                smallest, float(np.min(top[1])), float(np.min(top[-1])),
            )
        )  # fmt: skip
    return changed, reports


def write_reach(run_dir: Path, reach: Sequence[Reach]) -> list[dict[str, Any]]:
    """Write mapping/reach.json of a run directory; returns what stands in it, layer by layer."""
    layers = [asdict(layer) for layer in reach]
    path = run_dir / "mapping" / "reach.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps({"layers": layers}, indent=1))
    return layers


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


def _natural(name: str) -> list[int | str]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
