"""A user's file of samples: what is read, from where, and how it reaches training."""

import time
from decimal import Decimal

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from codesign.cli.main import cli
from codesign.designs import Design
from codesign.errors import DesignError
from codesign.training import TrainingParameters, dataset_file, dataset_for, dataset_shape
from tests.training.tables import load, refused, table, write


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


def test_long_numbers_and_bytes_are_names(tmp_path):
    kinds = [10**17, 10**17 + 1]
    np.savez(tmp_path / "my.npz", x=np.zeros((60, 2)), y=np.array(kinds * 30).astype("S"))
    assert load(tmp_path, "my.npz").class_names == tuple(map(str, kinds))


def test_decimals_are_numbers_and_classes(tmp_path):
    frame = table()
    frame.to_parquet(tmp_path / "one.parquet")
    cents = [Decimal(f"{x:.6f}") for x in frame["a"]]
    frame.assign(a=cents).to_parquet(tmp_path / "my.parquet")
    one, two = load(tmp_path, "one.parquet"), load(tmp_path, "my.parquet")
    assert torch.equal(one.train.times, two.train.times)
    frame.assign(kind=[Decimal(k % 3) for k in range(60)]).to_parquet(tmp_path / "my.parquet")
    assert load(tmp_path, "my.parquet").class_names == ("0", "1", "2")


@pytest.mark.filterwarnings("error")
def test_huge_values_are_scaled(tmp_path):
    frame = table()
    frame.to_csv(tmp_path / "one.csv", index=False)
    frame["a"] = (frame["a"] - 0.5) * 2 * 1.7e308
    frame.to_csv(tmp_path / "my.csv", index=False)
    one, two = load(tmp_path, "one.csv"), load(tmp_path)
    assert torch.allclose(one.train.times, two.train.times, atol=1e-6)
    assert torch.allclose(one.test.times, two.test.times, atol=1e-6)


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
