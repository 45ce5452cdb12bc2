import pytest
import torch

from codesign.errors import DataError
from codesign.training import TrainingParameters, dataset_for


def load_dataset(name, **changes):
    return dataset_for(TrainingParameters(dataset=name, **changes))


def test_split_is_stratified_disjoint_and_follows_the_seed():
    one, again, other = (load_dataset("iris", seed=s) for s in (1, 1, 2))
    assert one.train.rows == again.train.rows and torch.equal(one.test.times, again.test.times)
    assert one.test.rows != other.test.rows
    assert len(one.train) == 100 and len(one.test) == 50
    assert not set(one.train.rows) & set(one.test.rows)
    assert set(one.calibration.rows) <= set(one.train.rows)
    counts = torch.bincount(one.test.labels)
    assert int(counts.max() - counts.min()) <= 1
    assert one.n_inputs == 5 and one.n_classes == 3


def test_scaling_knows_the_training_samples_only(monkeypatch):
    """Test features changed wildly leave the training times as they were and stay in the window."""
    from sklearn import datasets

    before = load_dataset("iris", seed=3, input_window=(0.05, 0.9))
    bunch = datasets.load_iris()
    bunch.data[list(before.test.rows)] *= 50.0
    monkeypatch.setattr(datasets, "load_iris", lambda: bunch)
    after = load_dataset("iris", seed=3, input_window=(0.05, 0.9))
    assert torch.equal(before.train.times, after.train.times)
    features = after.test.times[:, :-1]
    assert float(features.min()) >= 0.05 and float(features.max()) <= 0.9 + 1e-12
    train = after.train.times[:, :-1]
    torch.testing.assert_close(train.min(dim=0).values, torch.full((4,), 0.05).double())
    torch.testing.assert_close(train.max(dim=0).values, torch.full((4,), 0.9).double())


def test_codings_mirror_each_other_and_the_bias_comes_last():
    direct = load_dataset("iris", seed=1, bias_time=0.1)
    inverted = load_dataset("iris", seed=1, coding="inverted", bias_time=0.1)
    torch.testing.assert_close(direct.train.times[:, :-1], 1 - inverted.train.times[:, :-1])
    assert bool((direct.train.times[:, -1] == 0.1).all())


@pytest.mark.parametrize(("name", "inputs"), [("wine", 14), ("breast_cancer", 31), ("digits", 65)])
def test_other_small_sets_load(name, inputs):
    data = load_dataset(name, seed=0)
    assert data.n_inputs == inputs
    assert bool(torch.isfinite(data.train.times).all())


def test_impossible_splits_are_refused():
    with pytest.raises(DataError, match="cannot be split"):
        load_dataset("iris", seed=1, test_samples=149)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_samples": 2}, "test_samples = 2 cannot hold one of each"),
        ({"calibration_samples": 1}, "calibration_samples = 1"),
        ({"train_samples": 2}, "cannot be split"),
    ],
)
def test_parts_need_every_class(change, message):
    with pytest.raises(DataError, match=message):
        load_dataset("iris", **{"calibration_samples": 3, **change})


def test_fewer_training_samples_where_asked():
    data = load_dataset("digits", train_samples=200)
    assert len(data.train) == 200 and len(data.test) == 50
    assert set(data.calibration.rows) <= set(data.train.rows)
