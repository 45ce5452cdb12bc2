"""Designs that nobody tuned, from nothing to the verification: spike times, predictions, accuracy.

    python -m benchmarks.designs [wine breast-cancer yin-yang digits-circuit] [--build build]

Each is drawn, checked, extracted, characterised, fitted, trained and verified post-layout with the
default plan and one training recipe. What a run directory has already is not done again; `minutes`
adds up what its steps took. Predictions have to agree wherever the model's margin between the two
earliest outputs exceeds three times the output layer's error. Prints JSON; exits with 1 when a
claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.closed_loop import ENERGY
from codesign.designs.network import Design
from codesign.flow import STEPS, RunOptions, run_flow
from codesign.resources import resource_dir
from codesign.spice.jobs import default_workers
from codesign.training.datasets import dataset_for
from codesign.verify.metrics import classes

DESIGNS = ("wine", "breast-cancer", "yin-yang", "digits-circuit")
MAX_RMSE_NS, MARGIN, MAX_ACCURACY_GAP = 0.2, 3.0, 0.02
LEAST_ACCURACY = {"yin-yang": 0.95}
MAX_MINUTES = {"digits-circuit": 45.0}


def main() -> int:
    """Run the designs that are asked for and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("designs", nargs="*", metavar="NAME", help=", ".join(DESIGNS))
    parser.add_argument("--build", type=Path, default=Path("build"))
    arguments = parser.parse_args()
    if unknown := set(arguments.designs) - set(DESIGNS):
        parser.error(f"no such design: {', '.join(sorted(unknown))}; one of {', '.join(DESIGNS)}")
    rows = []
    for name in arguments.designs or DESIGNS:
        design = Design.load(resource_dir("designs") / f"{name}.toml")
        folder = arguments.build / design.name
        run_flow(STEPS, design, folder, RunOptions(workers=default_workers()))
        rows.append(_row(name, design, folder))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(json.dumps({"benchmark": "designs", "designs": rows}, indent=1))
    return 0 if all(row["holds"] for row in rows) else 1


def _row(name: str, design: Design, folder: Path) -> dict[str, Any]:
    """Figures of one finished run."""
    metrics = json.loads((folder / "verify" / "metrics.json").read_text(encoding="utf-8"))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    view = metrics["views"][str(design.view)]
    pnn = view["mappings"]["pnn"]
    rmse_ns, hidden_ns = pnn["rmse_spike_time_ns"], pnn["rmse_hidden_spike_time_ns"]
    agreement, beyond = _agreement(design, folder, rmse_ns)
    gap = abs(pnn["accuracy_spice"] - pnn["accuracy_model"])
    areas = json.loads((folder / "layout" / "areas.json").read_text(encoding="utf-8"))
    minutes = sum(step["duration_s"] for step in manifest["steps"].values()) / 60
    holds = {
        "rmse": max(rmse_ns, hidden_ns) <= MAX_RMSE_NS,
        "no_spike_missed": not pnn["spikes_missed"] and not pnn["failed_simulations"],
        "agreement": agreement == 1.0,
        "accuracy_gap": gap <= MAX_ACCURACY_GAP + 1e-9,
        "accuracy": min(pnn["accuracy_model"], pnn["accuracy_spice"])
        >= LEAST_ACCURACY.get(name, 0),
        "minutes": minutes <= MAX_MINUTES.get(name, np.inf),
    }
    return {
        "design": name,
        "layers": list(design.network.layers),
        "rmse_output_ns": rmse_ns,
        "rmse_hidden_ns": hidden_ns,
        "linear_rmse_output_ns": pnn["models"]["linear"]["rmse_spike_time_ns"],
        "max_abs_error_ns": pnn["max_abs_error_ns"],
        "spikes_compared": pnn["spikes_compared"],
        "spikes_missed": pnn["spikes_missed"],
        "failed_simulations": pnn["failed_simulations"],
        "agreement_beyond_margin": agreement,
        "samples_beyond_margin": beyond,
        "accuracy_model": pnn["accuracy_model"],
        "accuracy_spice": pnn["accuracy_spice"],
        **{key: pnn[key] for key in ENERGY},
        "latency_s": view["latency_s"],
        "area_um2": areas["network_um2"],
        "samples": view["samples"],
        "minutes": round(minutes, 1),
        "checks": holds,
        "holds": all(holds.values()),
    }


def _agreement(design: Design, folder: Path, rmse_ns: float) -> tuple[float | None, int]:
    """Share of equal predictions, and of how many samples: those with a margin."""
    spikes = pd.read_parquet(folder / "verify" / "spikes.parquet")
    last = spikes["layer"].max()
    chosen = spikes[
        (spikes["view"] == str(design.view)) & (spikes["mapping"] == "pnn")
        & (spikes["layer"] == last) & (spikes["status"] == "ok")
    ]  # fmt: skip
    count = dataset_for(design.training, design.folder).n_classes
    model, spice = (
        chosen.pivot(index="sample", columns="neuron", values=f"t_{which}_s").to_numpy()
        for which in ("model", "spice")
    )
    first = np.sort(np.nan_to_num(model[:, :count], nan=np.inf), axis=1)
    clear = first[:, 1] - first[:, 0] > MARGIN * rmse_ns * 1e-9
    equal = (classes(model, count) == classes(spice, count))[clear]
    return (float(equal.mean()) if len(equal) else None), int(clear.sum())


if __name__ == "__main__":
    sys.exit(main())
