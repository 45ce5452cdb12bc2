"""A data set and a model neuron of one's own, trained by the command line."""

from __future__ import annotations

import json

RINGS = """
import numpy as np

from codesign.training import RawData, Samples, register_dataset


@register_dataset("rings", shape=(2, 2))
def rings(training, folder):
    draw = np.random.default_rng(training.data_seed)
    labels = np.arange(200) % 2
    angle = draw.uniform(0.0, 2.0 * np.pi, 200)
    radius = 1.0 + labels + draw.normal(0.0, 0.05, 200)
    features = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return RawData(Samples(features, labels), ("x", "y"), ("inner", "outer"))
"""
NEURON = """
from dataclasses import dataclass
from typing import ClassVar

import torch

from codesign.pnn import LayerOutput, Neuron, membrane_potential, register_neuron


@register_neuron
@dataclass(frozen=True)
class Straight(Neuron):
    name: ClassVar[str] = "straight"
    gain: float = 1.0

    @property
    def t_silent(self):
        return 1.0

    def forward(self, t_in, weight, params, solution, trace=False):
        v = membrane_potential(t_in, weight, params, solution)
        unclipped = 1.0 - self.gain * v
        return LayerOutput(v, unclipped.clamp(0.0, 1.0), unclipped)

    def initial_weight(self, n_in, n_out, params, *, layers, t_ref, dtype, generator):
        return (1.0 + 0.5 * torch.randn(n_out, n_in, dtype=dtype, generator=generator)) / n_in
"""
DESIGN = """
name = "small"
[model]
layers = "6-{classes}"
{model}
[training]
dataset = "{dataset}"
epochs = 2
evaluate_every = 1
"""


def test_a_data_set_is_trained_on(place):
    plugin = place.write("rings.py", RINGS)
    place.write("d.toml", DESIGN.format(classes=2, model="", dataset="rings"))
    options = ("--plugin", "rings.py", "train", "d.toml")
    place.done(*options)
    metrics = json.loads((place.folder / "build/small/train/metrics.json").read_text())
    assert metrics["layer_sizes"] == [3, 6, 2]
    assert place.done(*options)["steps"][0]["status"] == "up to date"
    plugin.write_text(RINGS.replace("0.05", "0.06"))
    assert place.done(*options)["steps"][0]["reason"] == "code changed"


def test_a_model_neuron_is_trained(place):
    plugin = place.write("straight.py", NEURON)
    model = 'neuron = "straight"\nneuron_parameters = { gain = 0.9 }'
    place.write("d.toml", DESIGN.format(classes=3, model=model, dataset="iris"))
    options = ("train", "d.toml")
    place.done(*options, CODESIGN_PLUGINS=str(plugin))
    metrics = json.loads((place.folder / "build/small/train/metrics.json").read_text())
    assert metrics["layer_sizes"] == [5, 6, 3]
    refused = place.codesign(*options)
    assert refused.returncode == 2 and "straight" in refused.stderr
