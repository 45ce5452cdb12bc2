"""Tables of characterisation results: Parquet files, whole or not there, checked when read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from codesign.errors import DataError
from codesign.files import atomic_path

_REMEDY = "run `codesign simulate` again; it writes this table"


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table; a column without any value holds NaN, so that its type stays a number."""
    frame = pd.DataFrame(rows)
    for column in frame.columns:
        if frame[column].dtype == object and frame[column].isna().all():
            frame[column] = frame[column].astype(float)
    return frame


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a Parquet file; a reader sees the old table or the new one, whole."""
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False)


def read_table(path: Path, required_columns: Iterable[str] = ()) -> pd.DataFrame:
    """A table from a Parquet file. Raises DataError when it is missing, damaged or incomplete."""
    if not path.is_file():
        raise DataError(f"{path}: no such table", remedy=_REMEDY)
    try:
        table = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises its own, OSError or ValueError, by the damage
        raise DataError(f"{path} is not a readable Parquet file: {error}", remedy=_REMEDY) from None
    missing = [column for column in required_columns if column not in table.columns]
    if missing:
        raise DataError(
            f"{path}: column {', '.join(missing)} is missing; there are {', '.join(table.columns)}",
            remedy=_REMEDY,
        )
    return table
