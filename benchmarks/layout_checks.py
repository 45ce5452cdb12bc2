"""Design rule check and layout against schematic of crossbars: hierarchical against flat, klayout
against netgen.

    python -m benchmarks.layout_checks [--sizes 16 64] [--repeat 3] [--netgen-up-to 16]

Draws the default crossbar at each size, checks all design rules with and without hierarchy, and
compares the flat schematic with a copy under other net names and in another order, through both
engines (netgen, quadratic in time, up to a size only). Prints JSON: medians in seconds and their
ratios. Exits with 1 when the hierarchical check of 64 x 64 takes more than LIMIT_S, the two checks
disagree, or a comparison does not match.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import klayout.db as kdb

from codesign.cells import Crossbar, CrossbarParameters
from codesign.cells.flatten import flat_circuit
from codesign.layout.circuit import FlatCircuit
from codesign.layout.drc import check_drc
from codesign.layout.drc.read import flat_shapes
from codesign.layout.lvs import compare, compare_with_netgen

LIMIT_S = 60.0


def _median_s(work: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    times, result = [], None
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def _disguised(circuit: FlatCircuit) -> FlatCircuit:
    """Inner nets renamed and devices shuffled, as if extracted."""
    rng = random.Random(0)
    inner = [net for net in circuit.nets if net not in set(circuit.ports)]
    names = [f"n{index}" for index in range(len(inner))]
    rng.shuffle(names)
    devices = list(circuit.renamed(dict(zip(inner, names, strict=True))).devices)
    rng.shuffle(devices)
    return replace(circuit, devices=tuple(devices))


def measure(size: int, repeat: int, netgen: bool) -> dict[str, Any]:
    """Figures of one size."""
    cell = Crossbar(CrossbarParameters(rows=size, columns=size))
    with tempfile.TemporaryDirectory() as folder:
        gds = Path(folder) / "crossbar.gds"
        cell.layout.write_gds(gds)
        layout = kdb.Layout()
        layout.read(str(gds))
        shapes = flat_shapes(layout, layout.cell(cell.name))
        deep_s, deep = _median_s(lambda: check_drc(gds, cell.name), repeat)
        flat_s, flat = _median_s(lambda: check_drc(gds, cell.name, deep=False), repeat)
    schematic = flat_circuit(cell)
    extracted = _disguised(schematic)
    klayout_s, report = _median_s(lambda: compare(extracted, schematic), repeat)
    figures = {
        "size": size,
        "shapes": shapes,
        "transistors": len(schematic.devices),
        "drc_rules": deep.checked,
        "drc_violations": deep.total,
        "drc_agree": deep.counts.keys() == flat.counts.keys(),
        "drc_hierarchical_s": round(deep_s, 3),
        "drc_flat_s": round(flat_s, 3),
        "drc_ratio": round(flat_s / deep_s, 2),
        "lvs_match": report.match,
        "lvs_nets_paired": len(report.nets),
        "lvs_klayout_s": round(klayout_s, 3),
    }
    if netgen:
        netgen_s, second = _median_s(lambda: compare_with_netgen(extracted, schematic), repeat)
        figures |= {
            "lvs_netgen_match": second.match,
            "lvs_netgen_s": round(netgen_s, 3),
            "lvs_ratio": round(netgen_s / klayout_s, 2),
        }
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--netgen-up-to", type=int, default=16)
    arguments = parser.parse_args()
    rows = [
        measure(size, arguments.repeat, size <= arguments.netgen_up_to) for size in arguments.sizes
    ]
    ok = all(
        row["drc_agree"]
        and row["lvs_match"]
        and row.get("lvs_netgen_match", True)
        and (row["size"] != 64 or row["drc_hierarchical_s"] <= LIMIT_S)
        for row in rows
    )
    print(json.dumps({"ok": ok, "repeat": arguments.repeat, "crossbars": rows}, indent=1))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
