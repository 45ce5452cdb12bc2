"""fit: tables to the parameters of the network model."""

from __future__ import annotations

from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext) -> StepReport:
    """Write fit/model.json and a plot of each fit over its data."""
    from codesign.characterize.fit import fit_tables

    design = context.design
    model = fit_tables(
        context.run_dir / "characterization",
        design.network,
        design.timing,
        design.process.conditions(),
        design.process.supply,
        context.run_dir / "fit",
        context.progress,
    )
    return StepReport(model.summary())


FIT = Step(
    name="fit",
    title="fitting the model's parameters",
    run=run,
    design=("process", "network", "timing", "characterization"),
    inputs=("characterization/*.parquet",),
    outputs=("fit/model.json", "fit/*.png"),
    packages=("characterize", "pnn"),
    tools=("numpy", "scipy"),
)
