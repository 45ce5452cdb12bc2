"""Files of samples that are refused, with file, place and remedy."""

import numpy as np
import pandas as pd
import pytest

from codesign.errors import DataError
from codesign.training.class_labels import class_labels
from tests.training.tables import refused, table, write

HEAD = "a,b,kind\n"
ROWS = "".join(f"{k / 10},{k % 4},{'xy'[k % 2]}\n" for k in range(12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (HEAD, "has no samples"),
        (HEAD + ROWS + "0.3,,x\n", "row 13, column 'b': the value is missing"),
        (HEAD + ROWS + "0.3,NaN,x\n", "row 13, column 'b': the value is missing"),
        (HEAD + ROWS + "0.3\n", "row 13, column 'kind': the class is missing"),
        (HEAD + ROWS + "0.3,1,\n", "row 13, column 'kind': the class is missing"),
        (HEAD + ROWS + "inf,1,x\n", "row 13, column 'a': the value is not finite"),
        (HEAD + ROWS + "0.3,red,x\n", "column 'b' holds no numbers, such as 'red' in row 13"),
        (HEAD + ROWS.replace("y", "x"), "holds one class only, 'x'"),
        (HEAD + ROWS + "0.3,1,z\n", "class 'z' has 1 of 13 samples"),
        (ROWS, "must name the columns, but has the number 0.0"),
        (HEAD.replace("b", "a") + ROWS, "names 'a' twice"),
        (HEAD.replace("b", "") + ROWS, "column without a name"),
        (HEAD + ROWS.replace("\n", ",1\n"), "row 1 has 4 values, the header 3 names"),
        (HEAD + "1,2,x,4\n" + ROWS, "row 1 has 4 values, the header 3 names"),
        (HEAD + "1,2,x,4,5\n" + ROWS, "row 1 has 5 values, the header 3 names"),
        (HEAD + ROWS + "1,2,x,4,5\n", "row 13 has 5 values, the header 3 names"),
        ("# by me, today\n" + HEAD + ROWS, "the first line, a comment, has to go"),
        ("# by me\n" + HEAD + ROWS, "the first line is a comment, '# by me'"),
        (HEAD.replace(",", ";") + ROWS.replace(",", ";"), "';' where commas are needed"),
        (HEAD.replace(",", "\t") + ROWS.replace(",", "\t"), "tabs where commas are needed"),
        ("kind\n" + "x\ny\n" * 9, "has 1 column"),
        (HEAD + ROWS.replace(".", ","), "row 1 has 4 values"),
        (HEAD + '"0,3",1,x\n' + ROWS, "such as '0,3' in row 1\n  write decimals with a point"),
        ("kind,a,b\n" + "".join(f"x,1,{k / 10}\n" for k in range(12)), "fractions, such as 0.1"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, message):
    assert message in refused(write(tmp_path, text))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_refused(tmp_path, encoding):
    write(tmp_path, HEAD.replace("kind", "art_ä") + ROWS, encoding=encoding)
    assert "is not UTF-8 text" in refused(tmp_path)
    write(tmp_path, HEAD + ROWS * 9000 + "1,2,ä\n", encoding="latin-1")
    assert "is not UTF-8 text" in refused(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((9, 2, 2)), "y": np.arange(9) % 2}, "x has shape (9, 2, 2)"),
        ({"x": np.zeros(9), "y": np.arange(9) % 2}, "x has shape (9,)"),
        ({"X": np.zeros((9, 2)), "y": np.arange(8) % 2}, "X has shape (9, 2) and y (8,)"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0, int)}, "has no samples"),
        ({"x": np.zeros((9, 2)), "z": np.arange(9) % 2}, "has the arrays x, z"),
        ({"x": np.full((9, 2), "a"), "y": np.arange(9) % 2}, "no numbers"),
        ({"x": np.full((9, 2), np.nan), "y": np.arange(9) % 2}, "row 1, column 'x0'"),
        ({"x": np.zeros((9, 2)), "y": np.arange(9) / 2}, "fractions, such as 0.5"),
        ({"x": np.zeros((9, 2)), "y": np.full(9, np.inf)}, "fractions"),
        ({"x": np.zeros((3, 2)), "y": np.array(["a", " ", "b"])}, "row 2, array 'y': the class"),
        ({"x": np.zeros((9, 2)), "y": np.ones(9, complex)}, "holds complex128, no classes"),
        ({"x": np.zeros((9, 2)), "y": np.zeros(9, "i4,i4")}, "no classes"),
        ({"x": np.zeros((9, 2)), "y": np.zeros(9, "M8[s]")}, "no classes"),
        ({"x": np.full((9, 2), None), "y": np.arange(9) % 2}, "objects are not read"),
    ],
)
def test_bad_arrays_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "my.npz", **arrays)
    assert message in refused(tmp_path, "my.npz")


