"""The generated set: its geometry, its seeds."""

import numpy as np
import torch

from codesign.training import TrainingParameters, dataset_for
from codesign.training.yin_yang import class_of, draw


def test_classes_follow_the_symbol():
    points = [(0.25, 0.5), (0.75, 0.55), (0.5, 0.9), (0.5, 0.1), (0.25, 0.35), (0.75, 0.65), (0, 0)]
    assert class_of(np.array(points, float)).tolist() == [2, 2, 0, 1, 0, 1, -1]


def test_yin_and_yang_are_each_other_turned_by_half():
    points = np.random.default_rng(0).random((2000, 2))
    found, turned = class_of(points), class_of(1.0 - points)
    swap = np.array([1, 0, 2, -1])
    assert np.array_equal(turned, swap[found])


def test_classes_are_drawn_evenly_and_samples_are_in_the_disc():
    samples = draw(np.random.default_rng(3), 6000)
    counts = np.bincount(samples.labels)
    assert counts.min() > 1850 and counts.max() < 2150
    assert np.array_equal(class_of(samples.features[:, :2]), samples.labels)
    np.testing.assert_allclose(samples.features[:, 2:], 1.0 - samples.features[:, :2])


def test_seed_decides_and_training_and_test_differ():
    def load(**changes):
        return dataset_for(TrainingParameters(dataset="yin_yang", **changes))

    one, again, other = load(), load(seed=5, split_seed=1), load(seed=2)
    assert torch.equal(one.train.times, again.train.times)
    assert not torch.equal(one.train.times, other.train.times)
    assert (len(one.train), len(one.test), one.n_inputs, one.n_classes) == (5000, 1000, 5, 3)
    assert not torch.equal(one.train.times[:1000], one.test.times)
    few = load(train_samples=40, test_samples=30, input_window=(0.1, 0.5))
    assert (len(few.train), len(few.test)) == (40, 30)
    x, y, rest = few.train.times[:, 0], few.train.times[:, 1], few.train.times[:, 2:4]
    torch.testing.assert_close(rest, 0.6 - torch.stack([x, y], dim=1))
