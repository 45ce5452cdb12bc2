"""Precision of matrix products whose result is a small part of the output."""

from __future__ import annotations

import torch
from torch import Tensor


def product(a: Tensor, b: Tensor, coarse: bool) -> Tensor:
    """a @ b; where `coarse`, that of float32 in bfloat16, which keeps 8 bits of every entry."""
    if coarse and a.dtype == torch.float32:
        return (a.bfloat16() @ b.bfloat16()).to(a.dtype)
    return a @ b
