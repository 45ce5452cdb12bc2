"""Small image sets in MNIST's file format, for tests."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx_set(folder: Path, train: int, test: int, pixels: np.ndarray | None = None) -> None:
    """Files of a set whose class k has bright columns 2 k and 2 k + 1, unless pixels are given."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name, count in (("train", train), ("t10k", test)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = generator.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for i, k in enumerate(labels):
            images[i, :, 2 * k : 2 * k + 2] += 180
        if pixels is not None:
            images = pixels
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
