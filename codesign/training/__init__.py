"""Training: data sets as spike times, losses, trainer, checkpoints.

Names that need torch load when first used: the parameter record must not cost its import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import codesign.training.named  # noqa: F401 - registers the data sets that come along
from codesign.training.parameters import TrainingParameters
from codesign.training.reading import dataset_file, dataset_shape
from codesign.training.sources import RawData, Samples, dataset_names, register_dataset

if TYPE_CHECKING:
    from codesign.training.checkpoint import EpochRecord
    from codesign.training.datasets import (
        Dataset,
        Split,
        dataset_for,
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
    "predict": "evaluation",
    "process_group": "parallel",
    "train": "trainer",
}

__all__ = [
    "Dataset",
    "EpochRecord",
    "Evaluation",
    "Group",
    "RawData",
    "Samples",
    "Split",
    "TrainingParameters",
    "TrainingResult",
    "dataset_file",
    "dataset_for",
    "dataset_names",
    "dataset_shape",
    "evaluate",
    "predict",
    "process_group",
    "register_dataset",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
