"""Which code solves a layer: torch, the compiled CPU kernels or the fused GPU kernels.

The only place that decides. All three give the same numbers up to rounding.
"""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from codesign.pnn.parameters import PNNParameters
from codesign.pnn.solution import Solution

Backend = Literal["auto", "torch", "compiled", "triton"]
Code = Literal["torch", "compiled", "triton"]

# Below this many synapse events a call costs less in torch than it costs to enter a kernel.
_LEAST_WORK = 200_000


_HAS = {name: importlib.util.find_spec(name) is not None for name in ("numba", "triton")}


def interpreted() -> bool:
    """Whether Triton kernels run in its interpreter, on the CPU: for tests."""
    return os.environ.get("TRITON_INTERPRET", "0") == "1"


def chosen(
    backend: Backend,
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    kicked_crossing: bool = False,
) -> Code:
    """Which code a call goes to, with spikes t_in and weight (n_out, n_in).

    kicked_crossing: first spikes by `dstd` where spikes move charge. Raises ValueError when asked
    for what a kernel cannot do, or for a backend that does not exist.
    """
    if backend not in get_args(Backend):
        names = ", ".join(get_args(Backend))
        raise ValueError(f"backend must be one of {names}, not {backend!r}")
    if backend == "torch":
        return "torch"
    against: dict[Code, str | None] = {
        "compiled": _against_compiled(t_in, weight, params, kicked_crossing),
        "triton": _against_triton(t_in, weight, params),
    }
    if backend != "auto":
        reason = against[backend]
        if reason is not None:
            raise ValueError(f"the {backend} kernels do not cover {reason}; use backend='auto'")
        return backend
    if weight.device.type != "cpu":
        return "torch" if against["triton"] else "triton"
    pays = t_in.numel() * weight.shape[0] >= _LEAST_WORK
    return "compiled" if pays and against["compiled"] is None else "torch"


def takes_patches(
    backend: Backend,
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    solution: Solution,
    kicked_crossing: bool = False,
) -> bool:
    """Whether a convolution goes patch by patch, instead of by convolving the spikes' shares.

    The exact solution has to; and on the CPU the compiled kernels need less time for the patches
    than convolutions for the intervals (benchmarks/conv_shares.py).
    """
    if solution.method == "exact" or backend == "compiled":
        return True
    if backend != "auto" or weight.device.type != "cpu":
        return False
    return _against_compiled(t_in, weight, params, kicked_crossing) is None


def goes_in_blocks(t_in: Tensor) -> bool:
    """Whether torch solves `exact` by blocks of spikes, not spike by spike.

    On a CPU spike by spike it stays what it was to the bit.
    """
    return t_in.device.type != "cpu"


class Use(NamedTuple):
    """What solves layers on a kind of device, and why."""

    device: str
    code: str
    reason: str


def used() -> list[Use]:
    """What will be used on this machine's devices, for `codesign doctor`."""
    uses = [
        Use("cpu", f"compiled kernels (numba {_version('numba')})", "numba is installed")
        if _HAS["numba"]
        else Use("cpu", "torch", "numba is missing: pip install numba")
    ]
    if torch.cuda.is_available():
        obstacle = _against_device("cuda")
        name = torch.cuda.get_device_name()
        code = "torch" if obstacle else f"fused kernels (triton {_version('triton')})"
        uses.append(Use("cuda", code, f"{name}: {obstacle}" if obstacle else name))
    elif torch.backends.mps.is_available():
        uses.append(Use("mps", "torch", "there are no fused kernels for MPS"))
    else:
        uses.append(Use("gpu", "none", "torch finds no GPU"))
    return uses


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"


def _against_compiled(
    t_in: Tensor, weight: Tensor, params: PNNParameters, kicked_crossing: bool
) -> str | None:
    """What keeps a call from the compiled CPU kernels, None if nothing does."""
    if params.has_curvature:
        return "curved synapses"
    if params.series:
        return "a series resistance"
    if t_in.device.type != "cpu" or weight.device.type != "cpu":
        return f"device {weight.device}"
    if weight.dtype not in (torch.float32, torch.float64):
        return f"dtype {weight.dtype}"
    if kicked_crossing and params.has_kick:
        # They need the intervals on both sides, which the kernels do not keep.
        return "kicks in first spikes by dstd"
    return None if _HAS["numba"] else "an installation without numba"


def _against_triton(t_in: Tensor, weight: Tensor, params: PNNParameters) -> str | None:
    """What keeps a call from the fused GPU kernels, None if nothing does."""
    if params.has_curvature:
        return "curved synapses"
    if params.series:
        return "a series resistance"
    if t_in.device != weight.device:
        return f"devices {t_in.device} and {weight.device} in one call"
    if weight.dtype not in (torch.float32, torch.float64):
        return f"dtype {weight.dtype}"
    return _against_device(weight.device.type)


def _against_device(kind: str) -> str | None:
    if not _HAS["triton"]:
        return "an installation without triton (pip install triton)"
    if kind == "cpu" and interpreted():
        return None
    if kind != "cuda":
        return f"device {kind}"
    if torch.version.hip is None and torch.cuda.get_device_capability() < (7, 0):
        return "GPUs before compute capability 7.0"
    return None
