"""In which precision products of shares and weights are made on a GPU."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor

Products = Literal["float32", "tf32", "bfloat16"]
"""float32: as the tensors are; tf32: 10 bits of mantissa, bfloat16: 7, both summed in float32.

For tensors of float64 it is float64. benchmarks/gpu.py gives the error that each costs.
"""


Solver = TypeVar("Solver", bound=Callable[..., Any])


def without_autocast(solver: Solver) -> Solver:
    """The function of spike times, its first argument, as it is outside of autocast.

    Spike times in 16 bits would be 256 or 1024 times in a phase; `products` chooses shorter
    factors where they do less harm.
    """

    @functools.wraps(solver)
    def solve(t_in: Tensor, *args: Any, **options: Any) -> Any:
        kind = t_in.device.type
        if not torch.is_autocast_enabled(kind):
            return solver(t_in, *args, **options)
        with torch.autocast(kind, enabled=False):
            return solver(t_in, *args, **options)

    return cast(Solver, solve)


@contextmanager
def product_precision(products: Products, like: Tensor) -> Iterator[None]:
    """Products inside in this precision, where the device has a choice."""
    if not like.is_cuda or like.dtype == torch.float64:
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = products == "tf32"
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


@contextmanager
def on_gpu(products: Products, like: Tensor) -> Iterator[None]:
    """Kernels and products inside run on the device of a tensor, in this precision."""
    with torch.cuda.device_of(like), product_precision(products, like):
        yield


def product_dtype(products: Products, like: Tensor) -> torch.dtype:
    """What shares and weights are stored in for a product."""
    half = products == "bfloat16" and like.dtype == torch.float32
    return torch.bfloat16 if half else like.dtype
