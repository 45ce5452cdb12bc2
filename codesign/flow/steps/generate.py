"""generate: the design's cells, crossbars and network as netlists and, in that view, layouts."""

from __future__ import annotations

import shutil
from typing import Any

from codesign.bench.views import View
from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext) -> StepReport:
    """Write netlist/<cell>.spice and netlist/<cell>.ports.json; in the layout view also layout/ and
    netlist/<cell>.extracted.spice, after design rules, comparison and port audit."""
    from codesign.cells.write import write_netlists

    design = context.design
    folder = context.run_dir / "netlist"
    shutil.rmtree(context.run_dir / "layout", ignore_errors=True)
    for stale in folder.glob("*.extracted.spice"):
        stale.unlink()
    paths = write_netlists(design.name, design.network, folder)
    summary: dict[str, Any] = {"netlists": [path.name for path in paths]}
    if design.view is View.LAYOUT:
        from codesign.flow.layouts import write_layouts

        summary |= write_layouts(
            design.name,
            design.network,
            context.run_dir,
            design.process.interconnect,
            context.progress,
        )
    return StepReport(summary)


GENERATE = Step(
    name="generate",
    title="writing netlists and layouts",
    run=run,
    design=("name", "view", "process.name", "process.interconnect", "network"),
    outputs=("netlist/*.spice", "netlist/*.json", "layout/*"),
    excludes=("netlist/*.trained.spice",),
    packages=("cells", "layout", "pdk"),
    data=("pdk/sky130",),
    tools=("klayout", "gdstk", "netgen"),
)
