"""Extracted capacitances of the foundry's finger capacitors against the foundry's models of them.

    python -m benchmarks.finger_capacitors FOLDER [--fit]

FOLDER is a copy of google/skywater-pdk-libs-sky130_fd_pr: layouts `cells/cap_vpp_*/*.gds` beside
their models `*.model.spice`. Compared is the capacitance between the two combs, by every law, with
the model's nominal total and its corners. Prints one JSON document. With --fit it also fits the
factors of pdk/sky130/close_walls.toml, on all capacitors and on each half, and checks each half's
factors on the other half.

Two more figures say where the laws differ. Of one capacitor, what couples within each layer and
what between layers. And for arrays of wires at the minimum space: the 2-D field solution of the
wires as drawn, the table's coupling, that of the finger capacitors, and how much farther apart than
drawn the field solution's walls would have to be to give the latter two.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq, least_squares

from codesign.layout.extract.capacitance import NetShapes, capacitances
from codesign.layout.extract.connect import PLANES, connect
from codesign.layout.extract.foundry_law import FoundryLaw
from codesign.layout.extract.law import BARE, WIRES
from codesign.layout.extract.reader import read_gds
from codesign.layout.extract.unknown import Unknown
from codesign.pdk import ParasiticTable, default_process
from codesign.pdk.parasitics import LAWS, SUBSTRATE
from tests.layout.extract.field import PLATE_DIELECTRICS, capacitance_aF_per_um

PREFIX = "sky130_fd_pr__cap_vpp_"
# Layers that share a factor: those of one thickness and one minimum space.
# Poly has fingers in one capacitor alone: it is not fitted.
GROUPS = {"li1": ("li1",), "met1": ("met1", "met2"), "met3": ("met3", "met4")}
# The one whose capacitance is told apart by layers; the one that is left out:
EXAMPLE = "11p5x11p7_m1m2m3m4_shieldl1m5"
# half a femtofarad with a few short fingers, where ends and corners, which no law models, outweigh
# walls.
LEFT_OUT = ("03p9x03p9_m1m2_shieldl1_floatm3",)
_TOTAL = re.compile(r"ctot_a\s*=\s*[{']?([0-9.e+-]+)(?:\s*\*\s*(\w+_cor))?", re.IGNORECASE)
# Corners of a model that names none of its own: the narrowest of those it could share.
UNNAMED_CORNERS = (0.81, 1.19)
_CORNER = re.compile(r"(\w+_cor)\s*=\s*([0-9.]+)")


@dataclass(frozen=True)
class Capacitor:
    """A layout's conductors, its two combs' nets, the model's total and its corners' factors."""

    name: str
    shapes: NetShapes
    combs: tuple[int, int]
    model_F: float
    corners: tuple[float, float]

    def between_F(self, table: ParasiticTable) -> float:
        """Extracted between the combs."""
        found = capacitances(self.shapes, table)
        mine = (found.pair == self.combs).all(axis=1)
        return float(found.pair_F[mine].sum())


def corner_factors(folder: Path) -> dict[str, tuple[float, float]]:
    """Smallest and largest factor of each total in the models' corners."""
    values: dict[str, list[float]] = {}
    for path in (folder / "models").rglob("*.spice"):
        for name, value in _CORNER.findall(path.read_text(encoding="latin-1")):
            values.setdefault(name, []).append(float(value))
    return {name: (min(found), max(found)) for name, found in values.items()}


def capacitors(folder: Path) -> Iterator[Capacitor]:
    corners = corner_factors(folder)
    process = default_process()
    for path in sorted((folder / "cells").glob("cap_vpp_*/*.gds")):
        model = path.with_name(f"{path.stem}.model.spice")
        name = path.stem.removeprefix(PREFIX)
        total = _TOTAL.search(model.read_text()) if model.is_file() else None
        if total is None or name in LEFT_OUT:
            continue
        drawing = read_gds(path, path.stem, technology=process.technology)
        connected = connect(drawing, process.recognition, Unknown.LEAVE_OUT)
        planes = {plane: connected.plane(plane) for plane in PLANES}
        shapes = NetShapes(
            connected.dbu_um,
            {plane: boxes for plane, (boxes, _) in planes.items()},
            {plane: owners for plane, (_, owners) in planes.items()},
            connected.n_nets,
        )
        # The combs are the two nets that couple most.
        found = capacitances(shapes, process.parasitics("nom", "constant"))
        first, second = found.pair[int(np.argmax(found.pair_F))].tolist()
        limits = corners.get(total[2] or "", UNNAMED_CORNERS)
        yield Capacitor(name, shapes, (first, second), float(total[1]), limits)


def with_factors(factors: Mapping[str, float]) -> ParasiticTable:
    """The calibrated law's table with these factors by group."""
    table = default_process().parasitics("nom", "calibrated")
    walls = dict(table.close_walls)
    for group, layers in GROUPS.items():
        for layer in layers:
            walls[layer] = replace(walls[layer], factor=factors.get(group, 1.0))
    return replace(table, close_walls=walls)


