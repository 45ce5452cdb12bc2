"""Data sets as input spike times: the small ones of scikit-learn, and image sets from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from codesign.errors import DataError
from codesign.training.images import (
    CIFAR10_CLASSES,
    FASHION_MNIST_CLASSES,
    FASHION_MNIST_DIR,
    Images,
    load_cifar10,
    load_idx,
)
from codesign.training.parameters import IMAGE_SHAPES, DatasetName, TrainingParameters


@dataclass(frozen=True)
class Split:
    """times (samples, inputs) in phases, a bias spike in the last column; labels (samples,).

    rows: where the samples stand in the data set.
    """

    times: Tensor
    labels: Tensor
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def head(self, samples: int) -> Split:
        """The first samples, all if there are no more."""
        if samples >= len(self):
            return self
        return Split(self.times[:samples], self.labels[:samples], self.rows[:samples])


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
    bias_time: float | None = 0.0,
    dtype: torch.dtype = torch.float64,
) -> Dataset:
    """Features scaled to [0, 1] by the training samples alone (test samples are clipped) and coded
    as spike times inside `input_window`, with a bias spike as the last input unless None.

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
    if bias_time is not None:
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


def load_images(
    name: DatasetName,
    path: Path | None = None,
    *,
    seed: int,
    calibration_samples: int = 12,
    train_samples: int | None = None,
    coding: Literal["direct", "inverted"] = "inverted",
    input_window: tuple[float, float] = (0.0, 1.0),
    bias_time: float | None = None,
    dtype: torch.dtype = torch.float32,
) -> Dataset:
    """An image set in its published split, pixels as spike times inside `input_window`.

    With the inverted coding a bright pixel spikes early and a black one at the window's end: at
    1, where a spike contributes nothing. Raises DataError when the files are missing or damaged.
    """
    if name == "cifar10":
        if path is None:
            raise DataError(
                "data set cifar10 comes with no package",
                remedy="give the path of cifar-10-python.tar.gz as training.data_path",
            )
        train, test = load_cifar10(path)
        class_names = CIFAR10_CLASSES
    else:
        if path is None and name != "fashion_mnist":
            raise DataError(
                f"data set {name} comes with no package",
                remedy="give the folder of its IDX files as training.data_path",
            )
        train, test = load_idx(path or FASHION_MNIST_DIR)
        is_fashion = name == "fashion_mnist"
        class_names = FASHION_MNIST_CLASSES if is_fashion else tuple("0123456789")
    shape = IMAGE_SHAPES[name]
    for images in (train, test):
        if images.pixels.shape[1:] != shape:
            raise DataError(f"data set {name} has images of {images.pixels.shape[1:]}, not {shape}")

    def split(images: Images, rows: np.ndarray) -> Split:
        scaled = torch.from_numpy(images.pixels[rows].reshape(len(rows), -1)).to(dtype) / 255.0
        if coding == "inverted":
            scaled = 1.0 - scaled
        times = input_window[0] + (input_window[1] - input_window[0]) * scaled
        if bias_time is not None:
            times = torch.nn.functional.pad(times, (0, 1), value=bias_time)
        return Split(times, torch.from_numpy(images.labels[rows]), tuple(rows.tolist()))

    used = np.arange(min(len(train.labels), train_samples or len(train.labels)))
    drawn = np.random.default_rng(seed).permutation(used)[:calibration_samples]
    return Dataset(
        name=name,
        feature_names=tuple(f"pixel{i}" for i in range(int(np.prod(shape)))),
        class_names=class_names,
        train=split(train, used),
        test=split(test, np.arange(len(test.labels))),
        calibration=split(train, drawn),
    )


def dataset_for(training: TrainingParameters) -> Dataset:
    """The data set that a training run uses."""
    seed = training.seed if training.split_seed is None else training.split_seed
    common: dict[str, Any] = {
        "seed": seed,
        "calibration_samples": training.calibration_samples,
        "coding": training.coding,
        "input_window": training.input_window,
        "bias_time": training.bias_time if training.bias_spike else None,
        "dtype": training.torch_dtype,
    }
    if training.dataset in IMAGE_SHAPES:
        path = None if training.data_path is None else Path(training.data_path).expanduser()
        samples = training.train_samples
        return load_images(training.dataset, path, train_samples=samples, **common)
    return load_dataset(training.dataset, test_samples=training.test_samples, **common)
