"""Sheet and contact resistances of the wiring, by interconnect corner."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codesign.pdk.conditions import Interconnect
from codesign.pdk.facts import facts_of
from codesign.pdk.technology import read_technology


@dataclass(frozen=True)
class ResistanceTable:
    """sheet_ohm: per square, by conductor; width_change_um: how much wider than drawn a wire is.
    cut_ohm: of one cut of the size drawn by rule, cut_um2 its area; licon_n, licon_p, licon_poly
    are licon by what it contacts."""

    sheet_ohm: dict[str, float]
    width_change_um: dict[str, float]
    cut_ohm: dict[str, float]
    cut_um2: dict[str, float]


@cache
def read_resistances(folder: Path, corner: Interconnect) -> ResistanceTable:
    """Nominal values of layers.toml, scaled as the model library's corners scale theirs, which are
    in resistances.toml. Raises ToolError when one of them is damaged or missing."""
    conductors = read_technology(folder).conductors
    sign = {Interconnect.LOW: 1, Interconnect.NOM: 0, Interconnect.HIGH: -1}[corner]

    def factor(record: dict[str, float]) -> float:
        return record[f"{corner}_ohm"] / record["nom_ohm"]

    cut_ohm, cut_um2 = {}, {}
    with facts_of(folder / "layers.toml") as layers:
        nominal = {name: float(layers["layer"][name]["sheet_ohm"]) for name in conductors}
        with facts_of(folder / "resistances.toml") as corners:
            sheets = corners["sheet"]
            sheet_ohm = {name: nominal[name] * factor(sheets[name]) for name in conductors}
            change_um = {name: sign * sheets[name]["width_change_um"] for name in conductors}
            factors = {name: factor(record) for name, record in corners["cut"].items()}
        for name, record in layers["cut"].items():
            kinds = {"": name} if name != "licon" else {k: f"licon_{k}" for k in ("n", "p", "poly")}
            for kind, key in kinds.items():
                ohm = record[f"resistance_{kind}_ohm" if kind else "resistance_ohm"]
                cut_ohm[key] = ohm * factors[key]
                cut_um2[key] = record["size_um"] ** 2
    return ResistanceTable(sheet_ohm, change_um, cut_ohm, cut_um2)
