import csv
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from codesign.errors import DataError, DesignError
from codesign.files import TEMPORARY_PREFIX
from codesign.pnn import PNNParameters
from codesign.pnn.io import load_network
from codesign.training import TrainingParameters, train
from tests.training.iris import iris

PARAMS = PNNParameters(e_plus=2.8, e_minus=-1.53, e_dis=6.5, t_end=0.995)
LIMITS = {"w_min": 0.02, "w_max": 1.2}
SHORT = iris(epochs=12, checkpoint_every=5, evaluate_every=4, circuit=LIMITS)


class Stop(Exception):
    """Stands for a killed process."""


def stop_at(epoch):
    def progress(record):
        if record.epoch == epoch:
            raise Stop

    return progress


def test_training_learns_within_the_circuit_limits():
    training = iris(epochs=150, evaluate_every=50, circuit=LIMITS)
    result = train(PARAMS, (5, 5, 5), training)
    losses = [record.loss for record in result.history]
    assert losses[-1] < 0.3 * losses[0]
    assert result.accuracy_train >= 0.9 and result.accuracy_test >= 0.85
    assert result.train.silent <= 5
    for weight in result.weights:
        size = weight.abs()
        assert bool(((size == 0) | ((size >= 0.02) & (size <= 1.2))).all())


def test_robust_training_sees_a_chip_in_every_batch():
    plain = train(PARAMS, (5, 5, 5), SHORT)
    chips = train(PARAMS, (5, 5, 5), SHORT.model_copy(update={"robust": 0.2}))
    again = train(PARAMS, (5, 5, 5), SHORT.model_copy(update={"robust": 0.2}))
    assert all(torch.equal(a, b) for a, b in zip(chips.weights, again.weights, strict=True))
    assert not torch.equal(plain.weights[0], chips.weights[0])
    # The loss of networks off by a fifth in every weight.
    assert chips.history[-1].loss > plain.history[-1].loss


def test_result_follows_from_the_seed_alone():
    torch.manual_seed(5)
    one = train(PARAMS, (5, 5, 5), SHORT)
    torch.manual_seed(6)
    again = train(PARAMS, (5, 5, 5), SHORT)
    assert one.history == again.history
    assert all(torch.equal(a, b) for a, b in zip(one.weights, again.weights, strict=True))
    other = train(PARAMS, (5, 5, 5), SHORT.model_copy(update={"seed": 2}))
    assert not torch.equal(one.weights[0], other.weights[0])


def test_evaluations_on_the_way_do_not_change_the_result_and_can_be_left_out():
    with_them = train(PARAMS, (5, 5, 5), SHORT)
    without = train(PARAMS, (5, 5, 5), SHORT.model_copy(update={"evaluate_every": 0}))
    assert all(record.test_accuracy is None for record in without.history)
    assert with_them.history[-1].test_accuracy is not None
    assert without.test == with_them.test
    for a, b in zip(without.weights, with_them.weights, strict=True):
        assert torch.equal(a, b)


def test_data_loaded_before_is_used():
    own = train(PARAMS, (5, 5, 5), SHORT)
    part = replace(own.dataset, test=own.dataset.test.head(10))
    given = train(PARAMS, (5, 5, 5), SHORT, data=part)
    assert len(given.dataset.test) == 10
    for a, b in zip(given.weights, own.weights, strict=True):
        assert torch.equal(a, b)


def test_interrupted_training_resumes_to_the_same_bits(tmp_path):
    straight = train(PARAMS, (5, 5, 5), SHORT)
    with pytest.raises(Stop):
        train(PARAMS, (5, 5, 5), SHORT, tmp_path, stop_at(8))
    epochs = []
    resumed = train(PARAMS, (5, 5, 5), SHORT, tmp_path, lambda r: epochs.append(r.epoch))
    assert epochs == list(range(6, 13))
    assert resumed.history == straight.history
    assert all(torch.equal(a, b) for a, b in zip(resumed.weights, straight.weights, strict=True))
    epochs.clear()
    train(PARAMS, (5, 5, 5), SHORT, tmp_path, lambda r: epochs.append(r.epoch))
    assert epochs == []


