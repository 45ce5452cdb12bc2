"""train: the network with the fitted model inside (pnn), and the ideal-sum baseline (ann).

A design with a [model] has no circuit to fit: there the network is trained with its parameters.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from codesign.designs import Design
from codesign.errors import DesignError
from codesign.flow.step import Step, StepContext, StepReport

if TYPE_CHECKING:
    from codesign.pnn import PNNParameters
    from codesign.training import EpochRecord, TrainingParameters

SHIPPED_MODEL = {"fit/model.json": "{design}/model.json"}


def run(context: StepContext[Design]) -> StepReport:
    """Write train/ (pnn) and, with the baseline, train/ann/: weights.safetensors, history.csv,
    metrics.json."""
    from codesign.characterize.model import FittedModel
    from codesign.pnn import PNNParameters

    source = context.input("fit/model.json")
    fitted = FittedModel.load(source).parameters()
    ideal = [PNNParameters(e_plus=100.0, e_minus=-100.0)] * len(fitted)
    folder = context.run_dir / "train"
    pnn = _train(context, fitted, folder, "pnn")
    if not context.design.training.baseline:
        shutil.rmtree(folder / "ann", ignore_errors=True)
        return StepReport({"model": str(source), "pnn": pnn})
    ann = _train(context, ideal, folder / "ann", "ann")
    return StepReport({"model": str(source), "pnn": pnn, "ann": ann})


def _train(
    context: StepContext[Design], parameters: list[PNNParameters], out_dir: Path, label: str
) -> dict[str, float]:
    import torch

    from codesign.training import dataset_for, train

    # The tensors are small: more threads only get in each other's way.
    torch.set_num_threads(1)
    design = context.design
    report = _reporter(context, label)
    data = dataset_for(design.training, design.folder)
    training = with_signs(design.training, design.network.synapse.cell().signs)
    result = train(parameters, design.network.layers, training, out_dir, report, data=data)
    return {"accuracy_train": result.accuracy_train, "accuracy_test": result.accuracy_test}


def with_signs(training: TrainingParameters, signs: str) -> TrainingParameters:
    """The training whose weights have the signs that the synapse can carry."""
    if signs == "both":
        return training
    circuit = training.circuit.model_copy(update={"signs": signs})
    return training.model_copy(update={"circuit": circuit})


def run_model(context: StepContext[Design]) -> StepReport:
    """Write train/: weights.safetensors, history.csv, metrics.json of a design with a [model]."""
    from codesign.training import dataset_for, train

    model, training, folder = context.design.model, context.design.training, context.design.folder
    if model is None:
        raise DesignError(f"{context.design.source} has no [model]")
    net, parameters = model.architecture(training, folder), model.parameters()
    data = dataset_for(training, folder)
    report = _reporter(context, "network")
    result = train(parameters, net, training, context.run_dir / "train", report, data=data)
    accuracy = {"accuracy_train": result.accuracy_train, "accuracy_test": result.accuracy_test}
    return StepReport({"layers": net.text, "epochs": len(result.history), **accuracy})


def _reporter(context: StepContext[Design], label: str) -> Callable[[EpochRecord], None]:
    def report(record: EpochRecord) -> None:
        accuracy = record.batch_accuracy if record.test_accuracy is None else record.test_accuracy
        note = f"{'batches' if record.test_accuracy is None else 'test'} {100 * accuracy:.1f} %"
        context.progress(record.epoch, context.design.training.epochs, f"train {label} | {note}")

    return report


TRAIN = Step[Design](
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
    tools=("torch", "scikit-learn"),
    help="Train the network with the fitted parameters inside, and the ideal baseline.",
)

TRAIN_MODEL = Step[Design](
    name="train",
    title="training the network",
    run=run_model,
    design=("model", "training"),
    outputs=tuple(
        f"train/{name}" for name in ("weights.safetensors", "history.csv", "metrics.json")
    ),
    tools=("torch", "scikit-learn"),
)
