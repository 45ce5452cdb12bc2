"""Capacitances between the nodes that a reduced network has left."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from codesign.layout.extract.law import Floats
from codesign.layout.extract.rectangles import Index
from codesign.layout.extract.shapes import NetCapacitances


def gathered(
    pair: Index, pair_F: Floats, weights: csr_array, net: Index, threshold_F: float
) -> NetCapacitances:
    """Couplings of nodes (pairs (m, 2) of different nets, with capacitances) moved to the nodes
    that are left, by `weights` (n, n); net: (n,) of each node.

    Both ends of a coupling are spread, which is weights^T C weights. Of what comes out, couplings
    below the threshold go to the strongest one between the same two nets: spread over many nodes,
    a coupling of two nets would otherwise fall below it piece by piece.
    """
    # The node on the lower net in front: then each coupling that comes out is there once.
    turn = net[pair[:, 0]] > net[pair[:, 1]]
    front, back = (np.where(turn, pair[:, 1 - k], pair[:, k]) for k in (0, 1))
    count = len(net)
    couplings = coo_array((pair_F, (front, back)), (count, count)).tocsr()
    moved = ((weights.T @ couplings).tocsr() @ weights).tocoo()
    apart = moved.row != moved.col
    a, b = moved.row[apart].astype(np.int64), moved.col[apart].astype(np.int64)
    value_F = moved.data[apart]
    _, of_nets = np.unique(net[a] * (int(net.max()) + 1) + net[b], return_inverse=True)
    of_nets = of_nets.reshape(-1)
    # The last of each pair of nets, in ascending order of capacitance, is the strongest.
    order = np.lexsort((value_F, of_nets))
    last = np.ones(len(order), bool)
    last[:-1] = of_nets[order][1:] != of_nets[order][:-1]
    strongest = order[last]
    keep = value_F >= threshold_F
    keep[strongest] = True
    lost_F = np.bincount(of_nets[~keep], value_F[~keep], minlength=len(strongest))
    value_F[strongest] += lost_F
    chosen = np.stack((a[keep], b[keep]), axis=1)
    return NetCapacitances(np.zeros(count), chosen, value_F[keep])
