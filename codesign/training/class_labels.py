"""Classes from text or whole numbers."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codesign.errors import DataError


def class_labels(
    values: NDArray[Any], path: Path, where: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels (samples,) of 0..classes-1, and the names of the classes, sorted.

    values: text, or whole numbers in any spelling; then they are sorted as numbers. Raises
    DataError when there are none, or of another kind, a value is missing, numbers have fractions,
    or all are alike.
    """
    import pandas as pd

    if len(values) == 0:
        raise DataError(f"{path} has no samples", remedy="add some")
    values = np.asarray(values)
    _check_kind(values, path, where)
    codes, found = pd.factorize(values, sort=False)
    blank = np.array([_text(value) == "" for value in found.tolist()], bool)
    missing = codes < 0
    if blank.any():
        missing |= blank[codes]
    if missing.any():
        raise DataError(
            f"{path}: row {int(missing.argmax()) + 1}, {where}: the class is missing",
            remedy="fill it in or leave the row out",
        )
    keys, numeric = _keys(found, path, where)
    names = sorted(set(keys), key=int if numeric else None)  # type: ignore[arg-type]
    if len(names) < 2:
        raise DataError(
            f"{path}: {where} holds one class only, {names[0]!r}",
            remedy="add samples of another class, or name the column of classes as training.label",
        )
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[key] for key in keys], np.int64)[codes], tuple(names)


def _check_kind(values: NDArray[Any], path: Path, where: str) -> None:
    """Raise DataError unless all values are text, numbers or missing."""
    import pandas as pd

    if values.dtype.kind in "cVmM":
        shown: object = values.dtype
    elif values.dtype.kind == "O":
        wrong = [
            x for x in values if not _is_class(x) and not (pd.api.types.is_scalar(x) and pd.isna(x))
        ]
        if not wrong:
            return
        shown = f"{type(wrong[0]).__name__} values, such as {str(wrong[0])[:40]}"
    else:
        return
    raise DataError(
        f"{path}: {where} holds {shown}, no classes",
        remedy="classes are text or whole numbers; name their column as training.label",
    )


def _is_class(value: object) -> bool:
    return isinstance(value, (str, bytes, Real, Decimal))


def _keys(found: NDArray[Any], path: Path, where: str) -> tuple[list[str], bool]:
    """Names of distinct values, and whether they are whole numbers."""
    import pandas as pd

    keys = [_text(value) for value in found.tolist()]
    numbers = pd.to_numeric(pd.Series(keys), errors="coerce")
    if numbers.isna().any():
        return keys, False
    if not np.isfinite(numbers).all() or (numbers % 1 != 0).any():
        shown = next(k for k, x in zip(keys, numbers, strict=True) if not x.is_integer())
        raise DataError(
            f"{path}: {where} holds numbers with fractions, such as {shown}, no classes",
            remedy="classes are text or whole numbers; name their column as training.label",
        )
    if (numbers.abs() > 2**53).any():
        # Beyond what a float tells apart: names, not numbers.
        return keys, False
    return [str(int(x)) for x in numbers], True


def _text(value: object) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text.strip()
