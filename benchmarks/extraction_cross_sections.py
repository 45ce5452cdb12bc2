"""Extracted capacitances of wires over planes against the field solution and the foundry's table.

    python -m benchmarks.extraction_cross_sections

One wire, and two wires at several spaces, of the narrowest and the widest width of the foundry's
table, over each plane: total capacitance of a wire with both laws of the extraction, against a 2-D
field solution of the wires as drawn in the process's stack. Arrays of wires: total against the
foundry's entries. And what the two laws differ by on a crossbar. Prints JSON: worst errors in
percent by layer, and every case beyond 10 % of the field (foundry's law) or 3 % of the table.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from benchmarks.extraction_scaling import synthetic_crossbar
from codesign.layout.extract.capacitance import capacitances
from codesign.pdk import default_process
from codesign.pdk.parasitics import LAWS, SUBSTRATE, ParasiticTable
from tests.layout.extract.cross_sections import Section, extracted_aF_per_um
from tests.layout.extract.field import capacitance_aF_per_um

# Spaces in units of the minimum; 0 stands for a wire alone.
SPACES = (0.0, 1.0, 1.5, 2.0, 3.0, 6.0)
FIELD_LIMIT, TABLE_LIMIT = 10.0, 3.0
CROSSBAR = 16
SMALLEST_PAIR_F = 0.05e-15


def cases(layer: str, table: ParasiticTable) -> list[tuple[Section, float]]:
    """Sections with one and two wires over each plane, and their space in minimum spaces."""
    arrays = table.wires[layer]
    least = arrays.space_m[0] * 1e6
    found = []
    for plane, above in arrays.stacks:
        if above is not None:
            continue
        for width in arrays.width_m * 1e6:
            for times in SPACES:
                half = round(least * times, 3) / 2
                right = (half, half + width) if times else (-width / 2, width / 2)
                wires = ((-right[1], -right[0]), right) if times else (right,)
                found.append((Section(layer, plane, wires), times))
    return found


def against_field() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Worst errors by layer and case, and all beyond the limit with the foundry's law."""
    tables = {law: default_process().parasitics("nom", law) for law in LAWS}
    worst: dict[str, Any] = {}
    beyond = []
    for layer in tables["foundry"].wires:
        sections = cases(layer, tables["foundry"])
        found = {
            law: extracted_aF_per_um([section for section, _ in sections], table)
            for law, table in tables.items()
        }
        for k, (section, times) in enumerate(sections):
            field = capacitance_aF_per_um(layer, list(section.wires), section.plane)[0, 0]
            errors = {law: float((found[law][k][0].sum() / field - 1) * 100) for law in LAWS}
            case = "one wire" if not times else f"two wires at {times:g} x minimum space"
            kept = worst.setdefault(layer, {}).setdefault(case, dict.fromkeys(LAWS, 0.0))
            for law, error in errors.items():
                kept[law] = max(kept[law], error, key=abs)
            if abs(errors["foundry"]) > FIELD_LIMIT:
                width = section.wires[0][1] - section.wires[0][0]
                beyond.append(
                    {
                        "layer": layer,
                        "plane": section.plane,
                        "width_um": round(float(width), 3),
                        "case": case,
                        "field_aF_per_um": float(field),
                        "error_pct": errors["foundry"],
                    }
                )
    return worst, beyond


def against_table() -> dict[str, Any]:
    """Worst error of arrays of five wires, by law: narrowest and widest wires, over field oxide
    and over the other planes."""
    result: dict[str, Any] = {}
    for law in LAWS:
        table = default_process().parasitics("nom", law)
        foundry = default_process().parasitics("nom", "foundry")
        kept = result.setdefault(law, {})
        for layer, arrays in foundry.wires.items():
            sections, expected, keys = [], [], []
            for (plane, above), stack in arrays.stacks.items():
                if above is not None:
                    continue
                for i, width in enumerate(arrays.width_m * 1e6):
                    for j, space in enumerate(arrays.space_m * 1e6):
                        pitch = width + space
                        wires = tuple(
                            (k * pitch - width / 2, k * pitch + width / 2) for k in range(-2, 3)
                        )
                        sections.append(Section(layer, plane, wires))
                        edge = (stack.coupling_F_per_m + stack.fringe_F_per_m)[i, j] * 1e12
                        expected.append(stack.area_F_per_m2 * 1e6 * width + 2 * edge)
                        where = "field oxide" if plane == SUBSTRATE else "other planes"
                        keys.append(f"{('narrow', 'wide')[i]} wires over {where}")
            found = [c[2].sum() for c in extracted_aF_per_um(sections, table)]
            for key, value, entry in zip(keys, found, expected, strict=True):
                error = float((value / entry - 1) * 100)
                kept[key] = max(kept.get(key, 0.0), error, key=abs)
    return result


def laws_on_crossbar() -> dict[str, float]:
    """What the foundry's law gives more than the constant law, in percent."""
    shapes = synthetic_crossbar(CROSSBAR)
    found = {law: capacitances(shapes, default_process().parasitics("nom", law)) for law in LAWS}
    totals = (found["foundry"].total_F() / found["constant"].total_F() - 1) * 100
    pairs = {
        law: dict(zip(map(tuple, part.pair.tolist()), part.pair_F, strict=True))
        for law, part in found.items()
    }
    differences = np.array(
        [
            (pairs["foundry"].get(pair, 0.0) / value - 1) * 100
            for pair, value in pairs["constant"].items()
            if value > SMALLEST_PAIR_F
        ]
    )
    return {
        "total_median_pct": float(np.median(totals)),
        "total_least_pct": float(totals.min()),
        "total_most_pct": float(totals.max()),
        "pair_median_pct": float(np.median(differences)),
        "pair_5th_percentile_pct": float(np.percentile(differences, 5)),
        "pair_95th_percentile_pct": float(np.percentile(differences, 95)),
    }


def main() -> int:
    """Compare and print."""
    worst, beyond = against_field()
    table = against_table()
    figures = {
        "benchmark": "extraction_cross_sections",
        "worst_error_against_field_pct": worst,
        "beyond_field_limit": beyond,
        "worst_error_against_table_pct": table,
        "foundry_law_over_constant_law_on_16x16_crossbar": laws_on_crossbar(),
        "limits_pct": {"field": FIELD_LIMIT, "table": TABLE_LIMIT},
        "holds": all(abs(error) <= TABLE_LIMIT for error in table["foundry"].values()),
    }
    print(json.dumps(figures, indent=1))
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
