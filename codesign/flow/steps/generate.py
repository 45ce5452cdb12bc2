"""generate: the design's cells, crossbars and network as netlists."""

from __future__ import annotations

from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext) -> StepReport:
    """Write netlist/<cell>.spice and netlist/<cell>.ports.json."""
    from codesign.cells import write_netlists

    design = context.design
    paths = write_netlists(design.name, design.network, context.run_dir / "netlist")
    return StepReport({"netlists": [path.name for path in paths]})


GENERATE = Step(
    name="generate",
    title="writing netlists",
    run=run,
    design=("name", "view", "process.name", "network"),
    outputs=("netlist/*.spice", "netlist/*.json"),
    excludes=("netlist/*.trained.spice",),
    packages=("cells", "pdk"),
    data=("pdk/sky130",),
)
