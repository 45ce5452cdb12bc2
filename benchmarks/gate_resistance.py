"""The transmission gate's resistance over the membrane: the model has one value.

    python -m benchmarks.gate_resistance

One column of the shipped extracted Iris network with its trained biases, all its positive synapses
on from the start: the voltage between dendrite and membrane, over the membrane's current. Prints
JSON with the value that the model fitted beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace

import numpy as np

from codesign.bench import (
    ColumnDrive,
    LineEdges,
    NetworkCut,
    column_job,
    input_line_job,
    measured_loads,
    run_column,
)
from codesign.cells.names import dendrite
from codesign.characterize.model import FittedModel
from codesign.designs.network import Design
from codesign.mapping import read_knobs
from codesign.resources import resource_dir
from codesign.spice import run_batch

NEURON, TIMEOUT_S, STEP_S = 4, 600.0, 40e-9


def main() -> int:
    """Simulate one pass and print the resistance at every step."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    folder = resource_dir("characterization") / "iris"
    design = Design.load(resource_dir("designs") / "iris.toml")
    setup = design.setup(resource_dir("netlists") / "iris")
    model = FittedModel.load(folder / "model.json").layers[0].forms["extended"]
    knobs = read_knobs(folder / "biases.csv")
    cut = NetworkCut(setup, [layer.values for layer in knobs])
    lines = [run_column(None, TIMEOUT_S, input_line_job(cut, i + 1)) for i in range(5)]
    edges = [LineEdges.of_arrays(line) for line in lines]
    early = np.where(knobs[0].weight[NEURON - 1] > 0, 0.0, np.nan)
    drive = ColumnDrive(np.vstack([early, early]), edges, {}, measured_loads(cut, 1, TIMEOUT_S))
    job = column_job(cut, 1, NEURON, drive)
    dend = f"v({dendrite(1, NEURON)})"
    analysis = replace(job.analysis, save=(*job.analysis.save, dend))
    result = run_batch(job.deck, analysis, process=setup.process, timeout_s=TIMEOUT_S)
    wave, time = result.waveforms, result.waveforms["time"]
    start = job.frames[0] + setup.timing.t_accumulate
    t = start + np.arange(20e-9, 0.97 * setup.timing.t_phase, STEP_S)
    mem, low = (np.interp(t, time, wave[name]) for name in (job.membrane, dend))
    h = 5e-9
    slope = np.interp(t + h, time, wave[job.membrane]) - np.interp(t - h, time, wave[job.membrane])
    current_A = -slope / (2 * h) * model.c_eff_F
    found = [
        {"v_mem_V": round(float(v), 3), "ohm": round(float(r))}
        for v, r in zip(mem, (mem - low) / current_A, strict=True)
    ]
    fitted = model.parameters["series_resistance_ohm"].value
    print(
        json.dumps({"benchmark": "gate_resistance", "found": found, "fitted_ohm": fitted}, indent=1)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
