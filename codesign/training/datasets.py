"""Data sets as input spike times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codesign.training.coding import Coder
from codesign.training.parameters import TrainingParameters
from codesign.training.reading import dataset_file, read_dataset
from codesign.training.sources import RawData, Samples
from codesign.training.splitting import held_out, some_of


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


def dataset_for(training: TrainingParameters, folder: Path | None = None) -> Dataset:
    """The data set that a training run uses; folder: the design file's, to find the user's own.

    Features are scaled to [0, 1], by their known limits or by the training samples alone (test
    samples are clipped), and coded as spike times inside `input_window`, with a bias spike as the
    last input unless it is left out. With the inverted coding a bright pixel spikes early and a
    black one at the window's end: at 1, where a spike contributes nothing.
    Raises DesignError or DataError when samples are missing, damaged, or too few for the split.
    """
    raw = read_dataset(training, folder)
    if raw.test is None:
        shown = dataset_file(training, folder) or training.dataset
        train_rows, test_rows, calibration_rows = held_out(
            *(f"{shown}", raw.train.labels, raw.class_names),
            seed=training.data_seed,
            test_samples=training.test_samples,
            train_samples=training.train_samples,
            calibration_samples=training.calibration_samples,
        )
        test = raw.train
    else:
        count = len(raw.train.labels)
        train_rows = np.arange(min(count, training.train_samples or count))
        test, test_rows = raw.test, np.arange(len(raw.test.labels))
        calibration_rows = some_of(train_rows, training.data_seed, training.calibration_samples)
    coder = _coder(raw, train_rows, training)
    return Dataset(
        name=training.dataset,
        feature_names=raw.feature_names,
        class_names=raw.class_names,
        train=_split(raw.train, train_rows, coder),
        test=_split(test, test_rows, coder),
        calibration=_split(raw.train, calibration_rows, coder),
    )


def _coder(raw: RawData, train_rows: NDArray[np.int64], training: TrainingParameters) -> Coder:
    low = high = None
    if raw.limits is None:
        seen = np.asarray(raw.train.features, float)[train_rows]
        low, high = seen.min(axis=0), seen.max(axis=0)
    return Coder(
        limits=raw.limits,
        low=low,
        high=high,
        inverted=training.coding == "inverted",
        window=training.input_window,
        bias_time=training.bias_time if training.bias_spike else None,
        dtype=training.torch_dtype,
    )


def _split(samples: Samples, rows: NDArray[np.int64], coder: Coder) -> Split:
    labels = torch.from_numpy(np.asarray(samples.labels, np.int64)[rows])
    return Split(coder.times(np.asarray(samples.features)[rows]), labels, tuple(rows.tolist()))
