"""Tables: written whole, and refused with file, column and remedy when they cannot be read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from codesign.characterize import read_table, write_table
from codesign.characterize.tables import frame_of
from codesign.errors import DataError

TABLE = pd.DataFrame({"v_mem_V": [0.5, 1.0], "status": ["ok", "timeout"]})


def test_round_trip(tmp_path: Path) -> None:
    write_table(tmp_path / "new" / "leak.parquet", TABLE)
    pd.testing.assert_frame_equal(read_table(tmp_path / "new" / "leak.parquet", TABLE), TABLE)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["leak.parquet"]


def test_missing_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"leak\.parquet: no such table") as caught:
        read_table(tmp_path / "leak.parquet")
    assert "codesign simulate" in str(caught.value.remedy)


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "footer"])
def test_corrupt_table(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "leak.parquet"
    write_table(path, TABLE)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "truncated": whole[: len(whole) // 2],
            "text": b"v_mem_V,status\n0.5,ok\n",
            "empty": b"",
            "footer": whole[:-200] + b"\xff" * 192 + whole[-8:],
        }[damage]
    )
    with pytest.raises(DataError, match="not a readable Parquet") as caught:
        read_table(path)
    assert str(path) in caught.value.message and caught.value.remedy


def test_missing_column(tmp_path: Path) -> None:
    path = tmp_path / "leak.parquet"
    write_table(path, TABLE)
    with pytest.raises(DataError, match=r"leak\.parquet: column i_leak_A is missing"):
        read_table(path, ("v_mem_V", "i_leak_A"))


def test_a_column_without_values_is_a_number_column() -> None:
    frame = frame_of([{"i_leak_A": None, "status": "timeout"}])
    assert frame["i_leak_A"].dtype == float and frame["status"].tolist() == ["timeout"]
