"""Cells: parameters and schematic view of synapses, neurons, crossbars and networks."""

from codesign.cells.base import Cell, Port, port_list
from codesign.cells.crossbar import Crossbar, CrossbarParameters, SynapseParameters, synapse_cell
from codesign.cells.current_source_synapse import (
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
    TransistorOrder,
)
from codesign.cells.line_driver import InputDriver, LineDriver, LineDriverParameters
from codesign.cells.network import Network, NetworkParameters, spike_line
from codesign.cells.rc_spike_neuron import RCSpikeNeuron, RCSpikeNeuronParameters
from codesign.cells.resistive_synapse import ResistiveSynapse, ResistiveSynapseParameters
from codesign.cells.timing import Control, PhaseTiming, edge_points, layer_controls, toggle_points
from codesign.cells.transistor import MIMCapacitorParameters, TransistorParameters
from codesign.cells.views import CellViews, View, extracted
from codesign.cells.write import design_cells, write_netlists

__all__ = [
    "Cell",
    "CellViews",
    "Control",
    "Crossbar",
    "CrossbarParameters",
    "CurrentSourceSynapse",
    "CurrentSourceSynapseParameters",
    "InputDriver",
    "LineDriver",
    "LineDriverParameters",
    "MIMCapacitorParameters",
    "Network",
    "NetworkParameters",
    "PhaseTiming",
    "Port",
    "RCSpikeNeuron",
    "RCSpikeNeuronParameters",
    "ResistiveSynapse",
    "ResistiveSynapseParameters",
    "SynapseParameters",
    "TransistorOrder",
    "TransistorParameters",
    "View",
    "design_cells",
    "edge_points",
    "extracted",
    "layer_controls",
    "port_list",
    "spike_line",
    "synapse_cell",
    "toggle_points",
    "write_netlists",
]
