"""How the kernels see their data: weights in blocks of output neurons, spikes in bins or sorted."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

BLOCK = 256
"""Most output neurons that a kernel works on at once: room in its scratch arrays."""

# For indices inside kernels: unsigned, so that no check for indices from the end comes between
# a loop and its vectorisation.
LANES = np.uint64(BLOCK)
_VECTOR = 16

Array = NDArray[Any]


class Blocks(NamedTuple):
    """How n_out neurons are shared among `number` blocks of `lanes` each, the last one padded."""

    number: int
    lanes: int

    @classmethod
    def of(cls, n_out: int, most: int) -> Blocks:
        """Blocks of at most `most` lanes: what stays in the cache with their weights."""
        count = -(-n_out // most)
        return cls(count, -(-n_out // (count * _VECTOR)) * _VECTOR)

    def split(self, matrix: Array) -> Array:
        """(n_out, n_in) to flat (number, n_in, lanes), padded with zeros."""
        n_in = matrix.shape[1]
        out = np.zeros((self.number, n_in, self.lanes), matrix.dtype)
        for k, block in enumerate(out):
            part = matrix[k * self.lanes : (k + 1) * self.lanes]
            block[:, : len(part)] = part.T
        return out.reshape(-1)

    def join(self, flat: Array, n_out: int, n_in: int) -> Array:
        """Inverse of `split`."""
        out = np.empty((n_out, n_in), flat.dtype)
        for k, block in enumerate(flat.reshape(-1, n_in, self.lanes)):
            part = out[k * self.lanes : (k + 1) * self.lanes]
            part[:] = block[:, : len(part)].T
        return out

    def pad(self, matrix: Array) -> Array:
        """(batch, n_out) with zeros up to a column for every lane."""
        out = np.zeros((matrix.shape[0], self.number * self.lanes), matrix.dtype)
        out[:, : matrix.shape[1]] = matrix
        return out


@njit(nogil=True, cache=True)
def bin_spikes(
    times: Array, edges: Array, order: Array, share: Array, moment: Array, starts: Array
) -> None:
    """Spikes of each sample by interval of the grid: counting sort, stable.

    times (batch, n_in); edges (intervals + 1); order, share, moment (batch, n_in): inputs in the
    order of their interval, the share of the interval after the spike and x (1 - x)/2; starts
    (batch, intervals + 1): where each interval's spikes begin. Spikes before 0 count as at 0;
    spikes at the last edge or later are left out.
    """
    batch, n_in = times.shape
    intervals = len(edges) - 1
    where = np.empty(n_in, np.int32)
    place = np.empty(intervals + 1, np.int32)
    zero = times.dtype.type(0)
    one = times.dtype.type(1)
    half = times.dtype.type(0.5)
    for b in range(batch):
        place[:] = 0
        for j in range(n_in):
            t = max(times[b, j], zero)
            where[j] = -1
            if t < edges[intervals]:
                low, high = 0, intervals
                while high - low > 1:
                    middle = (low + high) // 2
                    if t < edges[middle]:
                        high = middle
                    else:
                        low = middle
                where[j] = low
                place[low + 1] += 1
        starts[b, 0] = 0
        for m in range(intervals):
            place[m + 1] += place[m]
            starts[b, m + 1] = place[m + 1]
        for j in range(n_in):
            m = where[j]
            if m >= 0:
                t = max(times[b, j], zero)
                x = (edges[m + 1] - t) / (edges[m + 1] - edges[m])
                at = place[m]
                order[b, at] = j
                share[b, at] = x
                moment[b, at] = half * x * (one - x)
                place[m] = at + 1
