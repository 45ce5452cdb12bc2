"""Adds up capacitances by net and by pair of nets."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from codesign.layout.extract.law import Floats
from codesign.layout.extract.rectangles import Index
from codesign.layout.extract.shapes import NetCapacitances

_BUFFER = 2_000_000


class Tally:
    """Running sums; couplings are buffered and summed as a sparse matrix."""

    def __init__(self, n_nets: int) -> None:
        self.n_nets = n_nets
        self._ground = np.zeros(n_nets)
        self._sum = csr_array((n_nets, n_nets))
        self._buffer: list[tuple[Index, Index, Floats]] = []
        self._buffered = 0

    def ground(self, net: Index, value_F: Floats) -> None:
        """Add capacitances to the substrate."""
        self._ground += np.bincount(net, value_F, minlength=self.n_nets)

    def couple(self, a: Index, b: Index, value_F: Floats) -> None:
        """Add couplings between the nets a and b; those within a net drop out."""
        keep = np.flatnonzero((a != b) & (value_F != 0.0))
        a, b, value_F = a[keep], b[keep], value_F[keep]
        self._buffer.append((np.minimum(a, b), np.maximum(a, b), value_F))
        self._buffered += len(value_F)
        if self._buffered > _BUFFER:
            self._flush()

    def _flush(self) -> None:
        if self._buffer:
            low, high, value = (np.concatenate(part) for part in zip(*self._buffer, strict=True))
            shape = (self.n_nets, self.n_nets)
            self._sum = self._sum + coo_array((value, (low, high)), shape).tocsr()
        self._buffer, self._buffered = [], 0

    def result(self) -> NetCapacitances:
        """The sums: pairs in order of their indices."""
        self._flush()
        total = self._sum.tocoo()
        pair = np.stack((total.row, total.col), axis=1).astype(np.int64)
        order = np.lexsort((pair[:, 1], pair[:, 0]))
        # Rounding of shares that cancel leaves residues around 1e-33 F.
        ground = np.where(np.abs(self._ground) < 1e-26, 0.0, self._ground)
        return NetCapacitances(ground, pair[order], total.data[order])
