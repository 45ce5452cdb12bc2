"""simulate: the characterisation sweeps, in ngspice."""

from __future__ import annotations

from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext) -> StepReport:
    """Write characterization/*.parquet. An interrupted run goes on from its cache."""
    from codesign.characterize import load_plan, run_plan

    design = context.design
    tables = run_plan(
        load_plan(design.characterization.plan),
        design.network,
        design.timing,
        design.process.conditions(),
        design.process.process(),
        context.run_dir / "characterization",
        workers=context.workers,
        progress=context.progress,
        cache_dir=context.run_dir / "cache" / "simulate",
    )
    return StepReport({"tables": sorted(tables)})


SIMULATE = Step(
    name="simulate",
    title="running the characterisation sweeps",
    run=run,
    design=("process", "network", "timing", "characterization"),
    inputs=("netlist/*.spice",),
    outputs=("characterization/*.parquet",),
    excludes=("netlist/*.trained.spice",),
    packages=("cells", "characterize", "pdk", "spice"),
    data=("pdk/sky130", "characterization/{plan}.toml"),
    tools=("ngspice", "libngspice", "models"),
    requires=("ngspice", "libngspice", "models"),
)