class Fit:
    """Totals are linear in the factors: one extraction without, and one per group at a half."""

    def __init__(self, found: list[Capacitor]) -> None:
        self.model = np.array([c.model_F for c in found])
        self.base = np.array([c.between_F(with_factors({})) for c in found])
        self.slope = np.array(
            [[2 * (b - c.between_F(with_factors({g: 0.5}))) for g in GROUPS]
             for c, b in zip(found, self.base, strict=True)]
        )  # fmt: skip

    def error(self, factors: np.ndarray, rows: slice) -> np.ndarray:
        total = self.base[rows] - self.slope[rows] @ (1.0 - factors)
        return np.asarray(total / self.model[rows] - 1.0)

    def factors(self, rows: slice) -> np.ndarray:
        solved = least_squares(
            lambda x: np.log1p(self.error(x, rows)), np.full(len(GROUPS), 0.9), bounds=(0.5, 1.0)
        )
        return np.asarray(solved.x)

    def as_json(self) -> dict[str, Any]:
        halves = (slice(0, None, 2), slice(1, None, 2))
        result: dict[str, Any] = {"all": self._named(self.factors(slice(None)))}
        for name, fitted, other in (("even", *halves), ("odd", *halves[::-1])):
            factors = self.factors(fitted)
            result[f"{name}_half"] = self._named(factors) | {
                "on_the_other_half_pct": spread(100 * self.error(factors, other))
            }
        return result

    @staticmethod
    def _named(factors: np.ndarray) -> dict[str, Any]:
        return {name: round(float(x), 3) for name, x in zip(GROUPS, factors, strict=True)}


def spread(errors: Any) -> dict[str, float]:
    values = [float(error) for error in errors]
    return {
        "median": round(statistics.median(values), 1),
        "least": round(min(values), 1),
        "most": round(max(values), 1),
    }


def within_and_between(found: list[Capacitor], name: str = EXAMPLE) -> dict[str, Any]:
    """By law: capacitance (fF) between the combs within each layer alone, and the rest."""
    one = next(c for c in found if c.name == name)
    result: dict[str, Any] = {"name": name, "model_fF": one.model_F * 1e15}
    for law in LAWS:
        table = default_process().parasitics("nom", law)
        within = 0.0
        for layer in WIRES:
            boxes, nets = one.shapes.layer(layer)
            alone = NetShapes(one.shapes.dbu_um, {layer: boxes}, {layer: nets}, one.shapes.n_nets)
            within += replace(one, shapes=alone).between_F(table)
        result[law] = {
            "within_layers_fF": round(within * 1e15, 1),
            "between_layers_fF": round((one.between_F(table) - within) * 1e15, 1),
        }
    return result


def arrays() -> dict[str, Any]:
    """Coupling of neighbours (aF/um) in arrays over the substrate, width and space the least."""
    table = default_process().parasitics("nom", "calibrated")
    found = {}
    for layer in ("li1", "met1", "met3"):
        wall, width = table.close_walls[layer], float(table.wires[layer].width_m[0] * 1e6)
        space = wall.space_m * 1e6
        bare = np.zeros((1, BARE + 1))
        bare[0, BARE] = 1.0
        law = FoundryLaw(layer, table, 8000, 1e-9)
        in_table = float(law.coupling_F_per_m(np.array([wall.space_m]), np.zeros(1), bare, bare)[0])
        values = {"table": in_table * 1e12, "capacitors": in_table * 1e12 * wall.factor}
        found[layer] = {
            "width_um": width,
            "space_um": space,
            "field_as_drawn": round(array_field(layer, width, space, 0.0), 1),
            **{name: round(value, 1) for name, value in values.items()},
            **{
                f"walls_apart_for_{name}_um": round(walls_apart(layer, width, space, value), 3)
                for name, value in values.items()
            },
        }
    return found


def array_field(layer: str, width: float, space: float, apart: float) -> float:
    """Field solution of seven wires, each narrower by `apart` (um), at their drawn pitch; with the
    permittivity that the foundry's plates have."""
    pitch = width + space
    wires = [(k * pitch, k * pitch + width - apart) for k in range(-3, 4)]
    matrix = capacitance_aF_per_um(layer, wires, SUBSTRATE, dielectrics=PLATE_DIELECTRICS)
    return abs(float(matrix[3, 2]))


def walls_apart(layer: str, width: float, space: float, coupling: float) -> float:
    """How much farther apart than drawn the walls are whose field solution has this coupling."""
    if array_field(layer, width, space, 0.0) < coupling:
        return 0.0
    return float(
        brentq(lambda d: array_field(layer, width, space, d) - coupling, 0.0, width / 2, xtol=1e-3)
    )


def main(arguments: list[str] | None = None) -> int:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit the factors too")
    options = parser.parse_args(arguments)
    found = list(capacitors(options.folder))
    rows: list[dict[str, Any]] = [
        {
            "name": c.name,
            "model_fF": round(c.model_F * 1e15, 3),
            "corners_pct": [round(100 * (limit - 1), 1) for limit in c.corners],
        }
        for c in found
    ]
    laws: dict[str, Any] = {}
    for law in LAWS:
        table = default_process().parasitics("nom", law)
        errors = [100 * (c.between_F(table) / c.model_F - 1) for c in found]
        for row, error in zip(rows, errors, strict=True):
            row[f"{law}_pct"] = round(error, 1)
        inside = sum(
            row["corners_pct"][0] <= error <= row["corners_pct"][1]
            for row, error in zip(rows, errors, strict=True)
        )
        laws[law] = spread(errors) | {"inside_corners": inside}
    result = {
        "benchmark": "finger_capacitors",
        "capacitors": len(found),
        "laws": laws,
        "holds": laws["calibrated"]["inside_corners"] >= len(found) - 2,
        "within_and_between_layers": within_and_between(found),
        "arrays_at_minimum_space": arrays(),
        "each": rows,
    }
    if options.fit:
        result["fit"] = Fit(found).as_json()
    json.dump(result, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
