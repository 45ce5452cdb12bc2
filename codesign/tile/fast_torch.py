"""The fast model in plain torch operations, on any device, differentiable any number of times."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from codesign.tile.mesh import Mesh
from codesign.tile.slices import cut

# Numbers of a batch's moments that are held at once.
_MOST_NUMBERS = 1 << 25


def fast_gated_torch(
    pulse: Tensor, w: Tensor, c: Tensor, mesh: Mesh, slices: int, slots: int | None = None
) -> Tensor:
    """Mean column current per read voltage (batch, cols) in S, as the compiled kernels give it.

    pulse (batch, rows) in [-1, 1]; w, c (rows, cols) in S. Elements are solved one after another,
    each for all slices, vectors and columns at once; long batches in parts.
    """
    hats = _hats(w, c, mesh)
    most = max(1, _MOST_NUMBERS // (slices * (5 * mesh.elements * w.shape[1] + 4 * w.shape[0])))
    parts = [_part(some, w, hats, mesh, slices, slots) for some in pulse.split(most)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _hats(w: Tensor, c: Tensor, mesh: Mesh) -> tuple[Tensor, Tensor, Tensor]:
    """Rows (elements, longest) of each element, and what its rows give to hats' moments.

    Of c against far far, far near and near near (elements, longest, 3 cols), of w against far and
    near (elements, longest, 2 cols). Shorter elements are filled up with a row N of zeros.
    """
    edges = mesh.edges.to(w.device)
    longest = int(mesh.edges.diff().max())
    rows = edges[:-1, None] + torch.arange(longest, device=w.device)
    rows = torch.where(rows < edges[1:, None], rows, w.shape[0])
    near = pad(mesh.share.to(w), (0, 1))[rows].unsqueeze(2)
    far = 1.0 - near
    own_w, own_c = (pad(t, (0, 0, 0, 1))[rows] for t in (w, c))
    of_c = torch.cat([far * far * own_c, far * near * own_c, near * near * own_c], dim=2)
    return rows, of_c, torch.cat([far * own_w, near * own_w], dim=2)


def _duties(
    pulse: Tensor, slices: int, slots: int | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Signed duties and duties (slices, batch, rows), the slices' lengths (slices, batch, 1), and
    the slope (batch, rows) of pulses at the window's last edge: a value of zero."""
    cuts = cut(pulse, slices, slots)
    p = torch.arange(slices, device=pulse.device).view(-1, 1, 1)
    length = cuts.length.t().unsqueeze(2)
    on = (cuts.sign != 0).to(pulse)
    here = cuts.index == p
    duty = here * cuts.part + ((cuts.index > p) & (cuts.sign != 0))
    # The pulse's own slope: in the slice where it ends, on an edge half of it on either side.
    half = torch.where(cuts.other >= 0, 0.5, 1.0).to(pulse)
    slope = (here * half + 0.5 * (cuts.other == p)) / torch.where(length > 0, length, 1)
    change = pulse - pulse.detach()
    source = duty * cuts.sign + slope * change
    load = duty * on + slope * (change * cuts.sign)
    after = 0.5 * (cuts.other == slices) * change
    return source, load, length, after


def _part(
    pulse: Tensor,
    w: Tensor,
    hats: tuple[Tensor, Tensor, Tensor],
    mesh: Mesh,
    slices: int,
    slots: int | None,
) -> Tensor:
    rows, of_c, of_w = hats
    source, load, length, after = _duties(pulse, slices, slots)
    shape = (slices, pulse.shape[0], w.shape[1])

    def moments(x: Tensor, of: Tensor, count: int) -> list[list[Tensor]]:
        own = pad(x.flatten(0, 1), (0, 1))[:, rows].transpose(0, 1)
        found = (own @ of).unflatten(1, shape[:2])
        return [list(t.unbind()) for t in found.chunk(count, dim=3)]

    diagonals = moments(load, of_c, 3)
    sides = moments(source, of_w, 2)
    solve = _solve_opposite if mesh.far_share else _solve
    current = solve(diagonals, sides, mesh, w.new_zeros(shape))
    return (current * length).sum(dim=0) + after @ w


def _solve(
    diagonals: list[list[Tensor]], sides: list[list[Tensor]], mesh: Mesh, zero: Tensor
) -> Tensor:
    """Currents into the integrator, the far end's elements eliminated first."""
    (far_far, far_near, near_near), (rhs_far, rhs_near) = diagonals, sides
    carried_diag, carried_rhs, wire = zero, zero, 0.0
    for e, g in enumerate(mesh.conductance_S.tolist()):
        off = far_near[e] - g
        ratio = off / (carried_diag + far_far[e] + (wire + g))
        carried_rhs = rhs_near[e] - ratio * (carried_rhs + rhs_far[e])
        carried_diag, wire = near_near[e] - ratio * off, g
    return carried_rhs


def _solve_opposite(
    diagonals: list[list[Tensor]], sides: list[list[Tensor]], mesh: Mesh, zero: Tensor
) -> Tensor:
    """The same with a source line driven from the far end: `opposite` has the equations."""
    (far_far, far_near, near_near), (rhs_far, rhs_near) = diagonals, sides
    carried_diag, carried_rhs = zero, zero
    phi = torch.full_like(zero, mesh.far_share)
    phi_rhs, phi_phi = zero, zero
    for e, g in enumerate(mesh.conductance_S.tolist()):
        rhs, off = carried_rhs + rhs_far[e], far_near[e]
        # The admittance without the difference of wires, which would cancel in `off`.
        admittance = carried_diag + far_far[e]
        share = 1.0 / (admittance + g)
        phi_rhs, phi_phi = phi_rhs + phi * rhs * share, phi_phi + phi * phi * share
        phi = phi * (g - off) * share
        carried_rhs = rhs_near[e] + (g - off) * share * rhs
        carried_diag = near_near[e] + (g * (admittance + 2 * off) - off * off) * share
    phi = phi + (1.0 - mesh.far_share)
    return (carried_diag * phi_rhs + phi * carried_rhs) / (
        carried_diag * (mesh.r_end_ohm + phi_phi) + phi * phi
    )
