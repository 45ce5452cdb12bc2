"""Features as spike times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True)
class Coder:
    """Features scaled to [0, 1], then to times in `window`; a bias spike last unless None.

    limits: of all features, or None for low and high (features,), of each; there what lies beyond
    is clipped. inverted: large features spike early.
    """

    limits: tuple[float, float] | None
    low: NDArray[np.float64] | None
    high: NDArray[np.float64] | None
    inverted: bool
    window: tuple[float, float]
    bias_time: float | None
    dtype: torch.dtype

    def times(self, features: NDArray[Any]) -> Tensor:
        """Spike times (samples, inputs) of features (samples, features)."""
        first, length = self.window[0], self.window[1] - self.window[0]
        scaled = self._scaled(features)
        if self.inverted:
            scaled = 1.0 - scaled
        times = (first + length * scaled).to(self.dtype)
        return times if self.bias_time is None else pad(times, (0, 1), value=self.bias_time)

    def _scaled(self, features: NDArray[Any]) -> Tensor:
        if self.limits is not None:
            # In the precision of training: images are many bytes, and would be eight times as many.
            low, high = self.limits
            return ((torch.from_numpy(features).to(self.dtype) - low) / (high - low)).clamp(0, 1)
        assert self.low is not None and self.high is not None
        # Halved where the difference could overflow; elsewhere to the bit as it is.
        huge = np.maximum(abs(self.low), abs(self.high)) > 1e300
        unit = np.where(huge, 0.5, 1.0)
        least, most = self.low * unit, self.high * unit
        span = np.where(most > least, most - least, 1.0)
        # What lies far beyond the span is clipped.
        with np.errstate(over="ignore"):
            scaled = ((np.asarray(features, float) * unit - least) / span).clip(0.0, 1.0)
        return torch.from_numpy(scaled)
