"""Two-dimensional field solution of wires over a plane, in the process's stack of dielectrics.

Finite differences on a graded grid: the potential on the nodes, the permittivity of each cell, the
conductors at fixed potential, no field through the sides. The charges of conductors at unit
potential are the capacitances. The discretisation error is below 1 % (`test_field.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import splu

EPSILON_0_AF_PER_UM = 8.8541878
# SkyWater PDK documentation, "Process stack diagram" (docs/_static/metal_stack.svg): height of the
# underside above the substrate and thickness, um.
CONDUCTORS = {
    "poly": (0.3262, 0.18),
    "li1": (0.9361, 0.10),
    "met1": (1.3761, 0.36),
    "met2": (2.0061, 0.36),
    "met3": (2.7861, 0.845),
    "met4": (4.0211, 0.845),
    "met5": (5.3711, 1.26),
}
# Likewise: relative permittivities up to a height. FOX and PSG, NILD2, NILD3 (4.5), NILD4 (4.2),
# NILD5 (4.1), NILD6 (4.0), PI1 (2.94), air.
DIELECTRICS = (
    (0.9361, 3.9),
    (1.3761, 4.05),
    (2.0061, 4.5),
    (2.7861, 4.2),
    (4.0211, 4.1),
    (5.3711, 4.0),
    (11.8834, 2.94),
    (np.inf, 1.0),
)
# The permittivity that the foundry's plate capacitances (entries ca) imply for all of them but the
# polyimide, within 1.3 %, with the heights above.
PLATE_DIELECTRICS = ((5.3711, 3.9), (11.8834, 2.94), (np.inf, 1.0))
# Top of diffusion, from the foundry's plate capacitance of li1 over diffusion, 55.3 aF/um2.
PLANES = {"substrate": 0.0, "diff": 0.3117}
_TOP_UM = 16.0

Boxes = list[tuple[float, float, float, float, float]]


def plane_height_um(plane: str) -> float:
    """Top of a plane: of a conductor, of diffusion or of the substrate."""
    return PLANES[plane] if plane in PLANES else sum(CONDUCTORS[plane])


def capacitance_aF_per_um(
    layer: str,
    wires: list[tuple[float, float]],
    plane: str,
    *,
    sides_um: tuple[float, float] | None = None,
    dielectrics: tuple[tuple[float, float], ...] = DIELECTRICS,
    fineness: float = 1.0,
) -> NDArray[np.float64]:
    """Maxwell matrix (wires + 1, wires + 1) per length of wires (x0, x1) of a layer over a plane.

    The last row and column are the plane's. sides_um: where the geometry is mirrored; default
    far away. fineness: of the grid near the wires.
    """
    z0, thickness = CONDUCTORS[layer]
    bottom = plane_height_um(plane)
    if sides_um is None:
        sides_um = (min(wires)[0] - 12.0, max(wires)[1] + 12.0)
    layers = _dielectrics(layer, wires, plane, sides_um, dielectrics)
    height = z0 - bottom
    fine = min(0.02, min(x1 - x0 for x0, x1 in wires) / 8, thickness / 8) / fineness
    x = _grid(
        [*sides_um, *(x for box in layers for x in box[:2]), *(x for wire in wires for x in wire)],
        [x for wire in wires for x in wire],
        sides_um,
        fine,
    )
    z = _grid(
        [bottom, _TOP_UM, z0, z0 + thickness, *(z for box in layers for z in box[2:4])],
        [z0, z0 + thickness, bottom],
        (bottom, _TOP_UM),
        min(fine, height / 6 / fineness),
    )
    label = np.full((len(x), len(z)), -1)
    label[:, 0] = len(wires)
    inside = (z > z0 - 1e-9) & (z < z0 + thickness + 1e-9)
    for k, (x0, x1) in enumerate(wires):
        label[np.ix_((x > x0 - 1e-9) & (x < x1 + 1e-9), inside)] = k
    return _solve(x, z, _permittivity(x, z, layers), label, len(wires) + 1)


def _dielectrics(
    layer: str,
    wires: list[tuple[float, float]],
    plane: str,
    sides: tuple[float, float],
    dielectrics: tuple[tuple[float, float], ...],
) -> Boxes:
    """(x0, x1, z0, z1, k), later ones on top: layers, then what follows the conductors' shape."""
    left, right = sides
    boxes: Boxes = []
    z = 0.0
    for top, k in dielectrics:
        boxes.append((left, right, z, min(top, _TOP_UM), k))
        z = top
    z0, thickness = CONDUCTORS[layer]
    top = z0 + thickness
    if plane == "poly":  # SPNIT
        boxes.append((left, right, plane_height_um(plane), plane_height_um(plane) + 0.121, 7.5))
    if layer == "poly":  # IOX and SPNIT at and over poly
        for x0, x1 in wires:
            boxes.append((x0 - 0.0491, x1 + 0.0491, z0, top + 0.121, 7.5))
            boxes.append((x0 - 0.006, x1 + 0.006, z0, top, 3.9))
    boxes.append((left, right, 0.9361, 1.0111, 7.3))  # LINT beside and over li1
    if layer == "li1":
        boxes += [(x0 - 0.075, x1 + 0.075, z0, top + 0.075, 7.3) for x0, x1 in wires]
    if plane == "li1":
        boxes.append((left, right, 1.0361, 1.1111, 7.3))
    if layer in ("met1", "met2"):  # NILD3_C, NILD4_C at the sides
        boxes += [(x0 - 0.03, x1 + 0.03, z0, top, 3.5) for x0, x1 in wires]
    boxes.append((left, right, 5.3711, 5.7488, 7.5))  # TOPNIT, over met5 with TOPOX below it
    if layer == "met5":
        boxes += [(x0 - 0.4923, x1 + 0.4923, z0, top + 0.63, 7.5) for x0, x1 in wires]
        boxes += [(x0 - 0.07, x1 + 0.07, z0, top + 0.09, 3.9) for x0, x1 in wires]
    return boxes


