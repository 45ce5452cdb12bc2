"""The step of a tile network's design: the trainings, and their accuracies on the tile."""

from __future__ import annotations

from typing import Any

from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext) -> StepReport:
    """Write train/experiment.json; trainings and evaluations that are done are kept beside it."""
    import torch

    from codesign.tile_network_design import TileNetworkDesign
    from codesign.training.tile.experiment import run_experiment

    design: Any = context.design
    assert isinstance(design, TileNetworkDesign)
    torch.set_num_threads(1)
    summary = run_experiment(design.experiment(), context.path("train"), context.progress)
    return StepReport({"complete": summary["complete"]})


TILE_NETWORK_STEPS = (
    Step(
        name="train",
        title="training and evaluating the network on tiles",
        run=run,
        design=("name", "network", "data", "tile", "training"),
        outputs=("train/experiment.json",),
        packages=("tile", "training/tile"),
        tools=("torch", "transformers"),
        requires=("transformers",),
    ),
)
