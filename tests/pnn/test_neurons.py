"""Neurons by name and as objects, and one of one's own in a file outside the package."""

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from safetensors.torch import save_file

from codesign.designs import Design
from codesign.errors import DataError, DesignError
from codesign.pnn import (
    TTFS,
    Architecture,
    LayerOutput,
    Neuron,
    PNNParameters,
    RCSpike,
    Solution,
    SpikingConv2d,
    SpikingNetwork,
    membrane_potential,
    neuron_named,
    neuron_names,
    register_neuron,
)
from codesign.pnn.io import load_spiking_network, save_network
from codesign.training import train

PARAMS = PNNParameters(e_plus=4.0, e_minus=-3.0)


@register_neuron
@dataclass(frozen=True)
class Linear(Neuron):
    """Fires at a fixed slope of the membrane, whatever the discharger."""

    name: ClassVar[str] = "linear_decay"
    slope: float = 2.0

    @property
    def t_silent(self) -> float:
        return self.slope

    def forward(self, t_in, weight, params, solution, trace=False):
        v = membrane_potential(t_in, weight, params, solution)
        t = self.slope * (1.0 - v)
        return LayerOutput(v, t.clamp(0.0, self.slope), t)

    def initial_weight(self, n_in, n_out, params, *, layers, t_ref, dtype, generator):
        noise = torch.randn(n_out, n_in, dtype=dtype, generator=generator)
        return 1.0 / n_in + 0.3 * noise / n_in**0.5


TEXT = """
name = "own"
[model]
layers = "6-3"
neuron = "linear_decay"
[model.neuron_parameters]
slope = 1.5
[training]
dataset = "iris"
epochs = 8
learning_rate = 1e-2
spike_noise = 0.01
steps = 5
[training.circuit]
range_penalty = 1.0
"""


def test_a_neuron_of_ones_own_is_known_to_designs_training_and_files(tmp_path):
    design = Design.from_text(TEXT)
    net = design.model.architecture(design.training)
    assert net.neuron == Linear(1.5)
    result = train(design.model.parameters(), net, design.training, tmp_path)
    assert result.history[-1].loss < result.history[0].loss
    again = load_spiking_network(tmp_path / "weights.safetensors")
    assert again.architecture == net and again.architecture.neuron == Linear(1.5)
    image = torch.rand(2, 1, 5, 5)
    own = SpikingConv2d((1, 5, 5), 2, PARAMS, neuron=Linear(1.5))
    assert own(image).t.shape == (2, 2, 5, 5)


def test_names_and_objects_are_the_same():
    shape = (1, 1, 6)
    assert Architecture("4-3", shape) == Architecture("4-3", shape, RCSpike())
    assert Architecture("4-3", shape, "ttfs", 3.0, 0.5) == Architecture(
        "4-3", shape, TTFS(3.0, 0.5)
    )
    assert Architecture("4-3", shape, "ttfs").neuron == TTFS(4.0, 1.0)
    assert Architecture.dense((6, 3), "ttfs").neuron == neuron_named("ttfs")
    assert {"rc_spike", "ttfs", "linear_decay"} <= set(neuron_names())
    with pytest.raises(ValueError, match="parameters of the neuron"):
        Architecture("4-3", shape, TTFS(), 3.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: neuron_named("rc_spik"), "did you mean rc_spike"),
        (lambda: neuron_named("ttfs", {"tmax": 3.0}), "did you mean t_max"),
        (lambda: neuron_named("rc_spike", {"t_max": 3.0}), "it has: none"),
        (lambda: TTFS(-1.0), "t_max must be positive"),
        (lambda: neuron_named("ttfs", {"kappa": "much"}), "kappa must be positive"),
    ],
)
def test_what_is_not_known_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_name_belongs_to_one_class_and_a_neuron_is_a_frozen_dataclass():
    @dataclass(frozen=True)
    class Other(Linear):
        name: ClassVar[str] = "ttfs"

    with pytest.raises(ValueError, match="is TTFS already"):
        register_neuron(Other)
    with pytest.raises(TypeError, match="frozen dataclass"):
        register_neuron(type("Plain", (Neuron,), {"name": "plain"}))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('neuron = "lif"', "model.neuron: unknown neuron 'lif'"),
        ('neuron = "ttfs"\nneuron_parameters = { tau = 3.0 }', "no parameter 'tau'"),
        ('neuron = "ttfs"\nneuron_parameters = { t_max = -3.0 }', "t_max must be positive"),
        ('neuron = "ttfs"\nt_max = 3.0', r"t_max in \[model\.neuron_parameters\]"),
        ("neuron_parameters = { t_max = 3.0 }", "rc_spike has no parameter 't_max'"),
    ],
)
def test_designs_name_what_is_wrong(lines, message):
    with pytest.raises(DesignError, match=message):
        Design.from_text(f'name = "a"\n[model]\nlayers = "4-3"\n{lines}\n')


@pytest.mark.parametrize("name", ["rc_spike", "ttfs"])
def test_files_of_before_still_load(tmp_path, name):
    """They had the window of TTFS neurons for every neuron."""
    weights = {"layers.0.weight": torch.ones(4, 6), "layers.1.weight": torch.ones(3, 4)}
    head = {"text": "4-3", "input_shape": [1, 1, 6], "neuron": name, "t_max": 3.0, "kappa": 1.0}
    metadata = {
        "format": "codesign-spiking-1",
        "params": json.dumps([PARAMS.to_dict()] * 2),
        "architecture": json.dumps(head),
    }
    save_file(weights, tmp_path / "old.safetensors", metadata=metadata)
    net = load_spiking_network(tmp_path / "old.safetensors")
    assert net.architecture == Architecture("4-3", (1, 1, 6), name, 3.0, 1.0)
    save_network(net, tmp_path / "new.safetensors")
    assert load_spiking_network(tmp_path / "new.safetensors").architecture == net.architecture
    metadata["architecture"] = json.dumps(head | {"neuron": "unheard_of"})
    save_file(weights, tmp_path / "old.safetensors", metadata=metadata)
    with pytest.raises(DataError, match="unknown neuron 'unheard_of'"):
        load_spiking_network(tmp_path / "old.safetensors")


def test_layers_hold_one_weight_and_no_network():
    conv = SpikingConv2d((1, 5, 5), 2, PARAMS, neuron="ttfs", t_max=3.0)
    assert list(conv.state_dict()) == ["weight"] and not isinstance(conv, SpikingNetwork)
    assert conv.neuron == TTFS(3.0)
    net = SpikingNetwork(Architecture("conv2-3", (1, 5, 5), TTFS(3.0)), PARAMS)
    with torch.no_grad():
        conv.weight.copy_(net.weights[0])
    t = torch.rand(2, 1, 5, 5)
    solution = Solution("dstd", 20)
    assert torch.equal(conv(t, solution).t, net(t.flatten(1), solution)[0].t)
