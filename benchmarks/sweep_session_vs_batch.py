"""Cost of a sweep through one libngspice session against separate runs of the same deck.

Circuit: one synapse, NMOS selector and memory transistor 1/0.25 um in series, sky130 tt. The
session runs every operating point of a grid of membrane and gate voltages, the models loaded once
(its start and load are counted). Separate runs are timed on a sample of the same points, with the
trimmed model include and with the whole library, and scaled to the number of points. The currents
must agree.

    python -m benchmarks.sweep_session_vs_batch [--points 2000] [--sample 20] [--library-sample 3]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time

import numpy as np

from codesign.pdk import Conditions, Device, Process, default_process
from codesign.spice import Deck, Ngspice, OperatingPoint, run_batch
from codesign.spice.session import Session

_SAVE = ("i(vd)",)


def _deck(v_membrane: float, v_gate: float, *, full_library: bool = False) -> Deck:
    area = "ad=0.29 as=0.29 pd=2.58 ps=2.58"
    netlist = (
        f"vd d 0 {v_membrane:.12g}\nvg g 0 {v_gate:.12g}\nvs s 0 1.8\n"
        f"xm d g m 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25 {area}\n"
        f"xs m s 0 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25 {area}"
    )
    devices = frozenset({Device("nfet_01v8", 1.0, 0.25)})
    return Deck("synapse", netlist, devices, Conditions(), full_library=full_library)


def _grid(points: int) -> list[tuple[float, float]]:
    """(membrane voltage, gate voltage) of each point, in V."""
    columns = max(1, round(points**0.5))
    gates = np.linspace(0.3, 0.8, -(-points // columns))
    membranes = np.linspace(0.4, 1.4, columns)
    return [(float(m), float(g)) for g in gates for m in membranes][:points]


def measure(points: int, sample: int, library_sample: int) -> dict[str, object]:
    """Seconds of each way and their ratios."""
    process = default_process()
    grid = _grid(points)
    started = time.perf_counter()
    with Session(process) as session:
        session.load(_deck(*grid[0]))
        loaded = time.perf_counter()
        by_session = np.empty(points)
        for i, (v_membrane, v_gate) in enumerate(grid):
            session.alter("vd", v_membrane)
            session.alter("vg", v_gate)
            by_session[i] = session.op(*_SAVE)["i(vd)"][0]
    session_s = time.perf_counter() - started

    chosen = np.linspace(0, points - 1, sample).round().astype(int)
    batch_s, worst = _batch(process, grid, chosen, by_session, full_library=False)
    library_s, library_worst = _batch(
        process, grid, chosen[:library_sample], by_session, full_library=True
    )
    batch_total = statistics.mean(batch_s) * points
    library_total = statistics.mean(library_s) * points
    return {
        "points": points,
        "session_s": session_s,
        "session_start_and_load_s": loaded - started,
        "session_per_point_ms": 1e3 * (session_s - (loaded - started)) / points,
        "batch_sample": sample,
        "batch_per_run_s": statistics.mean(batch_s),
        "batch_per_run_spread_s": [min(batch_s), max(batch_s)],
        "batch_scaled_s": batch_total,
        "ratio_session_to_batch": session_s / batch_total,
        "library_sample": library_sample,
        "library_batch_per_run_s": statistics.mean(library_s),
        "ratio_session_to_library_batch": session_s / library_total,
        "max_relative_difference": max(worst, library_worst),
        "limit_ratio": 1 / 20,
        "ngspice": Ngspice.find().version(),
        "models": process.library.version,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _batch(
    process: Process,
    grid: list[tuple[float, float]],
    chosen: np.ndarray,
    expected: np.ndarray,
    *,
    full_library: bool,
) -> tuple[list[float], float]:
    """Seconds of each separate run, and the largest relative difference of its current."""
    seconds, worst = [], 0.0
    for i in chosen:
        started = time.perf_counter()
        deck = _deck(*grid[i], full_library=full_library)
        current = run_batch(deck, OperatingPoint(_SAVE), process=process, timeout_s=60).require()
        seconds.append(time.perf_counter() - started)
        worst = max(worst, abs(current["i(vd)"][0] / expected[i] - 1))
    return seconds, worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--library-sample", type=int, default=3)
    arguments = parser.parse_args()
    figures = measure(arguments.points, arguments.sample, arguments.library_sample)
    print(json.dumps(figures, indent=2))
    return 0 if float(str(figures["ratio_session_to_batch"])) < 1 / 20 else 1


if __name__ == "__main__":
    raise SystemExit(main())
