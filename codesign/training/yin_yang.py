"""The yin-yang set of Kriener et al., arXiv:2102.08211: generated, small, not linearly separable.

A disc of radius 0.5 about (0.5, 0.5). Two dots of radius 0.1 lie at (0.25, 0.5) and (0.75, 0.5).
What lies outside the dots is yin within 0.25 of the left dot's centre, and in the upper half
(y > 0.5) outside 0.25 of the right one's; the rest is yang. Inputs: x, y, 1 - x, 1 - y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from codesign.training.sources import RawData, Samples

R_BIG, R_SMALL = 0.5, 0.1
CLASSES = ("yin", "yang", "dot")
# The published sizes.
TRAIN_SAMPLES, TEST_SAMPLES = 5000, 1000


def generate(seed: int, train_samples: int | None, test_samples: int | None) -> RawData:
    """Training and test samples, drawn independently from the seed; None: the published sizes."""
    sizes = (train_samples or TRAIN_SAMPLES, test_samples or TEST_SAMPLES)
    train, test = (
        draw(np.random.default_rng([seed, part]), size) for part, size in enumerate(sizes)
    )
    return RawData(train, ("x", "y", "1-x", "1-y"), CLASSES, test, limits=(0.0, 1.0))


def draw(generator: np.random.Generator, count: int) -> Samples:
    """Samples whose classes are drawn evenly, and points by rejection until the class is hit."""
    labels = generator.integers(0, len(CLASSES), count)
    points = np.empty((count, 2))
    open_rows = np.arange(count)
    while len(open_rows):
        tried = generator.random((len(open_rows), 2))
        hit = class_of(tried) == labels[open_rows]
        points[open_rows[hit]] = tried[hit]
        open_rows = open_rows[~hit]
    return Samples(np.column_stack([points, 1.0 - points]), labels)


def class_of(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Class (samples,) of points (samples, 2) in the unit square; -1 outside the disc."""
    x, y = points[:, 0], points[:, 1]
    left = np.hypot(x - 0.5 * R_BIG, y - R_BIG)
    right = np.hypot(x - 1.5 * R_BIG, y - R_BIG)
    dot = (left < R_SMALL) | (right < R_SMALL)
    yin = (left <= 0.5 * R_BIG) | ((y > R_BIG) & (right > 0.5 * R_BIG))
    inside = np.hypot(x - R_BIG, y - R_BIG) <= R_BIG
    return np.where(~inside, -1, np.where(dot, 2, np.where(yin, 0, 1))).astype(np.int64)
