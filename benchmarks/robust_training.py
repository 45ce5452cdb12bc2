"""Networks trained for chips that differ against networks trained for the nominal one, in ngspice.

    python -m benchmarks.robust_training [--chips 50] [--samples 20] [--spreads 0.1 0.2]
                                         [--view schematic|layout] [--build build/robust]

The circuit is characterised and fitted once; each training (`training.robust`, 0 for the nominal
one) has the same seed and as many epochs. Every trained network is then written, with the nominal
biases, into the same chips (process and mismatch drawn), which see the same test samples: accuracy
by chip, and its mean difference from the nominal training, paired by chip, with a bootstrap
interval of 95 %. What is done already is not done again. Prints JSON; it claims nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.closed_loop import copy_characterisation
from codesign.designs.network import Design
from codesign.flow import STEPS, RunOptions, run_flow
from codesign.flow.steps import YIELD
from codesign.spice.jobs import default_workers

_RESAMPLED, _SEED = 5000, 1


def main() -> int:
    """Train, run the chips, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, default=50)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--spreads", type=float, nargs="+", default=[0.1, 0.2])
    parser.add_argument("--view", choices=["schematic", "layout"], default="schematic")
    parser.add_argument("--design", type=Path, default=Path("designs/iris.toml"))
    parser.add_argument("--build", type=Path, default=Path("build/robust"))
    given = parser.parse_args()
    chips = {"chips.count": given.chips, "chips.samples": given.samples, "view": given.view}
    alone = {"training.baseline": False, "verify.mappings": ["pnn"]}
    design = Design.load(given.design).override(chips | alone)
    base = given.build / "base"
    options = RunOptions(workers=default_workers())
    run_flow(STEPS, design, base, RunOptions(last="fit", workers=options.workers))
    rows: list[dict[str, Any]] = []
    nominal = np.empty(0)
    for spread in [0.0, *given.spreads]:
        folder = given.build / f"robust-{spread:g}"
        copy_characterisation(base, folder)
        chosen = design.override({"training.robust": spread})
        run_flow(STEPS, chosen, folder, RunOptions(last="train", workers=options.workers))
        run_flow(
            (*STEPS, YIELD), chosen, folder, RunOptions(YIELD.name, YIELD.name, options.workers)
        )
        table = pd.read_parquet(folder / "yield" / "chips.parquet").set_index("chip")
        accuracy = table["accuracy"].to_numpy()
        nominal = accuracy if spread == 0.0 else nominal
        trained = json.loads((folder / "train" / "metrics.json").read_text(encoding="utf-8"))
        rows.append({"robust": spread, **_row(accuracy, nominal), "training": trained})
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    result = {
        "benchmark": "robust_training", "design": design.name, "view": given.view,
        "chips": given.chips, "samples": given.samples, "trainings": rows,
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    return 0


def _row(accuracy: np.ndarray, nominal: np.ndarray) -> dict[str, Any]:
    difference = accuracy - nominal
    rng = np.random.default_rng(_SEED)
    means = [rng.choice(difference, len(difference)).mean() for _ in range(_RESAMPLED)]
    shares = np.quantile(accuracy, [0.0, 0.05, 0.25, 0.5, 0.75, 1.0])
    return {
        "accuracy_mean": float(accuracy.mean()),
        "accuracy_quantiles_0_5_25_50_75_100": [float(x) for x in shares],
        "difference": float(difference.mean()),
        "difference_interval_95": [float(x) for x in np.quantile(means, [0.025, 0.975])],
    }


if __name__ == "__main__":
    sys.exit(main())
