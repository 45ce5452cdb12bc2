"""Chips in ngspice, calibrated: error of the nominal model, of the chip's own, and written again.

    python -m benchmarks.chips [--chips 20] [--view schematic|layout] [--observed all|outputs]
                               [--patterns 60] [--samples 50] [--run-dir DIR] [--compute N]

Every chip has process and mismatch drawn (`variation = "all"`). Compared on the same chip and the
same test samples: the nominal model, the identified one, and the chip with new biases against the
network that was meant. The nominal circuit is characterised, fitted and trained once. What is done
already is not done again, so a killed run goes on where it was; `--compute N` does at most N more
chips and then reports what there is. About 10 CPU minutes per chip (Iris 5-5-5, schematic). Prints
JSON; exits with 1 when a claim does not hold for the chips that there are.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from codesign.designs.network import Design
from codesign.flow import STEPS, RunOptions, run_flow
from codesign.flow.steps import ChipSource, calibrate_step
from codesign.spice.jobs import default_workers

CLAIMS = {"rms_ns_identified": 0.5, "rms_ns_rewritten": 2.0, "accuracy": 0.02, "share": 0.8}


def main() -> int:
    """Calibrate the chips and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, default=20)
    parser.add_argument("--compute", type=int)
    parser.add_argument("--view", choices=["schematic", "layout"], default="schematic")
    parser.add_argument("--observed", choices=["all", "outputs"], default="all")
    parser.add_argument("--patterns", type=int, default=60)
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--design", type=Path, default=Path("designs/iris.toml"))
    parser.add_argument("--run-dir", type=Path)
    given = parser.parse_args()
    design = Design.load(given.design).override(
        {
            "view": given.view,
            "chips.patterns": given.patterns,
            "chips.observed": given.observed,
            "chips.samples": given.samples,
        }
    )
    run_dir = given.run_dir or Path("build") / f"{design.name}-chips-{given.view}-{given.observed}"
    options = RunOptions(workers=default_workers())
    if not (run_dir / "train" / "weights.safetensors").is_file():
        run_flow(STEPS, design, run_dir, RunOptions(last="train", workers=options.workers))
    left = given.chips if given.compute is None else given.compute
    rows: list[dict[str, Any]] = []
    for seed in range(1, given.chips + 1):
        step = calibrate_step(ChipSource(seed=seed))
        there = (run_dir / "calibrate" / str(seed) / "metrics.json").is_file()
        if not there and left <= 0:
            continue
        left -= not there
        only = RunOptions(step.name, step.name, workers=options.workers)
        run_flow((*STEPS, step), design, run_dir, only)
        found = json.loads((run_dir / "calibrate" / str(seed) / "metrics.json").read_text())
        rows.append({"chip": seed, "view": given.view, **found})
        print(f"chip {seed}: {rows[-1]}", file=sys.stderr, flush=True)
    good = [_good(row) for row in rows]
    result = {
        "benchmark": "chips",
        "design": design.name,
        "samples": given.samples,
        "wanted": given.chips,
        "calibrated": len(rows),
        "good": sum(good),
        "chips": rows,
    }
    holds = bool(rows) and sum(good) >= CLAIMS["share"] * len(rows)
    print(json.dumps({**result, "holds": holds}, indent=1))
    return 0 if holds else 1


def _good(row: dict[str, Any]) -> bool:
    close = all(row[key] <= CLAIMS[key] for key in ("rms_ns_identified", "rms_ns_rewritten"))
    loss = row["accuracy_nominal"] - row["accuracy_rewritten"]
    return close and loss <= CLAIMS["accuracy"] + 1e-9


if __name__ == "__main__":
    sys.exit(main())
