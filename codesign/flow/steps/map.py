"""map: weights that a user brings, as knobs of the circuit's synapses, without a simulation."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from codesign.designs import Design
from codesign.flow.step import Step, StepContext, StepReport
from codesign.flow.steps.train import SHIPPED_MODEL


def run(context: StepContext[Design], weights: Path) -> StepReport:
    """Write mapping/biases.csv, mapping/reach.json and netlist/<design>.trained.spice."""
    from codesign.characterize.model import FittedModel
    from codesign.mapping import knob_layers, read_given, within_reach, write_mapping, write_reach

    design = context.design
    model = FittedModel.load(context.input("fit/model.json"))
    given = read_given(weights, design.network.layers)
    carried, reach = within_reach(given.weights, model)
    setup = design.setup(context.run_dir / "netlist")
    write_mapping(context.run_dir, setup, knob_layers(carried, model))
    layers = write_reach(context.run_dir, reach)
    return StepReport(
        {
            "weights": str(weights),
            "arrays": list(given.names),
            "unused": list(given.unused),
            "layers": layers,
        }
    )


def map_step(weights: Path) -> Step[Design]:
    """The step for a file of weights."""
    return Step[Design](
        name="map",
        title="setting the circuit's knobs",
        run=partial(run, weights=weights),
        design=("name", "view", "process", "network"),
        inputs=("fit/model.json", "netlist/*.spice"),
        excludes=("netlist/*.trained.spice",),
        outputs=("mapping/biases.csv", "mapping/reach.json"),
        shipped=SHIPPED_MODEL,
        given=(weights,),
        tools=("numpy",),
    )
