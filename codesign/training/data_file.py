"""A user's file of samples: .csv, .parquet or .npz in the folder of the design file.

Tables have a column of classes (`training.label`, the last if left out) and columns of numbers;
.csv is UTF-8 with a header. An .npz has `x` (or `X`), (samples, features), and `y` (or the array
that `training.label` names), (samples,). Classes are text or whole numbers; their names sorted.
"""

from __future__ import annotations

import difflib
import re
import zipfile
import zlib
from collections.abc import Hashable
from decimal import Decimal
from functools import lru_cache
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from codesign.errors import DataError, DesignError
from codesign.training.class_labels import class_labels
from codesign.training.sources import FILE_SUFFIXES, RawData, Samples
from codesign.training.table_file import read_columns, read_names

if TYPE_CHECKING:
    from codesign.training.parameters import TrainingParameters

# What numpy raises on files that are damaged or none of its own.
_UNREADABLE = (
    *(OSError, ValueError, EOFError, MemoryError, AttributeError, TypeError),
    *(zipfile.BadZipFile, zlib.error),
)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+(e[+-]?[0-9]+)?\s*\Z", re.IGNORECASE)


def file_path(training: TrainingParameters, folder: Path) -> Path:
    """The file itself. Raises DesignError when it is missing or not in the folder."""
    base = folder.resolve()
    path = (base / training.dataset).resolve()
    if not path.is_relative_to(base):
        raise DesignError(
            f"training.dataset: {training.dataset!r} lies outside the folder of the design file",
            remedy=f"copy the file into {folder} and give its name there",
        )
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("*") if p.suffix.lower() in FILE_SUFFIXES)
        raise DesignError(
            f"training.dataset: {path} is no file",
            remedy=f"data files there: {', '.join(near[:5])}"
            if near
            else "put it there, or correct the name",
        )
    return path


def file_shape(training: TrainingParameters, folder: Path) -> tuple[int, int]:
    """Features and classes of a file, from its names and its column of classes."""
    path = file_path(training, folder)
    status = path.stat()
    return _shape(path, training.label, (status.st_mtime_ns, status.st_size, status.st_ino))


@lru_cache(maxsize=8)
def _shape(path: Path, label: str | None, version: Hashable) -> tuple[int, int]:
    # version: a file that has changed is read again.
    if path.suffix.lower() == ".npz":
        features, values, where = _arrays(path, label)
        return features.shape[1], len(class_labels(values, path, where)[1])
    names, label = _columns(path, label)
    column = read_columns(path, names, [label], label)[label]
    return len(names) - 1, len(class_labels(column.to_numpy(), path, f"column {label!r}")[1])


def read_file(training: TrainingParameters, folder: Path) -> RawData:
    """All samples of a file.

    Raises DataError naming file, row and column of what is missing or no number, and on a file
    that is damaged, empty, or has one class only.
    """
    path = file_path(training, folder)
    if path.suffix.lower() == ".npz":
        features, values, where = _arrays(path, training.label)
        labels, classes = class_labels(values, path, where)
        names = tuple(f"x{i}" for i in range(features.shape[1]))
    else:
        columns, label = _columns(path, training.label)
        table = read_columns(path, columns, columns, label)
        names = tuple(name for name in columns if name != label)
        # First: where the column of classes is not the one meant, the others fail for that reason.
        labels, classes = class_labels(table[label].to_numpy(), path, f"column {label!r}")
        features = np.column_stack([_numbers(table[name], path, name) for name in names])
    _check_finite(features, names, path)
    return RawData(Samples(features, labels), names, classes)


def _columns(path: Path, label: str | None) -> tuple[list[str], str]:
    """Names of all columns, and of the one with the classes."""
    names = read_names(path)
    if len(names) < 2:
        raise DataError(
            f"{path} has {len(names)} column{'s' * (len(names) != 1)}: {', '.join(names)}",
            remedy="it needs columns of numbers and one of classes, separated by commas",
        )
    if label is None:
        return names, names[-1]
    if label not in names:
        near = difflib.get_close_matches(label, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"columns: {', '.join(names[:20])}"
        raise DesignError(f"training.label: {path} has no column {label!r}; {hint}")
    return names, label


def _numbers(column: Any, path: Path, name: str) -> NDArray[np.float64]:
    """A column of features (samples,) as numbers, NaN where they are missing."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column):
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    # Numbers that numpy has no type for: decimals, and yes and no with some missing.
    missing = column.isna().to_numpy(bool)
    if all(isinstance(x, (Real, Decimal, np.bool_)) for x in column[~missing]):
        numbers = np.full(len(column), np.nan)
        numbers[~missing] = [float(x) for x in column[~missing]]
        return numbers
    wrong = pd.to_numeric(column.astype(str), errors="coerce").isna() & column.notna()
    shown = f", such as {str(column[wrong].iloc[0])!r} in row {_row(wrong)}" if wrong.any() else ""
    raise DataError(
        f"{path}: column {name!r} holds no numbers{shown}",
        remedy="write decimals with a point, 0.5"
        if wrong.any() and _DECIMAL_COMMA.match(str(column[wrong].iloc[0]))
        else "leave the column out or write it as numbers; if it holds the classes, name it as "
        "training.label",
    )


def _row(chosen: Any) -> int:
    """The first chosen row, counted from 1 below the header."""
    return int(np.asarray(chosen).argmax()) + 1


def _check_finite(features: NDArray[np.float64], names: tuple[str, ...], path: Path) -> None:
    wrong = ~np.isfinite(features)
    if not wrong.any():
        return
    row, column = (int(k) for k in np.argwhere(wrong)[0])
    what = "is missing" if np.isnan(features[row, column]) else "is not finite"
    raise DataError(
        f"{path}: row {row + 1}, column {names[column]!r}: the value {what} "
        f"({int(wrong.sum())} such values in {int(wrong.any(axis=1).sum())} rows)",
        remedy="fill these values in or leave the rows out",
    )


def _arrays(path: Path, label: str | None) -> tuple[NDArray[np.float64], NDArray[Any], str]:
    """Features (samples, features) and classes (samples,) of an .npz, and the latter's name."""
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise ValueError("it is no NPZ file, or only a part of one")
        with np.load(path, allow_pickle=False) as file:
            names = file.files
            x_name = next((name for name in ("x", "X") if name in names), None)
            y_name = label or "y"
            if x_name is None or y_name not in names:
                raise DataError(
                    f"{path} has the arrays {', '.join(names) or 'none'}",
                    remedy=f"it needs x, (samples, features), and {y_name}, (samples,)",
                )
            x, y = file[x_name], file[y_name]
    except _UNREADABLE as error:
        objects = "objects are not read, only arrays of numbers and text"
        raise DataError(
            f"{path} cannot be read: {objects if 'allow_pickle' in str(error) else error}",
            remedy="write it with numpy.savez(path, x=features, y=labels)",
        ) from error
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or x.shape[1] == 0:
        raise DataError(
            f"{path}: {x_name} has shape {x.shape} and {y_name} {y.shape}",
            remedy=f"{x_name} must be (samples, features), {y_name} (samples,), of one length",
        )
    if x.dtype.kind not in "biuf":
        raise DataError(f"{path}: {x_name} holds {x.dtype}, no numbers", remedy="write it as float")
    return x.astype(float), y, f"array {y_name!r}"
