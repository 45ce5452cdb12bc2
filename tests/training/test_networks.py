"""Training of image networks: both neurons, convolution, resume, and processes of torchrun."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from codesign.designs.network import Design
from codesign.errors import DesignError
from codesign.pnn import Architecture, PNNParameters
from codesign.pnn.io import load_spiking_network
from codesign.resources import resource_dir
from codesign.training import TrainingParameters, train
from tests.training.idx import write_idx_set

PARAMS = PNNParameters(e_plus=4.0, e_minus=-4.0)
PLAIN = {
    "coding": "inverted",
    "input_window": (0.0, 1.0),
    "bias_spike": False,
    "dtype": "float64",
    "learning_rate": 3e-3,
    "spike_noise": 0.01,
    "noise_on_silent": False,
    "evaluate_every": 2,
    "checkpoint_every": 1,
}


@pytest.fixture
def images(tmp_path):
    """A set in MNIST's format whose classes are bright columns."""
    write_idx_set(tmp_path / "set", 60, 20)
    return str(tmp_path / "set")


def settings(images, **changes):
    defaults = {"dataset": "mnist", "data_path": images, "epochs": 3, "batch_size": 16, "steps": 5}
    return TrainingParameters(**(PLAIN | defaults | changes))


@pytest.mark.parametrize(
    ("neuron", "text", "changes"),
    [
        ("rc_spike", "20-10", {"steps": (3, 5), "epochs": 12, "weight_decay": 0.01}),
        ("rc_spike", "conv2-pool4-10", {"steps": 3, "epochs": 3, "test_method": "dstd2"}),
        (
            "ttfs",
            "20-10",
            {
                **{"method": "dstd", "steps": 8, "epochs": 12},
                "loss": {"t_ref": 2.0, "firing_promotion": 1e-2},
            },
        ),
    ],
)
def test_networks_learn(images, neuron, text, changes):
    training = settings(images, warmup_epochs=0.5, **changes)
    net = Architecture(text, (1, 28, 28), neuron)
    result = train(PARAMS, net, training)
    losses = [record.loss for record in result.history]
    assert losses[-1] < (0.8 if "conv" not in text else 1.0) * losses[0]
    if "conv" not in text:
        assert result.accuracy_test > 0.5


def test_image_training_resumes_to_the_same_bits(images, tmp_path):
    class Stop(Exception):
        pass

    def stop(record):
        if record.epoch == 2:
            raise Stop

    training = settings(images, augmentation=True, epochs=4, steps=3, warmup_epochs=1.5)
    net = Architecture("conv2-pool4-10", (1, 28, 28))
    straight = train(PARAMS, net, training)
    out = tmp_path / "run"
    with pytest.raises(Stop):
        train(PARAMS, net, training, out, stop)
    assert (out / "history.csv").read_text().count("\n") == 3
    resumed = train(PARAMS, net, training, out)
    assert resumed.history == straight.history
    for a, b in zip(resumed.weights, straight.weights, strict=True):
        assert torch.equal(a, b)
    again = load_spiking_network(out / "weights.safetensors")
    assert again.architecture == net and torch.equal(again.weights[0], straight.weights[0])


def design_text(images, out=""):
    keys = PLAIN | {"dataset": "mnist", "data_path": images, "epochs": 2, "batch_size": 16}
    keys |= {"steps": 3, "random_offset": True}
    lines = "\n".join(f"{k} = {json.dumps(v)}" for k, v in keys.items())
    return (
        'name = "small"\n[model]\nlayers = "12-10"\ne_plus = 4.0\ne_minus = -4.0\n'
        f"[training]\n{lines}\n"
    )


def test_two_processes_of_torchrun_give_the_result_of_one(images, tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(design_text(images))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--standalone", "-m", "codesign.flow.parallel", str(path)]
    done = subprocess.run(
        [*command, "--run-dir", str(tmp_path / "two")],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    design = Design.load(path)
    net = design.model.architecture(design.training)
    one = train(design.model.parameters(), net, design.training)
    two = load_spiking_network(tmp_path / "two" / "train" / "weights.safetensors")
    for a, b in zip(one.weights, two.weights, strict=True):
        torch.testing.assert_close(a, b.detach(), rtol=0, atol=1e-9)
    history = (tmp_path / "two" / "train" / "history.csv").read_text().splitlines()
    loss = float(history[-1].split(",")[2])
    assert loss == pytest.approx(one.history[-1].loss, abs=1e-9)


def test_shipped_designs_without_a_circuit_fit_their_data():
    names = ("digits", "fashion-mnist", "fashion-mnist-conv", "fashion-mnist-ttfs", "cifar10-conv")
    for name in names:
        design = Design.load(resource_dir("designs") / f"{name}.toml")
        net = design.model.architecture(design.training)
        assert net.n_outputs == 10
        assert len(net.records(design.model.parameters())) == len(net.weight_shapes)
    conv = design.model.architecture(design.training)
    assert [layer.after[0] for layer in conv.layers if layer.kind == "conv"] == [
        *(64, 64, 128, 128, 256, 256)
    ]


@pytest.mark.parametrize(
    ("layers", "message"),
    [("12-banana", "no list of layers"), ("conv4k2-10", "must be odd"), ("12-4", "10 classes")],
)
def test_models_that_do_not_fit_are_refused(images, tmp_path, layers, message):
    text = design_text(images).replace("12-10", layers)
    with pytest.raises(DesignError, match=message):
        design = Design.from_text(text)
        train(
            design.model.parameters(), design.model.architecture(design.training), design.training
        )


def test_ties_and_blank_images_do_no_harm(tmp_path):
    write_idx_set(tmp_path / "blank", 20, 20, np.zeros((20, 28, 28), np.uint8))
    for neuron in ("rc_spike", "ttfs"):
        training = settings(
            str(tmp_path / "blank"), epochs=1, method="dstd", steps=4, test_method="dstd"
        )
        result = train(PARAMS, Architecture("6-10", (1, 28, 28), neuron), training)
        assert all(bool(torch.isfinite(w).all()) for w in result.weights)
