"""A digital block of 60,000 transistors: time and memory of extraction and of the design rules.

    python -m benchmarks.extraction_size [--transistors 60000] [--jobs none c rc drc]

Draws `logic_block`, then runs each job in a process of its own, on one core. Prints JSON: processor
time, elapsed time and peak memory of each, what was found, and the limits. Exits with 1 when a
limit is exceeded, a rule violated or a transistor missing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.logic_block import LogicBlock

# Processor seconds and megabytes.
LIMITS = {"none": (60, 1000), "c": (60, 1000), "rc": (300, 2000), "drc": (60, 2000)}


def run(job: str, path: Path) -> dict[str, Any]:
    """What a job found."""
    if job == "drc":
        from codesign.layout.drc import check_drc

        return {"violations": check_drc(path).total}
    from codesign.layout.extract import extract_circuit

    circuit = extract_circuit(path, mode=job)
    return {
        "transistors": len(circuit.devices),
        "ports": len(circuit.ports),
        "capacitors": len(circuit.capacitors),
        "resistors": len(circuit.resistors),
        "netlist_MB": round(len(circuit.spice()) / 1e6, 1),
    }


def measure(job: str, path: Path) -> dict[str, Any]:
    """A job's result, times and memory; in a new process, which must do nothing else."""
    wall = time.perf_counter()
    found = run(job, path)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s, peak_MB = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3
    longest_s, most_MB = LIMITS[job]
    return found | {
        "cpu_s": round(cpu_s, 1),
        "wall_s": round(time.perf_counter() - wall, 1),
        "peak_MB": round(peak_MB),
        "limits": {"cpu_s": longest_s, "peak_MB": most_MB},
        "within_limits": cpu_s <= longest_s and peak_MB <= most_MB,
    }


def main() -> int:
    """Draw, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transistors", type=int, default=60_000)
    parser.add_argument("--jobs", nargs="+", choices=LIMITS, default=list(LIMITS))
    arguments = parser.parse_args()
    # One core: numpy's and klayout's own threads would hide what an extraction costs.
    os.environ["OMP_NUM_THREADS"] = "1"
    block = LogicBlock(arguments.transistors)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block.gds"
        block.write(path)
        jobs = {}
        for job in arguments.jobs:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                jobs[job] = pool.apply(measure, (job, path))
            print(job, json.dumps(jobs[job]), file=sys.stderr, flush=True)
    extracted = [job for job in jobs.values() if "transistors" in job]
    holds = (
        all(job["within_limits"] for job in jobs.values())
        and all(job["transistors"] == block.transistors for job in extracted)
        and not jobs.get("drc", {}).get("violations", 0)
    )
    figures = {
        "benchmark": "extraction_size",
        "layout": "rows of small standard cells, routed over met1 to met4 (benchmarks.logic_block)",
        "drawn_transistors": block.transistors,
        "rows": len(block.rows),
        "nets_routed": len(block.names),
        "jobs": jobs,
        "holds": holds,
    }
    print(json.dumps(figures, indent=1))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
