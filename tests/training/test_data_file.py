"""A user's file of samples: what is read, and what is refused with file, place and remedy."""

import time

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from codesign.cli.main import cli
from codesign.design import Design
from codesign.errors import DataError, DesignError
from codesign.training import TrainingParameters, dataset_file, dataset_for, dataset_shape


def table(rows=60, seed=0):
    generator = np.random.default_rng(seed)
    kinds = np.array(["setosa", "virginica", "ape"])[np.arange(rows) % 3]
    return pd.DataFrame(
        {"a": generator.random(rows).round(6), "b": generator.integers(0, 9, rows), "kind": kinds}
    )


def load(folder, name="my.csv", **changes):
    return dataset_for(TrainingParameters(dataset=name, **changes), folder)


def write(folder, text, name="my.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return folder


def refused(folder, name="my.csv", kind=DataError, **changes):
    with pytest.raises(kind) as error:
        load(folder, name, **changes)
    text = str(error.value)
    assert error.value.exit_code == 2
    if kind is DataError:
        assert str(folder / name) in text and error.value.remedy
    return text


def test_the_three_formats_give_the_same_samples(tmp_path):
    frame = table()
    frame.to_csv(tmp_path / "my.csv", index=False)
    frame.to_parquet(tmp_path / "my.parquet")
    np.savez(tmp_path / "my.npz", x=frame[["a", "b"]], y=frame["kind"].to_numpy(str))
    one, two, three = (load(tmp_path, f"my.{kind}") for kind in ("csv", "parquet", "npz"))
    assert one.class_names == ("ape", "setosa", "virginica") == two.class_names
    assert one.feature_names == ("a", "b") and three.feature_names == ("x0", "x1")
    for other in (two, three):
        assert torch.equal(one.train.times, other.train.times)
        assert torch.equal(one.test.labels, other.test.labels)
    assert len(one.test) == 20 and len(one.train) == 40 and one.n_inputs == 3
    expected = frame["kind"].iloc[list(one.test.rows)].tolist()
    assert [one.class_names[k] for k in one.test.labels.tolist()] == expected
    for name in ("my.csv", "my.parquet", "my.npz"):
        training = TrainingParameters(dataset=name)
        assert dataset_shape(training, tmp_path) == (2, 3)
        assert dataset_file(training, tmp_path) == tmp_path / name
    assert dataset_file(TrainingParameters(), tmp_path) is None


def test_the_shape_follows_a_changed_file(tmp_path):
    training = TrainingParameters(dataset="my.csv")
    table().to_csv(tmp_path / "my.csv", index=False)
    assert dataset_shape(training, tmp_path) == (2, 3)
    table().assign(c=1.0)[["c", "a", "b", "kind"]].to_csv(tmp_path / "my.csv", index=False)
    assert dataset_shape(training, tmp_path) == (3, 3)


def test_label_byte_order_mark_and_spaces(tmp_path):
    frame = table()[["kind", "a", "b"]]
    text = frame.to_csv(index=False).replace(",", ", ")
    write(tmp_path, text, encoding="utf-8-sig")
    data = load(tmp_path, label="kind")
    assert data.feature_names == ("a", "b") and "ape" in data.class_names


def test_whole_numbers_are_classes_in_their_order(tmp_path):
    frame = table().assign(kind=np.arange(60) % 3 * 5 + 1)
    frame.to_csv(tmp_path / "my.csv", index=False)
    assert load(tmp_path).class_names == ("1", "6", "11")
    frame.assign(kind=frame["kind"].astype(float)).to_parquet(tmp_path / "my.parquet")
    assert load(tmp_path, "my.parquet").class_names == ("1", "6", "11")


@pytest.mark.parametrize("name", ["../my.csv", "sub/../../my.csv", "/etc/my.csv", "link.csv"])
def test_files_outside_the_folder_are_refused(tmp_path, name):
    (tmp_path / "design/sub").mkdir(parents=True)
    table().to_csv(tmp_path / "my.csv", index=False)
    (tmp_path / "design/link.csv").symlink_to(tmp_path / "my.csv")
    text = refused(tmp_path / "design", name, DesignError)
    assert "training.dataset" in text and "outside the folder" in text


def test_files_in_sub_folders_and_ways_back_in_are_fine(tmp_path):
    (tmp_path / "sub").mkdir()
    table().to_csv(tmp_path / "sub/my.csv", index=False)
    for name in ("sub/my.csv", "sub/../sub/my.csv", str(tmp_path / "sub/my.csv")):
        assert load(tmp_path, name).n_classes == 3


def test_a_missing_file_names_the_key_and_what_there_is(tmp_path):
    table().to_csv(tmp_path / "other.csv", index=False)
    text = refused(tmp_path, kind=DesignError)
    assert "training.dataset" in text and "other.csv" in text
    (tmp_path / "folder.csv").mkdir()
    assert "is no file" in refused(tmp_path, "folder.csv", DesignError)


def test_a_missing_label_suggests_the_nearest(tmp_path):
    table().to_csv(tmp_path / "my.csv", index=False)
    text = refused(tmp_path, kind=DesignError, label="kin")
    assert "training.label" in text and "did you mean kind?" in text


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
        (HEAD + ROWS.replace("\n", ",1\n"), "more values than the header"),
        (HEAD + ROWS + "1,2,x,4,5\n", "cannot be read"),
        (HEAD.replace(",", ";") + ROWS.replace(",", ";"), "has 1 column"),
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
    assert "cannot be read" in refused(tmp_path, "my.npz")


def test_parquet_of_text_or_without_numbers_is_refused(tmp_path):
    table().assign(b="x").to_parquet(tmp_path / "my.parquet")
    assert "column 'b' holds no numbers" in refused(tmp_path, "my.parquet")
    frame = table().astype({"b": "Int64"})
    frame.loc[4, "b"] = pd.NA
    frame.to_parquet(tmp_path / "my.parquet")
    assert "row 5, column 'b': the value is missing" in refused(tmp_path, "my.parquet")
    table()[["kind"]].to_parquet(tmp_path / "my.parquet")
    assert "has 1 column" in refused(tmp_path, "my.parquet")


def test_a_million_rows_take_seconds(tmp_path):
    rows = 1_000_000
    generator = np.random.default_rng(0)
    columns = [generator.integers(0, 999, rows).astype(str) for _ in range(4)]
    kinds = np.array(["x", "y", "z"])[np.arange(rows) % 3]
    lines = map(",".join, zip(*columns, kinds, strict=True))
    (tmp_path / "my.csv").write_text("a,b,c,d,kind\n" + "\n".join(lines) + "\n")
    start = time.perf_counter()
    training = TrainingParameters(dataset="my.csv", train_samples=2000)
    assert dataset_shape(training, tmp_path) == (4, 3)
    data = dataset_for(training, tmp_path)
    assert time.perf_counter() - start < 60
    assert len(data.train) == 2000 and len(data.test) == 50


TEXT = """
name = "mine"
[model]
layers = "6-3"
[training]
dataset = "my.csv"
epochs = 2
"""


def test_a_design_file_trains_on_the_file_beside_it(tmp_path, monkeypatch):
    (tmp_path / "designs").mkdir()
    (tmp_path / "designs/mine.toml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["train", "designs/mine.toml"])
    assert result.exit_code == 2 and "training.dataset" in result.output
    table(200).to_csv(tmp_path / "designs/my.csv", index=False)
    result = CliRunner().invoke(cli, ["train", "designs/mine.toml"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "build/mine/train/weights.safetensors").is_file()


def test_a_circuit_must_fit_the_file(tmp_path):
    table().to_csv(tmp_path / "my.csv", index=False)
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[training]\ndataset = "my.csv"\n')
    with pytest.raises(DesignError, match=r"data set my\.csv has 3 inputs") as error:
        Design.load(path)
    assert str(path) in str(error.value)
    path.write_text(path.read_text() + "[network]\nlayers = [3, 4, 3]\n")
    assert Design.load(path).folder == tmp_path
