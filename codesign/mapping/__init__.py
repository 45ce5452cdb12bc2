"""Weights to circuit values and back: knobs of synapses, tables of them, a user's weights."""

from codesign.mapping.given import Reach, within_reach, write_reach
from codesign.mapping.knobs import LayerKnobs, knob_layers, weights_of
from codesign.mapping.table import read_knobs, write_knobs
from codesign.mapping.weights_file import GivenWeights, read_given, read_weights
from codesign.mapping.written import write_mapping

__all__ = [
    "GivenWeights",
    "LayerKnobs",
    "Reach",
    "knob_layers",
    "read_given",
    "read_knobs",
    "read_weights",
    "weights_of",
    "within_reach",
    "write_knobs",
    "write_mapping",
    "write_reach",
]
