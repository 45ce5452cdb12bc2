"""Calls that torch.compile leaves as they are. Imported where it meets one: torch._dynamo is slow
to import and nobody else needs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


@torch.compiler.disable
def call(function: Callable[..., Any], *given: Any) -> Any:
    """function(*given) as Python runs it: kernels of numba are no graph."""
    return function(*given)
