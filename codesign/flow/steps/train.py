"""train: the network with the fitted model inside (pnn), and the ideal-sum baseline (ann)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codesign.flow.step import Step, StepContext, StepReport

if TYPE_CHECKING:
    from codesign.pnn import PNNParameters

SHIPPED_MODEL = {"fit/model.json": "{design}/model.json"}


def run(context: StepContext) -> StepReport:
    """Write train/ (pnn) and train/ann/: weights.safetensors, history.csv, metrics.json."""
    from codesign.characterize.model import FittedModel
    from codesign.pnn import PNNParameters

    source = context.input("fit/model.json")
    fitted = FittedModel.load(source).parameters()
    ideal = [PNNParameters(e_plus=100.0, e_minus=-100.0)] * len(fitted)
    folder = context.run_dir / "train"
    pnn = _train(context, fitted, folder, "pnn")
    ann = _train(context, ideal, folder / "ann", "ann")
    return StepReport({"model": str(source), "pnn": pnn, "ann": ann})


def _train(
    context: StepContext, parameters: list[PNNParameters], out_dir: Path, label: str
) -> dict[str, float]:
    import torch

    from codesign.training import EpochRecord, train

    training = context.design.training

    def report(record: EpochRecord) -> None:
        context.progress(record.epoch, training.epochs, f"train {label}")

    # The tensors are small: more threads only get in each other's way.
    torch.set_num_threads(1)
    result = train(parameters, context.design.network.layers, training, out_dir, report)
    return {"accuracy_train": result.accuracy_train, "accuracy_test": result.accuracy_test}


TRAIN = Step(
    name="train",
    title="training the network",
    run=run,
    design=("network", "training"),
    inputs=("fit/model.json",),
    outputs=tuple(
        f"train/{folder}{name}"
        for folder in ("", "ann/")
        for name in ("weights.safetensors", "history.csv", "metrics.json")
    ),
    shipped=SHIPPED_MODEL,
    packages=("characterize", "pnn", "training"),
    tools=("torch", "scikit-learn"),
)
