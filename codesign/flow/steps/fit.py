"""fit: tables to the parameters of the network model, and the datasheet of the cells."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from codesign.bench import Setup
from codesign.cells import View
from codesign.designs import Design
from codesign.flow.step import Step, StepContext, StepReport
from codesign.flow.versions import page_setting

if TYPE_CHECKING:
    from codesign.characterize.model import FittedModel


def run(context: StepContext[Design]) -> StepReport:
    """Write fit/model.json and a plot of each fit over its data; fit/schematic/ likewise where the
    schematic is compared with the layout. report.html is the cells' datasheet until verify, whose
    page it is, writes the report."""
    from codesign.characterize.doubts import doubts
    from codesign.verify.report import write_datasheet

    design = context.design
    tables, folder = context.run_dir / "characterization", context.run_dir / "fit"
    netlists = context.run_dir / "netlist"
    setup = design.setup(netlists if netlists.is_dir() else None)
    model = _fit(context, tables, setup, folder)
    if design.compares_schematic:
        schematic = setup.in_view(View.SCHEMATIC)
        _fit(context, tables / "schematic", schematic, folder / "schematic")
    else:
        shutil.rmtree(folder / "schematic", ignore_errors=True)
    write_datasheet(setup, model, context.run_dir, page_setting(design))
    remarks = doubts(model)
    return StepReport({**model.summary(), **({"doubts": remarks} if remarks else {})})


def _fit(
    context: StepContext[Design], tables: Path, setup: Setup, folder: Path
) -> FittedModel:
    from codesign.characterize.fit import fit_tables

    return fit_tables(tables, setup, folder, context.progress)


FIT = Step[Design](
    name="fit",
    title="fitting the model's parameters",
    run=run,
    design=("view", "verify.schematic_samples", "process", "network", "timing", "characterization"),
    inputs=("characterization/**/*.parquet",),
    # The extracted network has the capacitances between membranes.
    optional=("netlist/*.extracted.spice",),
    outputs=("fit/model.json", "fit/**/model.json", "fit/**/*.png"),
    tools=("numpy", "scipy"),
    help="Fit the network model's parameters to the simulated tables; write the cells' datasheet.",
)
