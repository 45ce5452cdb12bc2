"""The calibrated law: the foundry's tables, with what its finger capacitors say of close walls."""

from __future__ import annotations

import numpy as np

from codesign.layout.extract.foundry_law import FoundryLaw
from codesign.layout.extract.law import Floats
from codesign.pdk.parasitics import ParasiticTable


class CalibratedLaw(FoundryLaw):
    """As the foundry's law, but walls near the minimum space couple less.

    The factor is that of `CloseWall`; wires alone, and walls farther apart, are as in the tables.
    """

    def __init__(self, wire: str, table: ParasiticTable, halo: int, dbu_m: float) -> None:
        super().__init__(wire, table, halo, dbu_m)
        self._wall = table.close_walls.get(wire)

    def coupling_F_per_m(
        self, space_m: Floats, wideness: Floats, below: Floats, above: Floats
    ) -> Floats:
        coupling = super().coupling_F_per_m(space_m, wideness, below, above)
        wall = self._wall
        if wall is None:
            return coupling
        far = np.log(np.maximum(space_m / wall.space_m, 1.0)) / np.log(wall.until)
        return coupling * (wall.factor + (1.0 - wall.factor) * np.minimum(far, 1.0))
