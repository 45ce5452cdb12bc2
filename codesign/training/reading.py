"""The samples that training parameters name: a registered data set's, or those of a user's file."""

from __future__ import annotations

from pathlib import Path

from codesign.errors import DataError
from codesign.training.data_file import file_path, file_shape, read_file
from codesign.training.parameters import TrainingParameters
from codesign.training.sources import RawData, is_file, known_source


def dataset_shape(training: TrainingParameters, folder: Path | None = None) -> tuple[int, int]:
    """Features and classes; a network with a bias spike has one input more.

    folder: that of the design file, the current one if None; only for files, which are read.
    Raises DesignError or DataError when such a file cannot be used.
    """
    if not is_file(training.dataset):
        return known_source(training.dataset).shape
    return file_shape(training, folder or Path.cwd())


def dataset_file(training: TrainingParameters, folder: Path | None = None) -> Path | None:
    """The user's file that holds the samples, None for a registered data set.

    Raises DesignError when it is not there, or not in the design's folder.
    """
    if not is_file(training.dataset):
        return None
    return file_path(training, folder or Path.cwd())


def read_dataset(training: TrainingParameters, folder: Path | None = None) -> RawData:
    """Samples of the data set that `training` names.

    Raises DesignError or DataError when they cannot be read or do not fit what was registered.
    """
    if is_file(training.dataset):
        return read_file(training, folder or Path.cwd())
    source = known_source(training.dataset)
    raw = source.read(training, folder or Path.cwd())
    found = (len(raw.feature_names), len(raw.class_names))
    for part in (raw.train, raw.test):
        if part is None:
            continue
        shape = tuple(part.features.shape)
        if shape != (len(part.labels), source.shape[0]) or found != source.shape:
            raise DataError(
                f"data set {source.name} has features of shape {shape}, {len(part.labels)} labels, "
                f"{found[0]} feature names and {found[1]} class names; it is registered with "
                f"{source.shape[0]} features and {source.shape[1]} classes",
                remedy="correct its reader, or the shape it is registered with",
            )
    return raw
