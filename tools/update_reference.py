"""Renews the shipped reference of a design from its finished run directory.

    python tools/update_reference.py designs/iris.toml build/iris

Copies netlists to netlists/<design>/, layouts with their pictures and check reports to
layouts/<design>/, tables, fitted model and biases to characterization/<design>/, and writes
regression.toml there: a few test samples and the tolerances of the closed-loop check.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from codesign.bench import trained_netlist
from codesign.cells import View
from codesign.designs.network import Design
from codesign.files import write_atomic
from codesign.mapping import read_knobs
from codesign.training.datasets import dataset_for
from codesign.verify.reference import RegressionReference, Tolerances, reference_text

SAMPLES = 4
TOLERANCES = Tolerances(
    rmse_output_ns=0.15,
    rmse_hidden_ns=0.15,
    cut_rms_ns=0.03,
    spikes_missed=0,
    current_relative=0.002,
    shape_relative=0.004,
)


def main(design_file: Path, run_dir: Path) -> None:
    """Copy and write the reference of one design."""
    root = Path(__file__).resolve().parent.parent
    design = Design.load(design_file)
    netlists = root / "netlists" / design.name
    reference = root / "characterization" / design.name
    copies = {"netlist": netlists, "characterization": reference}
    if design.view is View.LAYOUT:
        copies["layout"] = root / "layouts" / design.name
    for source, target in copies.items():
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted((run_dir / source).glob("*.*")):
            shutil.copy(path, target / path.name)
    drawn = design.setup()
    for suffix in ("", ".ann"):
        knobs = read_knobs(run_dir / "mapping" / f"biases{suffix}.csv")
        text = trained_netlist(drawn, [layer.values for layer in knobs])
        write_atomic(netlists / f"{design.name}{suffix}.trained.spice", text)
    shutil.copy(run_dir / "fit" / "model.json", reference / "model.json")
    shutil.copy(run_dir / "mapping" / "biases.csv", reference / "biases.csv")
    data = dataset_for(design.training, design.folder)
    phase = design.timing.t_phase
    conditions = design.process.conditions()
    record = RegressionReference(
        name=design.name,
        view=design.view,
        corner=conditions.corner,
        interconnect=conditions.interconnect,
        temperature_C=conditions.temperature_C,
        supply_V=conditions.supply_V,
        variation=conditions.variation,
        seed=conditions.seed,
        network=design.network,
        timing=design.timing,
        warmup_s=tuple(float(t) for t in data.calibration.times[0] * phase),
        samples_s=tuple(tuple(float(t) for t in row * phase) for row in data.test.times[:SAMPLES]),
        tolerances=TOLERANCES,
    )
    write_atomic(reference / "regression.toml", reference_text(record))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
