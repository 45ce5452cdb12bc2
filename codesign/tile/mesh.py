"""Finite elements along a line: nodes at rows, hat functions in the wire's own resistance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from codesign.tile.constants import kept
from codesign.tile.opposite import opposite_source

# Stands for a wire without resistance: drops are then below any rounding.
_LEAST_R_OHM = 1e-12


@dataclass(frozen=True, eq=False)
class Mesh:
    """S linear elements over N rows; node S is the integrator, which holds 0 V.

    edges (S + 1,): first row of each element, and N. element (N,), share (N,): the element of each
    row, and how far along it the row is, 0 at its far node. conductance_S (S,): of the elements'
    wires. far_share, r_end_ohm: of a source line driven from the far end (`opposite`), or 0; the
    integrator's resistance is then in r_end_ohm and not in the last element.
    """

    edges: Tensor
    element: Tensor
    share: Tensor
    conductance_S: Tensor
    far_share: float = 0.0
    r_end_ohm: float = 0.0

    @property
    def elements(self) -> int:
        return len(self.conductance_S)


@kept(256)
def line_mesh(
    rows: int,
    elements: int,
    r_cell_ohm: float,
    r_integrator_ohm: float,
    r_opposite_ohm: float = 0.0,
) -> Mesh:
    """`elements` elements of equal length in rows (at most one per row).

    The unit grid of the ladder contains the elements' hats, so this is Galerkin within the exact
    discrete ladder: one element per row is exact. r_opposite_ohm: the part of r_cell_ohm that is a
    source line's, driven from the far end.
    """
    count = min(elements, rows)
    r = max(r_cell_ohm, _LEAST_R_OHM)
    edges = torch.linspace(0, rows, count + 1, dtype=torch.float64).round().long()
    at_ohm = r * torch.arange(rows + 1, dtype=torch.float64)
    far_share, r_end = 0.0, 0.0
    if r_opposite_ohm > 0:
        ends = opposite_source(rows, r_cell_ohm - r_opposite_ohm, r_opposite_ohm, r_integrator_ohm)
        far_share, r_end = ends.far_share, ends.r_end_ohm
    else:
        at_ohm[-1] += r_integrator_ohm
    lengths = at_ohm[edges].diff()
    element = torch.repeat_interleave(torch.arange(count), edges.diff())
    share = (at_ohm[:-1] - at_ohm[edges[element]]) / lengths[element]
    return Mesh(edges, element, share, 1.0 / lengths, far_share, r_end)