def _grid(
    points: list[float], fine_at: list[float], span: tuple[float, float], fine: float
) -> NDArray[np.float64]:
    """Through all points; steps grow with the distance from `fine_at`."""
    sources = np.array(fine_at)
    kept = sorted({round(p, 9) for p in points if span[0] <= p <= span[1]})
    grid = [kept[0]]
    for end in kept[1:]:
        while True:
            step = max(fine, 0.15 * float(np.abs(sources - grid[-1]).min()))
            ahead = 0.15 * float(np.abs(sources - min(grid[-1] + step, end)).min())
            step = min(step, max(fine, ahead + fine / 2))
            if grid[-1] + 1.5 * step >= end:
                break
            grid.append(grid[-1] + step)
        grid.append(end)
    return np.array(grid)


def _permittivity(
    x: NDArray[np.float64], z: NDArray[np.float64], boxes: Boxes
) -> NDArray[np.float64]:
    x, z = (x[1:] + x[:-1]) / 2, (z[1:] + z[:-1]) / 2
    k = np.ones((len(x), len(z)))
    for x0, x1, z0, z1, value in boxes:
        k[np.ix_((x > x0) & (x < x1), (z > z0) & (z < z1))] = value
    return k


def _solve(
    x: NDArray[np.float64],
    z: NDArray[np.float64],
    k: NDArray[np.float64],
    label: NDArray[np.int64],
    conductors: int,
) -> NDArray[np.float64]:
    dx, dz = np.diff(x), np.diff(z)
    along_x, along_z = np.zeros((len(dx), len(z))), np.zeros((len(x), len(dz)))
    along_x[:, :-1] += k * dz / 2
    along_x[:, 1:] += k * dz / 2
    along_z[:-1] += k * dx[:, None] / 2
    along_z[1:] += k * dx[:, None] / 2
    along_x, along_z = along_x / dx[:, None], along_z / dz
    node = np.arange(label.size).reshape(label.shape)
    i = np.concatenate((node[:-1].ravel(), node[:, :-1].ravel()))
    j = np.concatenate((node[1:].ravel(), node[:, 1:].ravel()))
    w = np.concatenate((along_x.ravel(), along_z.ravel())) * EPSILON_0_AF_PER_UM
    laplace = coo_matrix(
        (np.concatenate((w, w, -w, -w)), (np.r_[i, j, i, j], np.r_[i, j, j, i]))
    ).tocsr()
    label = label.ravel()
    free, fixed = np.flatnonzero(label < 0), np.flatnonzero(label >= 0)
    unit = csr_matrix((np.ones(len(fixed)), (fixed, label[fixed])), shape=(label.size, conductors))
    flux = (laplace @ unit).tocsr()
    potential = -splu(laplace[free][:, free].tocsc()).solve(flux[free].toarray())
    return np.asarray((unit.T @ flux).toarray() + flux[free].T @ potential)
