"""Small data sets of scikit-learn as input spike times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from codesign.errors import DataError
from codesign.training.parameters import DatasetName, TrainingParameters


@dataclass(frozen=True)
class Split:
    """times (samples, features + 1) in phases, the last column the bias spike; labels (samples,).

    rows: where the samples stand in the data set.
    """

    times: Tensor
    labels: Tensor
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Dataset:
    """A data set split by seed; calibration samples are some of the training samples."""

    name: str
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    train: Split
    test: Split
    calibration: Split

    @property
    def n_inputs(self) -> int:
        return self.train.times.shape[1]

    @property
    def n_classes(self) -> int:
        return len(self.class_names)


def load_dataset(
    name: DatasetName,
    *,
    seed: int,
    test_samples: int = 50,
    calibration_samples: int = 12,
    coding: Literal["direct", "inverted"] = "direct",
    input_window: tuple[float, float] = (0.0, 1.0),
    bias_time: float = 0.0,
    dtype: torch.dtype = torch.float64,
) -> Dataset:
    """Features scaled to [0, 1] by the training samples alone (test samples are clipped) and coded
    as spike times inside `input_window`, with a bias spike as the last input.

    Raises DataError when the data set is too small for the samples asked for.
    """
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    bunch = getattr(datasets, f"load_{name}")()
    features, labels = np.asarray(bunch.data, float), np.asarray(bunch.target, np.int64)
    class_names = tuple(str(x) for x in bunch.target_names)
    rows = np.arange(len(labels))
    try:
        train_rows, test_rows = train_test_split(
            rows, test_size=test_samples, stratify=labels, random_state=seed
        )
        if calibration_samples < len(train_rows):
            _, calibration_rows = train_test_split(
                train_rows,
                test_size=calibration_samples,
                stratify=labels[train_rows],
                random_state=seed,
            )
        else:
            calibration_rows = train_rows
    except ValueError as error:
        raise DataError(
            f"data set {name} ({len(rows)} samples) cannot be split: {error}",
            remedy="lower test_samples or calibration_samples (at least one sample per class)",
        ) from error

    low, high = features[train_rows].min(axis=0), features[train_rows].max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    scaled = ((features - low) / span).clip(0.0, 1.0)
    if coding == "inverted":
        scaled = 1.0 - scaled
    times = input_window[0] + (input_window[1] - input_window[0]) * scaled
    times = np.column_stack([times, np.full(len(rows), bias_time)])

    def split(chosen: np.ndarray) -> Split:
        return Split(
            torch.tensor(times[chosen], dtype=dtype),
            torch.tensor(labels[chosen]),
            tuple(int(i) for i in chosen),
        )

    return Dataset(
        name=name,
        feature_names=tuple(str(x) for x in bunch.feature_names),
        class_names=class_names,
        train=split(train_rows),
        test=split(test_rows),
        calibration=split(calibration_rows),
    )


def dataset_for(training: TrainingParameters) -> Dataset:
    """The data set that a training run uses."""
    return load_dataset(
        training.dataset,
        seed=training.seed if training.split_seed is None else training.split_seed,
        test_samples=training.test_samples,
        calibration_samples=training.calibration_samples,
        coding=training.coding,
        input_window=training.input_window,
        bias_time=training.bias_time,
        dtype=training.torch_dtype,
    )