def test_checkpoint_of_another_run_is_not_continued(tmp_path):
    train(PARAMS, (5, 5, 5), SHORT, tmp_path)
    other = SHORT.model_copy(update={"seed": 9})
    fresh = train(PARAMS, (5, 5, 5), other)
    beside = train(PARAMS, (5, 5, 5), other, tmp_path)
    assert torch.equal(fresh.weights[0], beside.weights[0])


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_damaged_checkpoint_is_named_with_its_remedy(tmp_path, damage):
    path = tmp_path / "checkpoint.safetensors"
    train(PARAMS, (5, 5, 5), SHORT, tmp_path)
    content = path.read_bytes()
    path.write_bytes({"truncated": content[:-100], "garbage": b"x" * 500, "empty": b""}[damage])
    with pytest.raises(DataError, match=r"checkpoint\.safetensors is damaged") as error:
        train(PARAMS, (5, 5, 5), SHORT, tmp_path)
    assert "delete it" in str(error.value)


def test_files_of_a_run(tmp_path):
    result = train([PARAMS, PARAMS], (5, 5, 5), SHORT, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "checkpoint.safetensors",
        "history.csv",
        "metrics.json",
        "weights.safetensors",
    }
    network = load_network(tmp_path / "weights.safetensors")
    assert torch.equal(network.weights[1], result.weights[1])
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == [record.loss for record in result.history]
    assert rows[0]["test_accuracy"] == "" and rows[3]["test_accuracy"] != ""
    assert json.loads((tmp_path / "metrics.json").read_text())["test"] == asdict(result.test)


def test_early_stop():
    training = SHORT.model_copy(update={"patience": 1, "epochs": 400, "learning_rate": 0.2})
    assert len(train(PARAMS, (5, 5, 5), training).history) < 400


@pytest.mark.parametrize(("sizes", "message"), [((6, 5, 5), "5 inputs"), ((5, 5, 2), "3 classes")])
def test_layer_sizes_must_fit_the_data(sizes, message):
    with pytest.raises(DesignError, match=message):
        train(PARAMS, sizes, SHORT)


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": 5},
        {"epochs": 0},
        {"input_window": (0.9, 0.1)},
        {"circuit": {"w_min": 2.0, "w_max": 1.0}},
        {"circuit": {"signs": "none"}},
        {"dataset": "emnist"},
        {"dataset": "my.xlsx"},
        {"label": "species"},
        {"circuit": {"t_early": 1.95}},
        {"method": "euler"},
    ],
)
def test_bad_training_parameters_are_refused(change):
    with pytest.raises(ValidationError):
        TrainingParameters(**change)


def test_checkpoint_of_other_samples_is_not_continued(tmp_path):
    """A file may change under its name."""
    own = train(PARAMS, (5, 5, 5), SHORT, tmp_path)
    moved = replace(own.dataset.train, times=own.dataset.train.times * 0.9)
    changed = replace(own.dataset, train=moved)
    epochs = []
    train(PARAMS, (5, 5, 5), SHORT, tmp_path, lambda r: epochs.append(r.epoch), data=changed)
    assert epochs == list(range(1, 13))


def test_leftovers_of_a_killed_writer_are_cleared(tmp_path, monkeypatch):
    """Every file goes through the one writer, whose temporary names are known."""
    seen = []
    kept = os.replace

    def note(source, target):
        seen.append(Path(source).name)
        kept(source, target)

    monkeypatch.setattr(os, "replace", note)
    train(PARAMS, (5, 5, 5), SHORT, tmp_path)
    assert len({Path(name).suffix for name in seen}) == 3
    assert all(name.startswith(TEMPORARY_PREFIX) for name in seen)
