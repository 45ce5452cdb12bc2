"""Spike-time error of the Iris network against ngspice, over training seeds and data splits.

    python -m benchmarks.closed_loop [--seeds 1 2 3] [--splits 2 3] [--samples 50]

Compares, in one run and on the same circuit, the fitted model (`pnn`, one global scale) with the
conventional mapping (`ann`, trained with |E| = 100, two scales fitted to SPICE), and the papers'
model form (`linear`) with ours (`extended`). The circuit is characterised once; every seed, and the
first seed on every further split, trains and verifies anew in a run directory of its own, and what
is there already is not done again. Prints
JSON; exits with 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from codesign.designs.network import Design
from codesign.flow import STEPS, RunOptions, run_flow
from codesign.spice.jobs import default_workers

PUBLISHED = {
    "source": "arXiv:2412.09010, post-layout, 50 Iris samples",
    "pnn_rmse_ns": 1.97,
    "ann_rmse_ns": 39.04,
}
ENERGY = (
    "energy_per_inference_J",
    "energy_of_controls_J",
    "energy_per_synaptic_operation_J",
    "efficiency_tops_per_W",
)
CLAIMS = {
    "pnn_rmse_ns": 0.15,
    "pnn_hidden_rmse_ns": 0.15,
    "ratio": 100.0,
    "accuracy": 0.94,
    "accuracy_gap": 0.02,
}
_SHARED = ("netlist", "layout", "characterization", "fit", "cache", "manifest.json")


def main() -> int:
    """Run every seed and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--splits", type=int, nargs="*", default=[2, 3])
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--design", type=Path, default=Path("designs/iris.toml"))
    parser.add_argument("--build", type=Path, default=Path("build"))
    arguments = parser.parse_args()
    design = Design.load(arguments.design).override({"verify.samples": arguments.samples})
    base = arguments.build / design.name
    options = RunOptions(workers=default_workers())
    run_flow(STEPS, design, base, RunOptions(last="fit", workers=options.workers))
    rows = []
    own = design.training.split_seed
    runs = [(seed, own) for seed in arguments.seeds]
    runs += [(arguments.seeds[0], split) for split in arguments.splits if split != own]
    for seed, split in runs:
        name = f"seed-{seed}" if split == own else f"split-{split}"
        folder = arguments.build / f"{design.name}-{name}"
        copy_characterisation(base, folder)
        chosen = design.with_seed(seed).override({"training.split_seed": split})
        run_flow(STEPS, chosen, folder, options)
        metrics = json.loads((folder / "verify" / "metrics.json").read_text())
        rows.append({"seed": seed, "split": split, **_row(metrics)})
        print(f"{name}: {rows[-1]['pnn_rmse_ns']:.3f} ns", file=sys.stderr, flush=True)
    holds = {
        **{
            key: all(row[key] <= CLAIMS[key] for row in rows)
            for key in ("pnn_rmse_ns", "pnn_hidden_rmse_ns")
        },
        "ratio": all(row["ratio"] >= CLAIMS["ratio"] for row in rows),
        "no_spike_missed": all(row["spikes_missed"] == 0 for row in rows),
        "no_failed_simulation": all(row["failed_simulations"] == 0 for row in rows),
        "accuracy": all(row["accuracy_spice"] >= CLAIMS["accuracy"] for row in rows),
        "accuracy_gap": all(
            abs(row["accuracy_spice"] - row["accuracy_model"]) <= CLAIMS["accuracy_gap"] + 1e-9
            for row in rows
        ),
    }
    summary = {
        "benchmark": "closed_loop",
        "design": design.name,
        "view": design.view,
        "samples": arguments.samples,
        "seeds": rows,
        "median_pnn_rmse_ns": statistics.median(row["pnn_rmse_ns"] for row in rows),
        "median_linear_rmse_ns": statistics.median(row["linear_rmse_ns"] for row in rows),
        "median_ann_rmse_ns": statistics.median(row["ann_rmse_ns"] for row in rows),
        "published": PUBLISHED,
        "claims": CLAIMS,
        "holds": holds,
    }
    print(json.dumps(summary, indent=1))
    return 0 if all(holds.values()) else 1


def copy_characterisation(base: Path, folder: Path) -> None:
    """Give a seed's run directory what does not depend on the seed."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "manifest.json").exists():
        return
    for name in _SHARED:
        source = base / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("*.trained.spice", "verify")
            shutil.copytree(source, folder / name, dirs_exist_ok=True, ignore=ignore)
        elif source.exists():
            shutil.copy(source, folder / name)


def _row(metrics: dict[str, Any]) -> dict[str, Any]:
    view = next(iter(metrics["views"].values()))
    pnn, ann = view["mappings"]["pnn"], view["mappings"]["ann"]
    return {
        "pnn_rmse_ns": pnn["rmse_spike_time_ns"],
        "pnn_hidden_rmse_ns": pnn["rmse_hidden_spike_time_ns"],
        "pnn_max_abs_ns": pnn["max_abs_error_ns"],
        "linear_rmse_ns": pnn["models"]["linear"]["rmse_spike_time_ns"],
        "ann_rmse_ns": ann["rmse_spike_time_ns"],
        "ratio": ann["rmse_spike_time_ns"] / pnn["rmse_spike_time_ns"],
        "spikes_compared": pnn["spikes_compared"],
        "spikes_missed": pnn["spikes_missed"],
        "failed_simulations": pnn["failed_simulations"] + ann["failed_simulations"],
        "accuracy_model": pnn["accuracy_model"],
        "accuracy_spice": pnn["accuracy_spice"],
        "ann_accuracy_spice": ann["accuracy_spice"],
        **{key: pnn[key] for key in ENERGY},
        "latency_s": view["latency_s"],
        "cut": view.get("cut"),
    }


if __name__ == "__main__":
    sys.exit(main())
