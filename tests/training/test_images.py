import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from codesign.errors import DataError
from codesign.training import TrainingParameters, dataset_for
from codesign.training.augmentation import augmented
from codesign.training.images import load_cifar10, load_idx, read_idx


def images(name, path, **changes):
    plain = {"coding": "inverted", "bias_spike": False, "dtype": "float32"}
    return dataset_for(TrainingParameters(**plain, dataset=name, data_path=str(path), **changes))


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A small set in MNIST's format: gzipped training files, plain test files."""
    generator = np.random.default_rng(0)
    for name, count in (("train", 30), ("t10k", 12)):
        pixels = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            path = tmp_path / f"{name}-{kind}-ubyte"
            if name == "train":
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(idx(array)))
            else:
                path.write_bytes(idx(array))
    return tmp_path


def test_idx_files_become_spike_times(folder):
    train, test = load_idx(folder)
    assert train.pixels.shape == (30, 1, 28, 28) and len(test.labels) == 12
    data = images("mnist", folder, train_samples=20)
    assert data.train.times.shape == (20, 784) and data.n_classes == 10
    expected = 1 - torch.tensor(train.pixels[:20].reshape(20, -1)).float() / 255
    torch.testing.assert_close(data.train.times, expected)
    assert set(data.calibration.rows) <= set(data.train.rows)


def test_training_parameters_choose_the_files(folder):
    training = TrainingParameters(
        dataset="fashion_mnist", data_path=str(folder), coding="inverted", dtype="float32"
    )
    data = dataset_for(training)
    assert data.n_inputs == 785 and bool((data.train.times[:, -1] == 0.0).all())
    assert data.class_names[9] == "ankle boot"


@pytest.mark.parametrize("damage", ["missing", "short", "other format", "no gzip"])
def test_damaged_idx_files_are_named(folder, damage):
    path = folder / "train-images-idx3-ubyte.gz"
    if damage == "missing":
        path.unlink()
    else:
        content = {
            "short": gzip.compress(idx(np.zeros((3, 28, 28), np.uint8))[:-9]),
            "other format": gzip.compress(b"\x00\x00\x0d\x01" + bytes(8)),
            "no gzip": b"plain",
        }[damage]
        path.write_bytes(content)
    with pytest.raises(DataError, match="train-images-idx3-ubyte"):
        load_idx(folder)


def test_a_set_without_files_says_what_to_give():
    for name in ("mnist", "cifar10"):
        with pytest.raises(DataError, match=f"{name} comes with no package") as error:
            dataset_for(TrainingParameters(dataset=name))
        assert "data_path" in str(error.value)
    with pytest.raises(DataError, match="does not exist"):
        read_idx(Path("/nowhere/x"))


def cifar_batch(count: int, seed: int) -> bytes:
    generator = np.random.default_rng(seed)
    data = generator.integers(0, 256, (count, 3072), dtype=np.uint8)
    return pickle.dumps({b"data": data, b"labels": [i % 10 for i in range(count)]}, protocol=2)


def write_archive(path, **batches):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in batches.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_cifar10_archive_and_its_folder(tmp_path):
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    contents = {name: cifar_batch(4, k) for k, name in enumerate(names)}
    write_archive(tmp_path / "cifar.tar.gz", **contents)
    train, test = load_cifar10(tmp_path / "cifar.tar.gz")
    assert train.pixels.shape == (20, 3, 32, 32) and test.pixels.shape == (4, 3, 32, 32)
    first = pickle.loads(contents["data_batch_1"], encoding="bytes")[b"data"]
    assert np.array_equal(train.pixels[0].reshape(-1), first[0])
    with tarfile.open(tmp_path / "cifar.tar.gz") as archive:
        archive.extractall(tmp_path)
    again, _ = load_cifar10(tmp_path / "cifar-10-batches-py")
    assert np.array_equal(again.pixels, train.pixels)
    data = images("cifar10", tmp_path / "cifar.tar.gz")
    assert data.train.times.shape == (20, 3072)


def test_bad_cifar10_archives_are_refused(tmp_path):
    write_archive(tmp_path / "partial.tar.gz", data_batch_1=cifar_batch(2, 0))
    with pytest.raises(DataError, match="data_batch_2"):
        load_cifar10(tmp_path / "partial.tar.gz")
    (tmp_path / "no.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="damaged"):
        load_cifar10(tmp_path / "no.tar.gz")
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    harmful = pickle.dumps(print, protocol=2)
    write_archive(tmp_path / "harmful.tar.gz", **dict.fromkeys(names, harmful))
    with pytest.raises(DataError, match="no place in this archive"):
        load_cifar10(tmp_path / "harmful.tar.gz")


def test_augmentation_moves_ink_and_keeps_black_and_the_bias_spike():
    times = torch.ones(64, 3 * 32 * 32 + 1)
    image = times[:, :-1].view(64, 3, 32, 32)
    image[:, 1, 14:18, 14:18] = 0.2
    times[:, -1] = 0.05
    generator = torch.Generator().manual_seed(1)
    moved = augmented(times, (3, 32, 32), (0.0, 1.0), True, generator)
    out = moved[:, :-1].view(64, 3, 32, 32)
    assert torch.equal(moved[:, -1], times[:, -1])
    assert bool((out[:, 0] == 1.0).all()) and bool((out >= 0.2 - 1e-5).all())
    ink, before = (1 - out[:, 1]).sum(dim=(1, 2)), 16 * 0.8
    torch.testing.assert_close(ink, torch.full_like(ink, before), rtol=0.1, atol=0)
    assert not torch.equal(out[0], out[1])
    again = augmented(times, (3, 32, 32), (0.0, 1.0), True, torch.Generator().manual_seed(1))
    assert torch.equal(again, moved)
