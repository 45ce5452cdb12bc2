"""generate: the design's cells, crossbars and network as netlists and, in that view, layouts."""

from __future__ import annotations

import shutil
from typing import Any

from codesign.cells import View, design_cells, write_netlists
from codesign.designs import Design
from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext[Design]) -> StepReport:
    """Write netlist/<cell>.spice and netlist/<cell>.ports.json; in the layout view also layout/ and
    netlist/<cell>.extracted.spice, after design rules, comparison and port audit."""
    design = context.design
    folder = context.run_dir / "netlist"
    shutil.rmtree(context.run_dir / "layout", ignore_errors=True)
    for stale in (*folder.glob("*.spice"), *folder.glob("*.ports.json")):
        if not stale.name.endswith(".trained.spice"):
            stale.unlink()
    cells, process = design_cells(design.name, design.network), design.setup().process
    for cell in cells:
        for part in cell.cells():
            part.check_devices(process)
    paths = write_netlists(cells, folder)
    summary: dict[str, Any] = {"netlists": [path.name for path in paths]}
    if design.view is View.LAYOUT:
        from codesign.flow.layouts import write_layouts

        summary |= write_layouts(design.setup(), context.run_dir, context.progress)
    return StepReport(summary)


GENERATE = Step[Design](
    name="generate",
    title="writing netlists and layouts",
    run=run,
    design=("name", "view", "process.name", "process.folder", "process.interconnect", "network"),
    outputs=("netlist/*.spice", "netlist/*.json", "layout/*"),
    excludes=("netlist/*.trained.spice",),
    tools=("klayout", "gdstk", "netgen"),
    help="Write the netlists of the design's cells, crossbars and network; in the layout view also "
    "draw, check (design rules, schematic, ports) and extract them.",
)
