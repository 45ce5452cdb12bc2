"""Columns of a .csv or .parquet file, as pandas reads them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from codesign.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# A byte-order mark, as spreadsheets write it, is skipped.
_ENCODING = "utf-8-sig"
_MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "-nan", "<NA>"]


def read_names(path: Path) -> list[str]:
    """Names of the columns. Raises DataError when the file has none or is damaged."""
    return _parquet_names(path) if path.suffix.lower() == ".parquet" else _csv_names(path)


def read_columns(path: Path, names: list[str], wanted: list[str], label: str) -> pd.DataFrame:
    """The wanted columns; in a .csv the label as text. Raises DataError on a damaged file."""
    if path.suffix.lower() == ".parquet":
        return _parquet_columns(path, wanted)
    return _csv_columns(path, names, wanted, label)


def _csv_names(path: Path) -> list[str]:
    try:
        with path.open(encoding=_ENCODING, newline="") as stream:
            first = next((row for row in csv.reader(stream) if row), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    _check_separator(path, first)
    names = [name.strip() for name in first]
    if not names:
        raise DataError(f"{path} is empty", remedy="it needs a header and a row per sample")
    numbers = [name for name in names if _is_number(name)]
    if numbers:
        raise DataError(
            f"{path}: the first line must name the columns, but has the number {numbers[0]}",
            remedy="put a line of names above the samples, such as a,b,species",
        )
    for name in names:
        if not name or names.count(name) > 1:
            problem = f"names {name!r} twice" if name else "leaves a column without a name"
            raise DataError(f"{path}: the header {problem}", remedy="give every column its own")
    return names


def _csv_columns(path: Path, names: list[str], wanted: list[str], label: str) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(
            path,
            encoding=_ENCODING,
            header=0,
            names=names,
            usecols=None if len(wanted) == len(names) else wanted,
            dtype={label: str},
            keep_default_na=False,
            na_values={name: [""] if name == label else _MISSING for name in names},
            skipinitialspace=True,
            low_memory=False,
        )
    except (OSError, ValueError, MemoryError, pd.errors.ParserError) as error:
        _check_widths(path, names)
        raise _unreadable(path, error) from error
    if not isinstance(table.index, pd.RangeIndex):
        _check_widths(path, names)
        raise DataError(
            f"{path}: rows have more values than the header has names ({len(names)})",
            remedy="name every column, and end no line with a comma",
        )
    return table


def _check_separator(path: Path, first: list[str]) -> None:
    """Raise DataError when the first line has one value that looks like another format's header."""
    if len(first) != 1:
        return
    line = first[0].strip()
    if line.startswith("#"):
        raise DataError(
            f"{path}: the first line is a comment, {line[:40]!r}",
            remedy="remove it: the first line names the columns, separated by commas",
        )
    for mark, name in ((";", "';'"), ("\t", "tabs"), ("|", "'|'")):
        if mark in line:
            raise DataError(
                f"{path} has 1 column: the header has {name} where commas are needed",
                remedy="separate values by commas, and write decimals with a point",
            )


def _check_widths(path: Path, names: list[str]) -> None:
    """Raise DataError naming the first row with more values than the header has names."""
    try:
        with path.open(encoding=_ENCODING, newline="") as stream:
            rows = (row for row in csv.reader(stream, skipinitialspace=True) if row)
            found = next(
                ((k, len(r)) for k, r in enumerate(rows) if k and len(r) > len(names)), None
            )
    except (OSError, UnicodeDecodeError, csv.Error):
        return
    if found is not None:
        comment = "the first line, a comment, has to go; " if names[0].startswith("#") else ""
        raise DataError(
            f"{path}: row {found[0]} has {found[1]} values, the header {len(names)} names",
            remedy=f"{comment}name every column, end no line with a comma, and write decimals with "
            "a point",
        )


def _parquet_names(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return [name for name in pq.read_schema(path).names if not _is_index(name)]
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _parquet_columns(path: Path, wanted: list[str]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=wanted).to_pandas(ignore_metadata=True)
    except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    return table


def _is_index(name: str) -> bool:
    """Whether pandas wrote the column for row numbers that have no name."""
    return name.startswith("__index_level_")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, UnicodeDecodeError):
        return DataError(
            f"{path} is not UTF-8 text (byte {error.start})", remedy="save it as CSV in UTF-8"
        )
    reason = " ".join(str(error).split())
    return DataError(f"{path} cannot be read: {reason}", remedy="write the file again")
