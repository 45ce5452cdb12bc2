"""simulate: the characterisation sweeps, in ngspice."""

from __future__ import annotations

import shutil
from pathlib import Path

from codesign.cells import CellViews
from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext) -> StepReport:
    """Write characterization/*.parquet of the design's view, and characterization/schematic/ where
    the schematic is compared with the layout. An interrupted run goes on from its cache."""
    design = context.design
    folder = context.run_dir / "characterization"
    tables = _sweeps(context, design.views, folder)
    if design.compares_schematic:
        _sweeps(context, CellViews(), folder / "schematic")
    else:
        shutil.rmtree(folder / "schematic", ignore_errors=True)
    return StepReport({"view": design.view.value, "tables": sorted(tables)})


def _sweeps(context: StepContext, views: CellViews, folder: Path) -> dict[str, Path]:
    from codesign.characterize import load_plan, run_plan

    design = context.design
    return run_plan(
        load_plan(design.characterization.plan),
        design.network,
        design.timing,
        design.process.conditions(),
        design.process.process(),
        folder,
        workers=context.workers,
        progress=context.progress,
        cache_dir=context.run_dir / "cache" / "simulate",
        views=views,
    )


SIMULATE = Step(
    name="simulate",
    title="running the characterisation sweeps",
    run=run,
    design=("view", "verify.schematic_samples", "process", "network", "timing", "characterization"),
    inputs=("netlist/*.spice",),
    outputs=("characterization/**/*.parquet",),
    excludes=("netlist/*.trained.spice",),
    packages=("cells", "characterize", "layout", "pdk", "spice"),
    data=("pdk/sky130", "characterization/{plan}.toml"),
    tools=("ngspice", "libngspice", "models"),
    requires=("ngspice", "libngspice", "models"),
)
