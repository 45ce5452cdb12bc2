"""Reads ngspice's binary raw files.

The header's `No. Points` is not to be trusted: after an aborted run it says 0 although rows follow.
The number of rows comes from the size of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.errors import DataError

_MARK = b"Binary:\n"


@dataclass(frozen=True)
class RawPlot:
    """First plot of a raw file: vectors by ngspice's lower-case names, in the file's order.

    `declared_rows` is what the header says, `rows` what the file holds.
    """

    vectors: dict[str, np.ndarray]
    rows: int
    declared_rows: int


def read_raw(path: Path) -> RawPlot:
    """Read a binary raw file. Raises DataError when it is no such file."""
    data = path.read_bytes()
    end = data.find(_MARK)
    if end < 0:
        raise DataError(
            f"{path} is not a binary ngspice raw file", remedy="run the simulation again"
        )
    header = data[:end].decode("utf-8", errors="replace").splitlines()
    fields: dict[str, str] = {}
    names: list[str] = []
    in_variables = False
    for line in header:
        if in_variables and line.startswith("\t"):
            parts = line.split("\t")
            if len(parts) >= 3:
                names.append(parts[2].lower())
            continue
        key, _, value = line.partition(":")
        fields[key.strip().lower()] = value.strip()
        in_variables = key.strip().lower() == "variables"
    try:
        count = int(fields["no. variables"])
        declared = int(fields["no. points"].split()[0])
    except (KeyError, ValueError, IndexError) as error:
        raise DataError(f"{path}: the raw file's header is damaged") from error
    if count != len(names) or count == 0:
        raise DataError(f"{path}: the header names {len(names)} vectors and announces {count}")
    dtype = np.dtype("<c16" if "complex" in fields.get("flags", "").lower() else "<f8")
    body = memoryview(data)[end + len(_MARK) :]
    rows = len(body) // (count * dtype.itemsize)
    rows = min(rows, declared) if declared else rows
    table = np.frombuffer(body, dtype=dtype, count=rows * count).reshape(rows, count)
    return RawPlot(
        {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(names)}, rows, declared
    )
