"""Sheet and contact resistances of the wiring, by interconnect corner, from pdk/sky130."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from codesign.errors import ToolError
from codesign.pdk.conditions import Interconnect
from codesign.resources import resource_dir

_CONDUCTORS = ("poly", "li1", "met1", "met2", "met3", "met4", "met5")


@dataclass(frozen=True)
class ResistanceTable:
    """sheet_ohm: per square, by conductor; width_change_um: how much wider than drawn a wire is.
    cut_ohm: of one cut of the size drawn by rule, cut_um2 its area; licon_n, licon_p, licon_poly
    are licon by what it contacts."""

    sheet_ohm: dict[str, float]
    width_change_um: dict[str, float]
    cut_ohm: dict[str, float]
    cut_um2: dict[str, float]

    @staticmethod
    @cache
    def sky130(corner: Interconnect = Interconnect.NOM) -> ResistanceTable:
        """Nominal values of layers.toml, scaled as the model library's corners scale theirs."""
        folder = resource_dir("pdk") / "sky130"
        layers, corners = _read(folder / "layers.toml"), _read(folder / "resistances.toml")
        sign = {Interconnect.LOW: 1, Interconnect.NOM: 0, Interconnect.HIGH: -1}[corner]

        def factor(record: dict[str, float]) -> float:
            return record[f"{corner}_ohm"] / record["nom_ohm"]

        cut_ohm, cut_um2 = {}, {}
        for name, record in layers["cut"].items():
            kinds = {"": name} if name != "licon" else {k: f"licon_{k}" for k in ("n", "p", "poly")}
            for kind, key in kinds.items():
                nominal = record[f"resistance_{kind}_ohm" if kind else "resistance_ohm"]
                cut_ohm[key] = nominal * factor(corners["cut"][key])
                cut_um2[key] = record["size_um"] ** 2
        sheets = corners["sheet"]
        return ResistanceTable(
            {n: layers["layer"][n]["sheet_ohm"] * factor(sheets[n]) for n in _CONDUCTORS},
            {n: sign * sheets[n]["width_change_um"] for n in _CONDUCTORS},
            cut_ohm,
            cut_um2,
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ToolError(
            f"cannot read the process facts {path}: {error}", remedy="reinstall codesign"
        ) from error
