"""Spike-time error of the foreign cells and data of examples/ against ngspice.

    python -m benchmarks.examples [cascode cascode:layout resistor ...] [--build build/examples]

Runs each example from its netlists to the report and compares, on the same circuit and samples, the
`extended` form of the fitted model with the `linear` one and with the conventional mapping (`ann`)
where the example asks for it. What a run directory has already is not done again. Prints JSON;
exits with 1 when an error is larger than its claim.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from codesign.designs.network import Design
from codesign.flow import STEPS, RunOptions, run_flow
from codesign.spice.jobs import default_workers

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
# Largest output spike-time error of the extended form, in ns.
CLAIMS = {
    "cascode": 1.0,
    "cascode:layout": 1.0,
    "resistor": 1.0,
    "published-neuron": 3.0,
    "own-data": 1.0,
}


def main() -> int:
    """Run the examples that are asked for and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("examples", nargs="*", metavar="NAME[:VIEW]", help=", ".join(CLAIMS))
    parser.add_argument("--build", type=Path, default=Path("build/examples"))
    arguments = parser.parse_args()
    if unknown := set(arguments.examples) - set(CLAIMS):
        parser.error(f"no such example: {', '.join(sorted(unknown))}; one of {', '.join(CLAIMS)}")
    rows = []
    for example in arguments.examples or CLAIMS:
        rows.append(_run(example, arguments.build))
        print(f"{example}: {rows[-1]['extended_rmse_ns']:.3f} ns", file=sys.stderr, flush=True)
    summary = {
        "benchmark": "examples",
        "examples": rows,
        "claims": {f"{row['example']} extended_rmse_ns": row["claim_ns"] for row in rows},
        "holds": {row["example"]: row["holds"] for row in rows},
    }
    print(json.dumps(summary, indent=1))
    return 0 if all(row["holds"] for row in rows) else 1


def _run(example: str, build: Path) -> dict[str, Any]:
    """Figures of one example in the view that stands behind its name, or in its design's own."""
    name, _, view = example.partition(":")
    design = Design.load(EXAMPLES / name / "design.toml")
    if view:
        design = design.override({"view": view})
    folder = build / example.replace(":", "-")
    run_flow(STEPS, design, folder, RunOptions(workers=default_workers()))
    metrics = json.loads((folder / "verify" / "metrics.json").read_text(encoding="utf-8"))
    mappings = metrics["views"][design.view]["mappings"]
    pnn, ann = mappings["pnn"], mappings.get("ann")
    models = pnn["models"]
    spikes_ns = models["extended"]["rmse_spike_time_ns"]
    failed = sum(mapping["failed_simulations"] for mapping in mappings.values())
    complete = not failed and not pnn["spikes_missed"]
    return {
        "example": example,
        "view": str(design.view),
        "samples": metrics["views"][design.view]["samples"],
        "extended_rmse_ns": spikes_ns,
        "extended_hidden_rmse_ns": models["extended"].get("rmse_hidden_spike_time_ns"),
        "linear_rmse_ns": models["linear"]["rmse_spike_time_ns"],
        "ann_rmse_ns": ann["rmse_spike_time_ns"] if ann else None,
        "spikes_compared": pnn["spikes_compared"],
        "spikes_missed": pnn["spikes_missed"],
        "failed_simulations": failed,
        "accuracy_model": pnn["accuracy_model"],
        "accuracy_spice": pnn["accuracy_spice"],
        "claim_ns": CLAIMS[example],
        "holds": complete and spikes_ns <= CLAIMS[example],
    }


if __name__ == "__main__":
    sys.exit(main())
