"""Capacitance coefficients of the process by layer, pair of layers and interconnect corner."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from codesign.errors import InputError, ToolError
from codesign.resources import resource_dir

CORNERS = ("nom", "low", "high")
SUBSTRATE = "substrate"


@dataclass(frozen=True)
class Overlap:
    """Capacitance of an upper conductor to a lower one or to the substrate.

    area_F_per_m2: of facing planes; fringe_F_per_m: of an edge of the upper one to a plane below;
    fringe_up_F_per_m: of an edge of the lower one to a plane above.
    """

    area_F_per_m2: float
    fringe_F_per_m: float
    fringe_up_F_per_m: float

    def spread_per_m(self, spread_m_per_F: float) -> float:
        """The a of the fringe's share (2 / pi) atan(a d) within the distance d of the edge."""
        return spread_m_per_F * self.area_F_per_m2


@dataclass(frozen=True)
class Sidewall:
    """Coupling of facing edges of one layer at the space s: K / (s + offset), per length."""

    K_F: float
    offset_m: float

    def coupling_F_per_m(self, space_m: Any) -> Any:
        """Coupling per length of two facing edges; `space_m` may be an array."""
        return self.K_F / (space_m + self.offset_m)


@dataclass(frozen=True)
class ParasiticTable:
    """All coefficients of one interconnect corner. overlaps: by (upper layer, lower layer)."""

    corner: str
    overlaps: dict[tuple[str, str], Overlap]
    sidewalls: dict[str, Sidewall]
    well_F_per_m2: float
    halo_um: float
    spread_m_per_F: float

    @staticmethod
    @cache
    def sky130(corner: str = "nom") -> ParasiticTable:
        """The table of pdk/sky130/parasitics.toml at "nom", "low" or "high" capacitance.

        Raises InputError for another corner, ToolError when the file is unreadable.
        """
        if corner not in CORNERS:
            raise InputError(
                f"unknown interconnect corner {corner!r}", remedy=f"one of {', '.join(CORNERS)}"
            )
        path = resource_dir("pdk") / "sky130" / "parasitics.toml"
        try:
            facts = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ToolError(
                f"cannot read the capacitance table {path}: {error}", remedy="reinstall codesign"
            ) from error
        k = CORNERS.index(corner)
        overlaps = {
            (upper, lower): Overlap(
                record["area_aF_per_um2"][k] * 1e-6,
                record["fringe_aF_per_um"][k] * 1e-12,
                record.get("fringe_up_aF_per_um", (0.0,) * len(CORNERS))[k] * 1e-12,
            )
            for upper, lowers in facts["overlap"].items()
            for lower, record in lowers.items()
        }
        sidewalls = {
            layer: Sidewall(record["K_aF"][k] * 1e-18, record["offset_um"] * 1e-6)
            for layer, record in facts["sidewall"].items()
        }
        return ParasiticTable(
            corner,
            overlaps,
            sidewalls,
            facts["well"]["area_aF_per_um2"][k] * 1e-6,
            facts["halo"]["halo_um"],
            facts["halo"]["spread_per_aF"] * 1e12,
        )
