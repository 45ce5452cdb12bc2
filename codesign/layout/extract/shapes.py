"""What the capacitance extraction takes and gives: shapes of nets, capacitances of nets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codesign.errors import InputError

# From the lowest up. gate is poly over diffusion: same plane as poly, its edges and what is below
# belong to the transistor model. capm and cap2m are the upper plates of the MIM capacitors.
LAYERS = (
    "nwell",
    "diff",
    "poly",
    "gate",
    "li1",
    "met1",
    "met2",
    "met3",
    "capm",
    "met4",
    "cap2m",
    "met5",
)


@dataclass(frozen=True)
class NetShapes:
    """Conductors as Manhattan rectangles that do not overlap within one layer.

    dbu_um: size of a database unit; boxes[layer]: int64 (n, 4) x0, y0, x1, y1 in database units;
    nets[layer]: int (n,) index of each box's net, 0 <= net < n_nets. Layers: those of LAYERS as far
    as present. nwell and diff are planes under wires; poly comes without gates, gate is poly over
    diffusion. Raises InputError for an unknown layer, wrong shapes or an empty box.
    """

    dbu_um: float
    boxes: dict[str, NDArray[np.int64]]
    nets: dict[str, NDArray[np.int64]]
    n_nets: int

    def __post_init__(self) -> None:
        for layer, boxes in self.boxes.items():
            nets = self.nets.get(layer)
            if layer not in LAYERS:
                raise InputError(
                    f"unknown layer {layer!r} of net shapes", remedy=f"one of {', '.join(LAYERS)}"
                )
            if nets is None or boxes.ndim != 2 or boxes.shape != (len(nets), 4):
                raise InputError(
                    f"layer {layer}: boxes must be (n, 4) with n nets",
                    remedy=f"got boxes {boxes.shape}, nets {None if nets is None else nets.shape}",
                )
            if len(boxes) and (boxes[:, :2] >= boxes[:, 2:]).any():
                raise InputError(
                    f"layer {layer}: a box without area", remedy="give x0 < x1 and y0 < y1"
                )
            if len(nets) and not 0 <= nets.min() <= nets.max() < self.n_nets:
                raise InputError(
                    f"layer {layer}: a net outside 0..{self.n_nets - 1}", remedy="renumber the nets"
                )

    def layer(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Boxes and nets of a layer; empty arrays when it is not there."""
        if name not in self.boxes:
            return np.empty((0, 4), np.int64), np.empty(0, np.int64)
        return self.boxes[name].astype(np.int64), self.nets[name].astype(np.int64)


@dataclass(frozen=True)
class NetCapacitances:
    """ground_F: (n_nets,) to the substrate; pair: (m, 2) net indices, i < j, each pair once;
    pair_F: (m,) between them."""

    ground_F: NDArray[np.float64]
    pair: NDArray[np.int64]
    pair_F: NDArray[np.float64]

    def total_F(self) -> NDArray[np.float64]:
        """(n_nets,) of each net to everything else."""
        total = self.ground_F.copy()
        np.add.at(total, self.pair[:, 0], self.pair_F)
        np.add.at(total, self.pair[:, 1], self.pair_F)
        return total

    def joined(self, stands_for: NDArray[np.int64]) -> NetCapacitances:
        """The same with each net counted as the one that stands for it, (n_nets,)."""
        ground_F = np.zeros_like(self.ground_F)
        np.add.at(ground_F, stands_for, self.ground_F)
        pair = np.sort(stands_for[self.pair], axis=1)
        apart = pair[:, 0] != pair[:, 1]
        pair, back = np.unique(pair[apart], axis=0, return_inverse=True)
        pair_F = np.zeros(len(pair))
        np.add.at(pair_F, back.reshape(-1), self.pair_F[apart])
        return NetCapacitances(ground_F, pair, pair_F)
