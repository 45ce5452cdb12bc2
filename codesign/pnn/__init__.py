"""Physical spiking neurons in torch: parameters, exact and discretised solutions, layers."""

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
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.ttfs import FirstSpike, TTFSMethod, first_spike, first_spike_time

__all__ = [
    "FiringCurve",
    "FirstSpike",
    "LayerOutput",
    "MembraneTrace",
    "Method",
    "PNNParameters",
    "RCSpikeLinear",
    "RCSpikeNetwork",
    "TTFSMethod",
    "firing_time",
    "first_spike",
    "first_spike_time",
    "membrane_potential",
    "membrane_trace",
    "membrane_waveform",
    "network_forward",
]
