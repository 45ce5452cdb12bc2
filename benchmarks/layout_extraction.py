"""Time of a whole extraction against the number of cells: GDS file to netlist with capacitances.

    python -m benchmarks.layout_extraction [--sizes 8 16 32 64] [--repeat 3]

Draws crossbars of the current-source synapse, and extracts each from its file, ports audited
(mode c). Prints JSON: processor time (median), time per cell, and the exponent of time against
cells fitted in logarithms. Exits with 1 when 16 x 16 takes more than 3 s, 64 x 64 more than 60 s,
or the exponent exceeds the claim.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from codesign.cells import Crossbar, CrossbarParameters
from codesign.layout.extract import extract_circuit

LARGEST_EXPONENT = 1.15
LONGEST_S = {16: 3.0, 64: 60.0}


def measure(size: int, repeat: int, folder: Path) -> dict[str, Any]:
    """Times of one crossbar and what was extracted."""
    crossbar = Crossbar(CrossbarParameters(rows=size, columns=size), f"crossbar_{size}")
    path = folder / f"{crossbar.name}.gds"
    crossbar.layout.write_gds(path)
    times = []
    for _ in range(repeat):
        start = time.process_time()
        circuit = extract_circuit(path, crossbar.name, mode="c", ports=crossbar.port_names)
        times.append(time.process_time() - start)
    median = statistics.median(times)
    return {
        "rows": size,
        "columns": size,
        "transistors": len(circuit.devices),
        "capacitors": len(circuit.capacitors),
        "cpu_s": round(median, 3),
        "cpu_s_spread": [round(min(times), 3), round(max(times), 3)],
        "cpu_ms_per_cell": round(1e3 * median / size**2, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(4, 1, Path(folder))  # imports and tables
        rows = [measure(size, options.repeat, Path(folder)) for size in options.sizes]
    cells = np.log([row["rows"] * row["columns"] for row in rows])
    exponent = float(np.polyfit(cells, np.log([row["cpu_s"] for row in rows]), 1)[0])
    slow = [row["rows"] for row in rows if row["cpu_s"] > LONGEST_S.get(row["rows"], np.inf)]
    result = {
        "what": "GDS file to netlist with capacitances and audited ports, one process",
        "crossbars": rows,
        "exponent_of_time_in_cells": round(exponent, 3),
        "largest_exponent_allowed": LARGEST_EXPONENT,
        "longest_s_allowed": LONGEST_S,
        "too_slow": slow,
    }
    print(json.dumps(result, indent=1))
    sys.exit(bool(slow) or exponent > LARGEST_EXPONENT)


if __name__ == "__main__":
    main()
