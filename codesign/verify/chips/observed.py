"""What is seen of a chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A neuron that fires before, in phases, was driven to its threshold, or nearly so.
_EARLIEST = 0.05


@dataclass(frozen=True)
class Observed:
    """Spike times in phases: inputs (pattern, input) and every layer's (pattern, neuron); inf where
    no spike came, nan where nobody looked."""

    inputs: np.ndarray
    layers: tuple[np.ndarray, ...]

    @property
    def all_seen(self) -> bool:
        """Whether every layer was looked at."""
        return all(np.isfinite(t).any() for t in self.layers)


def tells(times: np.ndarray) -> np.ndarray:
    """Which spikes tell something of their neurons: those not so early that no smooth law holds."""
    return np.asarray(np.isfinite(times) & (times >= _EARLIEST))
