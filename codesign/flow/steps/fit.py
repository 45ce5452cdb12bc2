"""fit: tables to the parameters of the network model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from codesign.flow.step import Step, StepContext, StepReport

if TYPE_CHECKING:
    from codesign.characterize.model import FittedModel


def run(context: StepContext) -> StepReport:
    """Write fit/model.json and a plot of each fit over its data; fit/schematic/ likewise where the
    schematic is compared with the layout."""
    tables, folder = context.run_dir / "characterization", context.run_dir / "fit"
    model = _fit(context, tables, folder)
    if context.design.compares_schematic:
        _fit(context, tables / "schematic", folder / "schematic")
    else:
        shutil.rmtree(folder / "schematic", ignore_errors=True)
    return StepReport(model.summary())


def _fit(context: StepContext, tables: Path, folder: Path) -> FittedModel:
    from codesign.characterize.fit import fit_tables

    design = context.design
    return fit_tables(
        tables,
        design.network,
        design.timing,
        design.process.conditions(),
        design.process.supply,
        folder,
        context.progress,
    )


FIT = Step(
    name="fit",
    title="fitting the model's parameters",
    run=run,
    design=("view", "verify.schematic_samples", "process", "network", "timing", "characterization"),
    inputs=("characterization/**/*.parquet",),
    outputs=("fit/model.json", "fit/**/model.json", "fit/**/*.png"),
    packages=("characterize", "pnn"),
    tools=("numpy", "scipy"),
)
