"""Physical spiking neurons in torch: parameters, exact and discretised solutions, layers."""

from codesign.pnn.architecture import Architecture, Neuron, Solution
from codesign.pnn.firing import firing_time
from codesign.pnn.firing_curve import FiringCurve
from codesign.pnn.layers import LayerOutput, RCSpikeLinear, RCSpikeNetwork, network_forward
from codesign.pnn.membrane import (
    MembraneTrace,
    Method,
    membrane_potential,
    membrane_trace,
    membrane_waveform,
)
from codesign.pnn.modules import SpikePool2d, SpikingConv2d, SpikingNetwork, TTFSLinear
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.ttfs import FirstSpike, TTFSMethod, first_spike, first_spike_time

__all__ = [
    "Architecture",
    "FiringCurve",
    "FirstSpike",
    "LayerOutput",
    "MembraneTrace",
    "Method",
    "Neuron",
    "PNNParameters",
    "RCSpikeLinear",
    "RCSpikeNetwork",
    "Solution",
    "SpikePool2d",
    "SpikingConv2d",
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
]
