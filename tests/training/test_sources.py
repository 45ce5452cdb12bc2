"""A data set of one's own: public names only, no file of the package touched."""

import numpy as np
import pytest

from codesign.designs import Design
from codesign.errors import DataError, DesignError
from codesign.training import (
    RawData,
    Samples,
    TrainingParameters,
    dataset_for,
    dataset_names,
    dataset_shape,
    register_dataset,
    train,
)


@register_dataset("two_steps", shape=(2, 2))
def two_steps(training, folder):
    """Two features; the class is which of them is larger."""
    features = np.random.default_rng(training.data_seed).random((90, 2)) * 7.0 - 3.0
    labels = (features[:, 0] > features[:, 1]).astype(int)
    return RawData(Samples(features, labels), ("left", "right"), ("up", "down"))


TEXT = """
name = "steps"
[model]
layers = "6-2"
[training]
dataset = "two_steps"
epochs = 20
learning_rate = 1e-2
"""


def test_designs_and_training_know_it_by_its_name():
    assert "two_steps" in dataset_names()
    design = Design.from_text(TEXT)
    net = design.model.architecture(design.training)
    assert net.n_inputs == 3 and dataset_shape(design.training) == (2, 2)
    result = train(design.model.parameters(), net, design.training)
    assert result.history[-1].loss < result.history[0].loss
    assert len(result.dataset.test) == 30 and result.dataset.class_names == ("up", "down")


def test_a_circuit_must_fit_it():
    with pytest.raises(DesignError, match="data set two_steps has 3 inputs"):
        Design.from_text('name = "a"\n[training]\ndataset = "two_steps"')


def test_a_name_belongs_to_one_reader():
    with pytest.raises(ValueError, match="iris' is"):
        register_dataset("iris", (2, 2))(two_steps)
    with pytest.raises(ValueError, match="is no name"):
        register_dataset("my set", (2, 2))
    register_dataset("two_steps", (2, 2))(two_steps)


def test_what_it_gives_must_fit_what_was_registered():
    @register_dataset("wrong_shape", shape=(3, 2))
    def wrong_shape(training, folder):
        return two_steps(training, folder)

    with pytest.raises(DataError, match="registered with 3 features"):
        dataset_for(TrainingParameters(dataset="wrong_shape"))


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(DesignError, match="did you mean iris") as error:
        Design.from_text('name = "a"\n[training]\ndataset = "iri"')
    assert "training.dataset" in str(error.value) and ".parquet" in str(error.value)
