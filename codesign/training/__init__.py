"""Training: data sets as spike times, losses, trainer, checkpoints.

Names load when first used: the parameter record alone must not cost the import of torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from codesign.training.parameters import TrainingParameters

if TYPE_CHECKING:
    from codesign.training.checkpoint import EpochRecord
    from codesign.training.datasets import (
        Dataset,
        Split,
        dataset_for,
        load_dataset,
        load_images,
    )
    from codesign.training.evaluation import Evaluation, evaluate, predict
    from codesign.training.parallel import Group, process_group
    from codesign.training.trainer import TrainingResult, train

_HOMES = {
    "Dataset": "datasets",
    "EpochRecord": "checkpoint",
    "Evaluation": "evaluation",
    "Group": "parallel",
    "Split": "datasets",
    "TrainingResult": "trainer",
    "dataset_for": "datasets",
    "evaluate": "evaluation",
    "load_dataset": "datasets",
    "load_images": "datasets",
    "predict": "evaluation",
    "process_group": "parallel",
    "train": "trainer",
}

__all__ = [
    "Dataset",
    "EpochRecord",
    "Evaluation",
    "Group",
    "Split",
    "TrainingParameters",
    "TrainingResult",
    "dataset_for",
    "evaluate",
    "load_dataset",
    "load_images",
    "predict",
    "process_group",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
