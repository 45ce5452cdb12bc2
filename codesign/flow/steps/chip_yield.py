"""yield: chips drawn with process and mismatch, run with the nominal biases, counted."""

from __future__ import annotations

import json

from codesign.designs import Design
from codesign.files import write_atomic
from codesign.flow.step import Step, StepContext, StepReport
from codesign.flow.steps.calibrate import network_runner, nominal_of
from codesign.flow.versions import page_setting


def run(context: StepContext[Design]) -> StepReport:
    """Write yield/: chips.parquet as chips finish, metrics.json, report.html."""
    import numpy as np
    import pandas as pd
    import torch

    from codesign.verify.chips import chip_setup
    from codesign.verify.chips.pages import write_yield_page
    from codesign.verify.chips.population import draw_chips
    from codesign.verify.chips.yields import Specification, yield_metrics
    from codesign.verify.circuit import CircuitResult, TrainedCircuit

    torch.set_num_threads(1)
    nominal, test = nominal_of(context)
    folder = context.run_dir / "yield"
    runner = network_runner(context, nominal, "chips")

    def simulated(seed: int, inputs_s: np.ndarray) -> CircuitResult:
        circuit = TrainedCircuit(chip_setup(nominal.setup, seed), nominal.layers)
        return runner.run(circuit, inputs_s, f"chip {seed}")

    wanted = context.design.chips
    seeds = range(wanted.first, wanted.first + wanted.count)
    found = draw_chips(nominal, seeds, test, simulated, folder)
    metrics = yield_metrics(
        nominal, found, Specification(wanted.min_accuracy, wanted.max_rmse_ns)
    )
    write_atomic(folder / "metrics.json", json.dumps(metrics, indent=1, allow_nan=False) + "\n")
    table = pd.DataFrame([dict(chip.row) for chip in found])
    write_yield_page(folder, nominal, table, metrics, page_setting(context.design))
    keys = ("chips", "passed", "yield", "yield_interval_95", "failed_simulations")
    return StepReport({key: metrics[key] for key in keys})


YIELD = Step[Design](
    name="yield",
    title="running chips",
    run=run,
    design=("name", "view", "process", "network", "timing", "training", "verify.method", "chips"),
    inputs=("fit/model.json", "train/weights.safetensors", "netlist/*.spice"),
    excludes=("netlist/*.trained.spice",),
    outputs=("yield/*",),
    tools=("ngspice", "models", "torch"),
    requires=("ngspice", "models"),
)
