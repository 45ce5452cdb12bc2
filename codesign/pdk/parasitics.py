"""Capacitance coefficients of the process, per interconnect corner.

Two descriptions of the same wires, from pdk/<process>:

- the foundry's interconnect table: coupling and fringe of arrays of wires over and under planes, by
  width and space (interconnect.toml). The law "foundry" interpolates it.
- constants per pair of layers, those that the official technology file extracts with
  (parasitics.toml). The law "constant" is magic's.

The law "calibrated" is the foundry's with less coupling of walls near the minimum space
(close_walls.toml), as the foundry's own finger capacitors have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codesign.errors import InputError
from codesign.pdk.facts import facts_of

CORNERS = ("nom", "low", "high")
LAWS = ("foundry", "constant", "calibrated")
SUBSTRATE = "substrate"
_CODES = {
    "f": SUBSTRATE,
    "d": "diff",
    "p1": "poly",
    "l1": "li1",
    "m1": "met1",
    "m2": "met2",
    "m3": "met3",
    "m4": "met4",
    "m5": "met5",
}


@dataclass(frozen=True)
class Overlap:
    """Capacitance of an upper conductor to a lower one or to the substrate.

    area_F_per_m2: of facing planes; fringe_F_per_m: of an edge of the upper one to a plane below;
    fringe_up_F_per_m: of an edge of the lower one to a plane above.
    """

    area_F_per_m2: float
    fringe_F_per_m: float
    fringe_up_F_per_m: float


@dataclass(frozen=True)
class Sidewall:
    """Coupling of facing edges of one layer at the space s: K / (s + offset), per length."""

    K_F: float
    offset_m: float


@dataclass(frozen=True)
class Stack:
    """An array of wires over the plane `below` (or the substrate) and under `above` (or nothing).

    area_F_per_m2: to the planes. coupling_F_per_m, fringe_F_per_m: (width, space) of one edge, to
    the wires beside it and to the planes.
    """

    below: str
    above: str | None
    area_F_per_m2: float
    coupling_F_per_m: NDArray[np.float64]
    fringe_F_per_m: NDArray[np.float64]


@dataclass(frozen=True)
class WireArrays:
    """The foundry's table for the wires of one layer: by (below, above), at width_m and space_m."""

    width_m: NDArray[np.float64]
    space_m: NDArray[np.float64]
    stacks: dict[tuple[str, str | None], Stack]


@dataclass(frozen=True)
class CloseWall:
    """What walls of a layer couple, relative to the foundry's table: `factor` up to space_m, 1 from
    `until` times that space, linear in the logarithm of the space between."""

    space_m: float
    factor: float
    until: float


@dataclass(frozen=True)
class ParasiticTable:
    """All coefficients of one interconnect corner. overlaps: by (upper layer, lower layer).

    law: "foundry", "constant" or "calibrated", what `capacitances` extracts with. close_walls: by
    layer, for the last.
    """

    corner: str
    law: str
    overlaps: dict[tuple[str, str], Overlap]
    sidewalls: dict[str, Sidewall]
    wires: dict[str, WireArrays]
    well_F_per_m2: float
    halo_um: float
    spread_m_per_F: float
    close_walls: dict[str, CloseWall]


@cache
def read_parasitics(folder: Path, corner: str, law: str) -> ParasiticTable:
    """The tables of a process at "nom", "low" or "high" capacitance.

    low is the foundry's fast, high its slow interconnect corner. Raises InputError for another
    corner or law, ToolError when a file is damaged or missing.
    """
    for what, value, known in (("corner", corner, CORNERS), ("law", law, LAWS)):
        if value not in known:
            raise InputError(
                f"unknown interconnect {what} {value!r}", remedy=f"one of {', '.join(known)}"
            )
    k = CORNERS.index(corner)
    with facts_of(folder / "interconnect.toml") as arrays:
        wires = {layer: _wire_arrays(layer, record, k) for layer, record in arrays.items()}
    with facts_of(folder / "close_walls.toml") as facts:
        close_walls = {
            layer: CloseWall(record["space_um"] * 1e-6, record["factor"], float(facts["until"]))
            for layer, record in facts["walls"].items()
        }
    with facts_of(folder / "parasitics.toml") as facts:
        overlaps = {
            (upper, lower): _overlap(record, k)
            for upper, lowers in facts["overlap"].items()
            for lower, record in lowers.items()
        }
        sidewalls = {
            layer: Sidewall(record["K_aF"][k] * 1e-18, record["offset_um"] * 1e-6)
            for layer, record in facts["sidewall"].items()
        }
        return ParasiticTable(
            corner,
            law,
            overlaps,
            sidewalls,
            wires,
            facts["well"]["area_aF_per_um2"][k] * 1e-6,
            facts["halo"]["halo_um"],
            facts["halo"]["spread_um_per_aF"] * 1e12,
            close_walls,
        )


def _overlap(record: dict[str, Any], k: int) -> Overlap:
    return Overlap(
        record["area_aF_per_um2"][k] * 1e-6,
        record["fringe_aF_per_um"][k] * 1e-12,
        record.get("fringe_up_aF_per_um", (0.0,) * len(CORNERS))[k] * 1e-12,
    )


def _wire_arrays(layer: str, record: dict[str, Any], k: int) -> WireArrays:
    stacks = {}
    for name, area in record["ca_aF_per_um2"].items():
        above, below = _planes(name, layer)
        stacks[below, above] = Stack(
            below,
            above,
            area[k] * 1e-6,
            np.array(record["cc_aF_per_um"][name][k]) * 1e-12,
            np.array(record["cf_aF_per_um"][name][k]) * 1e-12,
        )
    return WireArrays(
        np.array(record["width_um"]) * 1e-6, np.array(record["space_um"]) * 1e-6, stacks
    )


def _planes(stack: str, layer: str) -> tuple[str | None, str]:
    """(plane above, plane below) of the wires of `layer` in a stack of the foundry's naming."""
    code = next(code for code, name in _CODES.items() if name == layer)
    above, below = stack.split(code, 1)
    return _CODES[above] if above else None, _CODES[below]
