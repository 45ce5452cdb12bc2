"""Which samples are held out: stratified, by seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from codesign.errors import DataError

Rows = NDArray[np.int64]
TEST_SAMPLES = 50
# One to train with, one to calibrate with, one to test with.
LEAST_PER_CLASS = 3


def held_out(
    name: str,
    labels: NDArray[Any],
    class_names: tuple[str, ...],
    *,
    seed: int,
    test_samples: int | None,
    train_samples: int | None,
    calibration_samples: int,
) -> tuple[Rows, Rows, Rows]:
    """Rows for training, testing and calibration; the last are some of the first.

    Raises DataError when there are too few samples, or too few of a class.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    least = int(counts.argmin())
    if counts[least] < LEAST_PER_CLASS:
        raise DataError(
            f"data set {name}: class {class_names[least]!r} has {counts[least]} of {len(labels)} "
            f"samples, and {LEAST_PER_CLASS} are needed to train, calibrate and test",
            remedy="add samples of this class, leave it out, or check that training.label names "
            "the column of the classes",
        )
    rows, classes = np.arange(len(labels)), len(class_names)
    tests = default_tests(len(rows), classes) if test_samples is None else test_samples
    for key, value in (("test_samples", tests), ("calibration_samples", calibration_samples)):
        if value < classes:
            raise DataError(
                f"data set {name} has {classes} classes; {key} = {value} cannot hold one of each",
                remedy=f"raise training.{key} to {classes} or more",
            )
    try:
        train_rows, test_rows = _drawn(rows, labels, tests, seed)
        train_rows = train_rows[:train_samples]
        seen = np.bincount(labels[train_rows], minlength=classes)
        if not seen.all():
            lacking = class_names[int(seen.argmin())]
            raise ValueError(f"the first {len(train_rows)} samples to train with lack {lacking!r}")
        calibration_rows = train_rows
        if calibration_samples < len(train_rows):
            _, calibration_rows = _drawn(train_rows, labels, calibration_samples, seed)
    except ValueError as error:
        raise DataError(
            f"data set {name} ({len(rows)} samples) cannot be split: {error}",
            remedy="lower test_samples or calibration_samples, or raise train_samples, so that "
            "each part has at least one sample per class",
        ) from error
    return train_rows, test_rows, calibration_rows


def default_tests(samples: int, classes: int) -> int:
    """50, or one per class if that is more; of so few samples that this is half, a third."""
    wanted = max(TEST_SAMPLES, classes)
    return wanted if 2 * wanted <= samples else samples // 3


def some_of(rows: Rows, seed: int, count: int) -> Rows:
    """So many rows, drawn by the seed without regard to classes."""
    return np.random.default_rng(seed).permutation(rows)[:count]


def _drawn(rows: Rows, labels: NDArray[Any], count: int, seed: int) -> tuple[Rows, Rows]:
    from sklearn.model_selection import train_test_split

    rest, drawn = train_test_split(rows, test_size=count, stratify=labels[rows], random_state=seed)
    return rest, drawn