@pytest.mark.parametrize("name", ["my.npz", "my.parquet"])
@pytest.mark.parametrize("damage", ["cut", "garbage", "end", "empty", "other format"])
def test_damaged_files_are_refused(tmp_path, name, damage):
    frame = table(400)
    if name == "my.npz":
        np.savez_compressed(tmp_path / name, x=frame[["a", "b"]], y=frame["kind"].to_numpy(str))
    else:
        frame.to_parquet(tmp_path / name)
    good = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(
        {
            "cut": good[: len(good) // 2],
            "garbage": b"x" * 500,
            "end": good[:-300] + bytes(255 - b for b in good[-300:-20]) + good[-20:],
            "empty": b"",
            "other format": b"\x93NUMPY\x01\x00" + bytes(200),
        }[damage]
    )
    assert "my." in refused(tmp_path, name)


def test_flipped_bytes_of_an_archive_are_noticed(tmp_path):
    frame = table(400)
    np.savez_compressed(tmp_path / "my.npz", x=frame[["a", "b"]], y=frame["kind"].to_numpy(str))
    good = (tmp_path / "my.npz").read_bytes()
    wrong = bytes(255 - b for b in good[900:999])
    (tmp_path / "my.npz").write_bytes(good[:900] + wrong + good[999:])
    assert "cannot be read" in refused(tmp_path, "my.npz")


def test_an_array_under_the_name_of_an_archive_is_refused(tmp_path):
    with (tmp_path / "my.npz").open("wb") as stream:
        np.save(stream, np.zeros((3, 2)))
    assert "is no NPZ file" in refused(tmp_path, "my.npz")
    (tmp_path / "my.npz").write_text("hello")
    assert "is no NPZ file" in refused(tmp_path, "my.npz")


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, 2), pd.Timestamp("2026-01-01"), 1j], ids=repr)
def test_classes_of_another_kind_are_refused(tmp_path, value):
    path = tmp_path / "my.parquet"
    if isinstance(value, (complex, tuple)):
        with pytest.raises(DataError, match="no classes"):
            class_labels(pd.Series(["a", value, None]).to_numpy(), path, "column 'kind'")
        return
    table().assign(kind=[value] * 60).to_parquet(path)
    assert "column 'kind' holds" in refused(tmp_path, "my.parquet")


def test_truth_values_with_gaps_are_missing(tmp_path):
    frame = table().assign(b=pd.Series([True, False, None] * 20, dtype=object))
    for write_to in (frame.to_parquet, lambda path: frame.to_csv(path, index=False)):
        path = tmp_path / ("my.csv" if write_to != frame.to_parquet else "my.parquet")
        write_to(path)
        assert "row 3, column 'b': the value is missing (20" in refused(tmp_path, path.name)


def test_parquet_of_text_or_without_numbers_is_refused(tmp_path):
    table().assign(b="x").to_parquet(tmp_path / "my.parquet")
    assert "column 'b' holds no numbers" in refused(tmp_path, "my.parquet")
    frame = table().astype({"b": "Int64"})
    frame.loc[4, "b"] = pd.NA
    frame.to_parquet(tmp_path / "my.parquet")
    assert "row 5, column 'b': the value is missing" in refused(tmp_path, "my.parquet")
    table()[["kind"]].to_parquet(tmp_path / "my.parquet")
    assert "has 1 column" in refused(tmp_path, "my.parquet")
