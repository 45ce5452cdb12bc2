"""Shapes for the tests of capacitances: rectangles by layer, in nanometres."""

from __future__ import annotations

import numpy as np

from codesign.layout.extract.shapes import NetCapacitances, NetShapes

DBU_UM = 0.001
Rows = dict[str, list[tuple[int, int, int, int, int]]]


def net_shapes(rows: Rows, n_nets: int | None = None) -> NetShapes:
    """Shapes from rows (x0, y0, x1, y1, net) per layer."""
    tables = {layer: np.array(some, np.int64).reshape(-1, 5) for layer, some in rows.items()}
    if n_nets is None:
        n_nets = 1 + max(int(table[:, 4].max()) for table in tables.values() if len(table))
    return NetShapes(
        DBU_UM,
        {layer: table[:, :4] for layer, table in tables.items()},
        {layer: table[:, 4] for layer, table in tables.items()},
        n_nets,
    )


def matrix_aF(found: NetCapacitances) -> np.ndarray:
    """(nets + 1, nets + 1) couplings, the substrate last, in aF."""
    n = len(found.ground_F)
    matrix = np.zeros((n + 1, n + 1))
    matrix[:n, n] = matrix[n, :n] = found.ground_F
    matrix[found.pair[:, 0], found.pair[:, 1]] = found.pair_F
    matrix[found.pair[:, 1], found.pair[:, 0]] = found.pair_F
    return matrix * 1e18
