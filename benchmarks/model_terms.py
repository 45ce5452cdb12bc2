"""What the terms of the extended form bring: each is left out in turn, and the rest fitted again.

    python -m benchmarks.model_terms [--run build/iris]

Fits the shipped trials of the extracted Iris network with every term, without one of them, and
without all of them; prints the rms of the calibration and of the runs left out, per layer.
`--run`: a run directory of that design with a finished verification in the layout view, whose
knobs each of these models then predicts, against the spike times that SPICE gave. Prints JSON;
exits with 1 when the terms together do not take a fifth off the calibration's residual.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import codesign.characterize.fit as fit_module
from codesign.characterize.fit import fit_tables
from codesign.characterize.fit_column import fit_form
from codesign.characterize.model import FittedModel, LayerForm
from codesign.designs.network import Design
from codesign.mapping import read_knobs
from codesign.resources import resource_dir
from codesign.training.datasets import dataset_for
from codesign.verify.prediction import circuit_prediction

# Parameters that each term has; neighbours have none.
TERMS = {
    "neighbours": (),
    "gate resistance": ("series",),
    "what the gate keeps": ("shift", "lag", "middle", "width"),
    "kicks": ("kick_n", "kick_p"),
    "leakage of waiting synapses": ("off_n", "off_p"),
}
LEAST_GAIN = 1.25


def fitted(design: Design, without: tuple[str, ...]) -> FittedModel:
    """The model of the shipped tables without some terms."""
    names = [name for term in without for name in TERMS[term]]

    def form(which: str, data: Any, tables: Any, setting: Any) -> LayerForm:
        if "neighbours" in without:
            setting = replace(setting, couplings_F=())
        return fit_form(which, data, tables, setting, names if which == "extended" else ())

    setup = design.setup(resource_dir("netlists") / design.name)
    usual = fit_module.fit_form
    fit_module.fit_form = form  # type: ignore[assignment]
    try:
        return fit_tables(resource_dir("characterization") / design.name, setup)
    finally:
        fit_module.fit_form = usual


class Verified:
    """Knobs and spike times of a verified run."""

    def __init__(self, design: Design, run_dir: Path) -> None:
        self.knobs = read_knobs(run_dir / "mapping" / "biases.csv")
        spikes = pd.read_parquet(run_dir / "verify" / "spikes.parquet")
        spikes = spikes[(spikes["view"] == "layout") & (spikes["mapping"] == "pnn")]
        test = dataset_for(design.training, design.folder).test
        rows = list(dict.fromkeys(spikes["sample"]))
        place = {int(row): k for k, row in enumerate(test.rows)}
        times = test.times.numpy()[[place[int(row)] for row in rows]]
        self.inputs_s = times * design.timing.t_phase
        self.t_s = [
            layer.pivot(index="sample", columns="neuron", values="t_spice_s").loc[rows].to_numpy()
            for _, layer in spikes.groupby("layer")
        ]

    def errors_ns(self, model: FittedModel) -> list[float]:
        """Rms per layer, the model running free."""
        said = circuit_prediction(self.knobs, model, self.inputs_s)
        return [
            round(float(np.sqrt(np.nanmean((m - t) ** 2))) * 1e9, 4)
            for m, t in zip(said, self.t_s, strict=True)
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="run directory with a verification")
    run_dir: Path | None = parser.parse_args().run
    design = Design.load(resource_dir("designs") / "iris.toml")
    verified = Verified(design, run_dir) if run_dir else None
    variants: dict[str, tuple[str, ...]] = {"every term": ()}
    variants |= {f"without {term}": (term,) for term in TERMS}
    variants["without all of them"] = tuple(TERMS)
    rows = {}
    for name, without in variants.items():
        model = fitted(design, without)
        forms = [layer.forms["extended"] for layer in model.layers]
        rows[name] = {
            "residual_ns": [round(form.residual_ns, 4) for form in forms],
            "holdout_ns": [round(form.holdout_ns, 4) for form in forms],
        }
        if verified is not None:
            rows[name]["verification_ns"] = verified.errors_ns(model)
    ends = [np.hypot(*rows[name]["residual_ns"]) for name in ("without all of them", "every term")]
    gain = float(ends[0] / ends[1])
    result = {"design": design.name, "variants": rows, "gain": round(gain, 3),
              "holds": gain >= LEAST_GAIN}  # fmt: skip
    print(json.dumps(result, indent=1))
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
