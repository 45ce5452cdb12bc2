"""Tensors that are made once and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


def kept(most: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function whose last `most` results are kept, whatever mode its first caller was in.

    A tensor made in inference mode could never have a gradient saved for it, and one made under a
    default device would live there.
    """

    def decorate(make: Callable[P, R]) -> Callable[P, R]:
        @lru_cache(maxsize=most)
        @wraps(make)
        def made(*args: P.args, **kwargs: P.kwargs) -> R:
            with torch.inference_mode(False), torch.device("cpu"):
                return make(*args, **kwargs)

        return made  # type: ignore[return-value]

    return decorate
