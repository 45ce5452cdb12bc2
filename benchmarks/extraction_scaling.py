"""Time of the capacitance extraction against the number of cells of a crossbar.

    python -m benchmarks.extraction_scaling [--sizes 8 16 32 64] [--repeat 3]

The layout is a synthetic crossbar of four-transistor cells (`synthetic_crossbar`; every conductor
layer in use, about 76 rectangles per cell, bit lines on met2, word lines on met3). Prints JSON:
per size and law the median processor time of one core, and the exponent of time against cells
fitted in logarithms. Exits with 1 when a time or an exponent exceeds its claim.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from typing import Any

import numpy as np

from codesign.layout.extract.capacitance import capacitances
from codesign.layout.extract.shapes import NetShapes
from codesign.pdk import default_process
from codesign.pdk.parasitics import LAWS

DBU_UM = 0.001
CELL_NM = 4000
LARGEST_EXPONENT = 1.15
# Cells: processor seconds of one core.
LONGEST_S = {16 * 16: 2.0, 64 * 64: 40.0}


class _Drawing:
    """Rectangles and their nets, collected by layer."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[int, int, int, int, int]]] = {}

    def add(self, layer: str, x0: int, y0: int, x1: int, y1: int, net: int) -> None:
        self.rows.setdefault(layer, []).append((x0, y0, x1, y1, net))

    def shapes(self, n_nets: int) -> NetShapes:
        tables = {layer: np.array(rows, np.int64) for layer, rows in self.rows.items()}
        return NetShapes(
            DBU_UM,
            {layer: table[:, :4] for layer, table in tables.items()},
            {layer: table[:, 4] for layer, table in tables.items()},
            n_nets,
        )


def synthetic_crossbar(size: int) -> NetShapes:
    """size x size cells of four transistors in two rows, with contacts, straps and lines."""
    drawing = _Drawing()
    n_lines = 4 * size
    for row in range(size):
        for column in range(size):
            _cell(drawing, row, column, size, n_lines + 3 * (row * size + column))
    length = size * CELL_NM
    for k in range(size):
        at = k * CELL_NM
        for j, offset in enumerate((300, 2300)):
            drawing.add("met2", at + offset, 0, at + offset + 280, length, 2 * k + j)
            row_net = 2 * size + 2 * k + j
            drawing.add("met3", 0, at + offset, length, at + offset + 400, row_net)
        if k % 4 == 0:
            drawing.add("met4", at, 0, at + 1200, length, 0)
    if size >= 8:
        drawing.add("met5", 0, 0, length, 1600, 1)
    drawing.add("nwell", 0, 0, length, length, 2 * size)
    return drawing.shapes(n_lines + 3 * size * size)


def _cell(drawing: _Drawing, row: int, column: int, size: int, own: int) -> None:
    x, y = column * CELL_NM, row * CELL_NM
    for half in (0, 1):
        base = y + 400 + 1900 * half
        gates = (2 * size + 2 * row + half, own + half)
        ends = (2 * column + half, own + 2, 2 * column + 1 - half)
        # Two gates in series, each with end caps and a contact pad.
        for j, at in enumerate((x + 700, x + 1300)):
            drawing.add("gate", at, base, at + 150, base + 420, gates[j])
            drawing.add("poly", at, base - 130, at + 150, base, gates[j])
            drawing.add("poly", at, base + 420, at + 150, base + 550, gates[j])
            drawing.add("poly", at - 60, base + 550, at + 270, base + 820, gates[j])
            drawing.add("li1", at - 20, base + 560, at + 150, base + 900, gates[j])
            drawing.add("met1", at - 80, base + 600, at + 210, base + 860, gates[j])
        for j, (x0, x1) in enumerate(((300, 700), (850, 1300), (1450, 1850))):
            drawing.add("diff", x + x0, base, x + x1, base + 420, ends[j])
            middle = x + (x0 + x1) // 2
            drawing.add("li1", middle - 85, base - 80, middle + 85, base + 500, ends[j])
            drawing.add("met1", middle - 130, base + 50, middle + 130, base + 340, ends[j])
        drawing.add("met1", x + 2000, base - 200, x + 2140, base + 1000, own + half)
        drawing.add("met1", x + 2280, base - 200, x + 2420, base + 1000, own + 2)
        drawing.add("li1", x + 2000, base, x + 3600, base + 170, own + half)
        for j in range(4):
            x0 = x + 2700 + 300 * j
            drawing.add("li1", x0, base + 400, x0 + 170, base + 900, own + j % 3)
            drawing.add("met1", x0, base, x0 + 160, base + 700, own + j % 3)
            drawing.add("poly", x0, base + 200, x0 + 150, base + 600, own + (j + 1) % 3)
        drawing.add("met2", x + 1200, base, x + 1500, base + 300, own + half)
        drawing.add("met3", x + 3000, base + 900, x + 3400, base + 1250, own + 2)


def layout(size: int) -> NetShapes:
    """The layout that is extracted; replace it to time another one."""
    return synthetic_crossbar(size)


def measure(size: int, repeat: int) -> dict[str, Any]:
    """Times of extracting the layout of size x size cells with each law."""
    shapes = layout(size)
    row: dict[str, Any] = {
        "cells": size * size,
        "boxes": sum(len(boxes) for boxes in shapes.boxes.values()),
    }
    for law in LAWS:
        table = default_process().parasitics("nom", law)
        times, walls = [], []
        for _ in range(repeat):
            start, wall = time.process_time(), time.perf_counter()
            result = capacitances(shapes, table)
            times.append(time.process_time() - start)
            walls.append(time.perf_counter() - wall)
        row["pairs"] = len(result.pair)
        row[law] = {
            "time_s": statistics.median(times),
            "spread_s": max(times) - min(times),
            "wall_s": statistics.median(walls),
            "time_per_cell_ms": statistics.median(times) / size**2 * 1e3,
        }
    row["peak_memory_MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return row


def main() -> int:
    """Measure all sizes and fit the exponents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    rows = [measure(size, arguments.repeat) for size in sorted(arguments.sizes)]
    cells = [row["cells"] for row in rows]
    exponents = {
        law: float(np.polyfit(np.log(cells), np.log([row[law]["time_s"] for row in rows]), 1)[0])
        for law in LAWS
        if len(rows) > 1
    }
    within = all(
        row[law]["time_s"] <= LONGEST_S.get(row["cells"], np.inf) for row in rows for law in LAWS
    )
    figures = {
        "benchmark": "extraction_scaling",
        "layout": "synthetic crossbar of four-transistor cells",
        "sizes": rows,
        "exponents": exponents,
        "claims": {"exponent": LARGEST_EXPONENT, "time_s_by_cells": LONGEST_S},
        "holds": within and all(value <= LARGEST_EXPONENT for value in exponents.values()),
    }
    print(json.dumps(figures, indent=1))
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
