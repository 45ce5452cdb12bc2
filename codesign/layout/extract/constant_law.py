"""The constant law: K / (s + offset) sidewalls, arctangent fringe. What current magic computes."""

from __future__ import annotations

import numpy as np

from codesign.layout.extract.law import Floats, WireLaw
from codesign.pdk.parasitics import SUBSTRATE, ParasiticTable


class ConstantLaw(WireLaw):
    """Constants per pair of layers, for any width and whatever else is near.

    An edge gives the share (2 / pi) (atan(a d2) - atan(a d1)) of its fringe to what it sees between
    the distances d1 and d2, a = spread * area capacitance; all of it to a bare substrate without
    another edge. Sidewalls couple at full value.
    """

    def __init__(self, wire: str, table: ParasiticTable, halo: int, dbu_m: float) -> None:
        super().__init__(wire, 1, halo)
        self.sidewall = table.sidewalls[wire]
        distance_m = np.arange(halo + 1) * dbu_m
        planes = [(k, table.overlaps[wire, name]) for k, name in self.below()]
        for k, overlap in planes:
            self.area_F_per_m2[k] = overlap.area_F_per_m2
        edges = [(k, overlap, overlap.fringe_F_per_m) for k, overlap in planes]
        for k, name in self.above():
            overlap = table.overlaps[name, wire]
            edges.append((k, overlap, overlap.fringe_up_F_per_m))
        for k, overlap, fringe in edges:
            spread_per_m = table.spread_m_per_F * overlap.area_F_per_m2
            self.fringe_F_per_m[:, 0, k] = (
                fringe * (2 / np.pi) * np.arctan(spread_per_m * distance_m)
            )
        self.open_F_per_m[0] = table.overlaps[wire, SUBSTRATE].fringe_F_per_m

    def coupling_F_per_m(
        self, space_m: Floats, wideness: Floats, below: Floats, above: Floats
    ) -> Floats:
        coupling: Floats = self.sidewall.K_F / (space_m + self.sidewall.offset_m)
        return coupling
