"""Cells: parameters, ports, schematic and layout view of synapses, neurons, crossbars, networks."""

from codesign.cells.base import Cell, Port, Schematic, View, port_list
from codesign.cells.crossbar import Crossbar, CrossbarParameters
from codesign.cells.current_source_synapse import (
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
    TransistorOrder,
)
from codesign.cells.external_neuron import ExternalNeuronParameters
from codesign.cells.external_synapse import ExternalSynapseParameters
from codesign.cells.knobs import Knob
from codesign.cells.line_driver import InputDriver, LineDriver, LineDriverParameters
from codesign.cells.network import Network, NetworkParameters
from codesign.cells.neuron import AnyNeuron, Neuron, NeuronParameters, register_neuron
from codesign.cells.rc_spike_neuron import RCSpikeNeuron, RCSpikeNeuronParameters
from codesign.cells.resistive_synapse import ResistiveSynapse, ResistiveSynapseParameters
from codesign.cells.synapse import AnySynapse, Synapse, SynapseParameters, register_synapse
from codesign.cells.timing import Control, PhaseTiming, edge_points, layer_controls, toggle_points
from codesign.cells.transistor import MIMCapacitorParameters, TransistorParameters, nmos, pmos
from codesign.cells.write import (
    column_cell,
    crossbar_cell,
    design_cells,
    load_cell,
    write_netlists,
)

__all__ = [
    "AnyNeuron",
    "AnySynapse",
    "Cell",
    "Control",
    "Crossbar",
    "CrossbarParameters",
    "CurrentSourceSynapse",
    "CurrentSourceSynapseParameters",
    "ExternalNeuronParameters",
    "ExternalSynapseParameters",
    "InputDriver",
    "Knob",
    "LineDriver",
    "LineDriverParameters",
    "MIMCapacitorParameters",
    "Network",
    "NetworkParameters",
    "Neuron",
    "NeuronParameters",
    "PhaseTiming",
    "Port",
    "RCSpikeNeuron",
    "RCSpikeNeuronParameters",
    "ResistiveSynapse",
    "ResistiveSynapseParameters",
    "Schematic",
    "Synapse",
    "SynapseParameters",
    "TransistorOrder",
    "TransistorParameters",
    "View",
    "column_cell",
    "crossbar_cell",
    "design_cells",
    "edge_points",
    "layer_controls",
    "load_cell",
    "nmos",
    "pmos",
    "port_list",
    "register_neuron",
    "register_synapse",
    "toggle_points",
    "write_netlists",
]
