"""Weights to circuit values, and trained networks written back into netlists."""

from codesign.mapping.biases import (
    LayerBiases,
    bias_layers,
    bias_sources,
    read_biases,
    weights_of,
    write_biases,
)
from codesign.mapping.trained_netlist import trained_netlist, write_trained_netlist

__all__ = [
    "LayerBiases",
    "bias_layers",
    "bias_sources",
    "read_biases",
    "trained_netlist",
    "weights_of",
    "write_biases",
    "write_trained_netlist",
]
