"""A source line that is driven from the end opposite to the integrator.

Row 0 is the far end of the bit line, whose segment j (between rows j and j + 1; the last one joins
row N - 1 to the integrator) carries A_j, the currents of rows 0 .. j. The source line has N
segments too: the first joins its driver to row 0, the next ones lie between the rows, so that the
segment before row j carries I - A_(j-1), with I the column's whole current. By Kirchhoff's laws the
sum u of both drops obeys, with r = r_line + r_source and rho = r_source / r,

    u_j - u_(j+1) = r A_j - r_source I,
    A u = b - I phi,    phi = rho at row 0, 1 - rho at the integrator's node,
    phi . u = r_end I,  r_end = r_integrator + r_source + N r_source (1 - rho),

where A and b are the conductance matrix and the sources of one ladder of N segments r, its
integrator's node included. It is as if I left that ladder at both of its ends at once, so that

    I = phi A^-1 b / (r_end + phi A^-1 phi),

and a cell's share of I is A^-1 phi over the same denominator. One elimination from row 0 gives all
of it; every term of the denominator is positive, and rho = 0 is the ladder of `exact`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class OppositeSource:
    """rho (0 .. 1), r_end in ohm, and the ladder's resistance per cell in ohm."""

    far_share: float
    r_end_ohm: float
    r_cell_ohm: float


def opposite_source(
    rows: int, r_line_ohm: float, r_source_ohm: float, r_integrator_ohm: float
) -> OppositeSource:
    """The ends of a column of `rows` cells; r_source_ohm > 0."""
    r = r_line_ohm + r_source_ohm
    r_end = r_integrator_ohm + r_source_ohm + rows * r_source_ohm * (r_line_ohm / r)
    return OppositeSource(r_source_ohm / r, r_end, r)


def norton_opposite(source_S: Tensor, load_S: Tensor, ends: OppositeSource) -> Tensor:
    """Current into the integrator, by read voltage: (..., cols) in S from (..., rows, cols)."""
    r, rows = ends.r_cell_ohm, source_S.shape[-2]
    current = torch.zeros_like(source_S[..., 0, :])
    admittance = torch.zeros_like(load_S[..., 0, :])
    phi = torch.full_like(admittance, ends.far_share)
    phi_b, phi_phi = torch.zeros_like(current), torch.zeros_like(admittance)
    for j in range(rows):
        current = current + source_S[..., j, :]
        admittance = admittance + load_S[..., j, :]
        factor = 1.0 / (1.0 + r * admittance)
        phi_b = phi_b + r * factor * phi * current
        phi_phi = phi_phi + r * factor * phi * phi
        current, admittance, phi = current * factor, admittance * factor, phi * factor
    phi = phi + (1 - ends.far_share)
    # Both sides times the admittance, which is zero where no cell is on.
    return (admittance * phi_b + phi * current) / (
        admittance * (ends.r_end_ohm + phi_phi) + phi * phi
    )


def transfer_opposite(c: Tensor, ends: OppositeSource) -> Tensor:
    """Share (rows, cols) of a current injected at each row that reaches the integrator.

    With the whole load c (rows, cols) in S connected.
    """
    r, rows = ends.r_cell_ohm, c.shape[0]
    admittance = torch.zeros_like(c[0])
    phi = torch.full_like(admittance, ends.far_share)
    phi_phi = torch.zeros_like(admittance)
    factors, phis = [], []
    for j in range(rows):
        admittance = admittance + c[j]
        factor = 1.0 / (1.0 + r * admittance)
        factors.append(factor)
        phis.append(phi)
        phi_phi = phi_phi + r * factor * phi * phi
        admittance, phi = admittance * factor, phi * factor
    phi = phi + (1 - ends.far_share)
    denominator = admittance * (ends.r_end_ohm + phi_phi) + phi * phi
    share = phi / denominator
    shares = []
    for factor, phi in zip(reversed(factors), reversed(phis), strict=True):
        share = factor * (r * phi * admittance / denominator + share)
        shares.append(share)
    return torch.stack(shares).flip(0)
