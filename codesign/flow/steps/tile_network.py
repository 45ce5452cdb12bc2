"""The step of a tile network's design: the trainings, and their accuracies on the tile."""

from __future__ import annotations

from codesign.designs import TileNetworkDesign
from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext[TileNetworkDesign]) -> StepReport:
    """Write train/experiment.json with its tables and pictures; every piece is kept beside it."""
    import torch

    from codesign.files import write_atomic
    from codesign.training.tile.experiment import run_experiment
    from codesign.training.tile.report import markdown_table, plot_accuracy

    design = context.design
    torch.set_num_threads(1)
    summary = run_experiment(design.experiment(), context.path("train"), context.progress)
    accuracy = summary["accuracy"]
    tables = [f"## {test}\n\n{markdown_table(found)}" for test, found in accuracy.items()]
    write_atomic(context.path("train/experiment.md"), "\n".join(tables))
    for test, found in accuracy.items():
        plot_accuracy(found, context.path(f"train/experiment-{test}.png"))
    return StepReport({"complete": summary["complete"]})


TILE_NETWORK_STEPS = (
    Step[TileNetworkDesign](
        name="train",
        title="training and evaluating the network on tiles",
        run=run,
        design=("name", "network", "data", "tile", "training"),
        outputs=("train/experiment.json", "train/experiment.md", "train/experiment-snippets.png"),
        tools=("torch", "transformers"),
        requires=("transformers",),
    ),
)
