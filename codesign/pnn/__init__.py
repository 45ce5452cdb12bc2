"""Physical spiking neurons in torch: parameters, exact and discretised solutions, layers."""

from codesign.pnn.architecture import Architecture
from codesign.pnn.firing import firing_time
from codesign.pnn.firing_curve import FiringCurve
from codesign.pnn.layers import (
    RCSpikeLinear,
    SpikeAvgPool2d,
    SpikePool2d,
    SpikingConv2d,
    SpikingLinear,
    TTFSLinear,
)
from codesign.pnn.membrane import (
    MembraneTrace,
    membrane_potential,
    membrane_trace,
    membrane_waveform,
)
from codesign.pnn.networks import RCSpikeNetwork, SpikingNetwork, network_forward
from codesign.pnn.neurons import (
    TTFS,
    LayerOutput,
    Neuron,
    RCSpike,
    neuron_named,
    neuron_names,
    register_neuron,
)
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.solution import Method, Solution
from codesign.pnn.ttfs import FirstSpike, TTFSMethod, first_spike, first_spike_time

__all__ = [
    "TTFS",
    "Architecture",
    "FiringCurve",
    "FirstSpike",
    "LayerOutput",
    "MembraneTrace",
    "Method",
    "Neuron",
    "PNNParameters",
    "RCSpike",
    "RCSpikeLinear",
    "RCSpikeNetwork",
    "Solution",
    "SpikeAvgPool2d",
    "SpikePool2d",
    "SpikingConv2d",
    "SpikingLinear",
    "SpikingNetwork",
    "TTFSLinear",
    "TTFSMethod",
    "firing_time",
    "first_spike",
    "first_spike_time",
    "membrane_potential",
    "membrane_trace",
    "membrane_waveform",
    "network_forward",
    "neuron_named",
    "neuron_names",
    "register_neuron",
]
