"""Model neurons: one file each. A neuron of one's own is a file like these, anywhere."""

from codesign.pnn.neurons.base import (
    LayerOutput,
    Neuron,
    as_neuron,
    neuron_kind,
    neuron_named,
    neuron_names,
    parameter_names,
    register_neuron,
)
from codesign.pnn.neurons.rc_spike import RCSpike
from codesign.pnn.neurons.ttfs import TTFS

__all__ = [
    "TTFS",
    "LayerOutput",
    "Neuron",
    "RCSpike",
    "as_neuron",
    "neuron_kind",
    "neuron_named",
    "neuron_names",
    "parameter_names",
    "register_neuron",
]
