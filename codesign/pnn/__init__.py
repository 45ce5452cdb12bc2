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

__all__ = [
    "FiringCurve",
    "LayerOutput",
    "MembraneTrace",
    "Method",
    "PNNParameters",
    "RCSpikeLinear",
    "RCSpikeNetwork",
    "firing_time",
    "membrane_potential",
    "membrane_trace",
    "membrane_waveform",
    "network_forward",
]
