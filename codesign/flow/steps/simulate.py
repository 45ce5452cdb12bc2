"""simulate: the characterisation sweeps, in ngspice."""

from __future__ import annotations

import shutil
from pathlib import Path

from codesign.bench import Setup
from codesign.cells import View
from codesign.designs import Design
from codesign.errors import DataError
from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext[Design]) -> StepReport:
    """Write characterization/*.parquet of the design's view, and characterization/schematic/ where
    the schematic is compared with the layout. An interrupted run goes on from its cache."""
    design = context.design
    folder = context.run_dir / "characterization"
    netlists = context.run_dir / "netlist"
    tables = _sweeps(context, design.setup(netlists), folder)
    if design.compares_schematic:
        _sweeps(context, design.setup(netlists, view=View.SCHEMATIC), folder / "schematic")
    else:
        shutil.rmtree(folder / "schematic", ignore_errors=True)
    return StepReport({"view": design.view.value, "tables": sorted(tables)})


def _sweeps(context: StepContext[Design], setup: Setup, folder: Path) -> dict[str, Path]:
    from codesign.characterize import load_plan, run_plan
    from codesign.characterize.sweep_plots import PICTURES, plot_measured, with_plots

    design = context.design
    for name in PICTURES:
        (folder / name).unlink(missing_ok=True)
    try:
        return run_plan(
            load_plan(design.characterization.plan, design.folder),
            setup,
            folder,
            workers=context.workers,
            progress=context.progress,
            cache_dir=context.run_dir / "cache" / "simulate",
        )
    except DataError as error:
        # Cells that no trial can be drawn for: the sweeps before show why.
        plot_measured(folder, dict(setup.synapse.knobs), setup.neuron.v0, folder)
        raise with_plots(error, folder) from error


SIMULATE = Step[Design](
    name="simulate",
    title="running the characterisation sweeps",
    run=run,
    design=("view", "verify.schematic_samples", "process", "network", "timing", "characterization"),
    inputs=("netlist/*.spice",),
    outputs=("characterization/**/*.parquet",),
    excludes=("netlist/*.trained.spice",),
    tools=("ngspice", "libngspice", "models"),
    requires=("ngspice", "libngspice", "models"),
    help="Run the characterisation sweeps of the design's plan in ngspice.",
)
