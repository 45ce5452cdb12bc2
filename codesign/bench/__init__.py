"""Everything that turns cells into a simulation: what is simulated, decks, names, measuring.

The only room that writes a deck or names a node.
"""

from codesign.bench.chip_places import devices_by_instance, neuron_path, synapse_path
from codesign.bench.column_jobs import ColumnJob
from codesign.bench.columns import (
    ColumnDrive,
    column_job,
    failed_column,
    input_line_job,
    kept_column,
    run_column,
)
from codesign.bench.control_wires import control_wires_J
from codesign.bench.couplings import membrane_couplings
from codesign.bench.cut import NetworkCut
from codesign.bench.decks import DeckBuilder
from codesign.bench.edges import LineEdges, NeighbourWave
from codesign.bench.extracted import extracted
from codesign.bench.loads import LineLoad, measured_loads
from codesign.bench.measure import (
    Frame,
    children_cpu_s,
    control_currents,
    driver_energy,
    first_rise,
    rail_energy,
    rails,
)
from codesign.bench.network import trained_deck, trained_nodes
from codesign.bench.nodes import NetworkNodes, inner_node, membrane_node, voltage
from codesign.bench.programmed import KnobValues, knob_sources, trained_netlist
from codesign.bench.setup import Setup, condition_columns
from codesign.bench.views import CellViews

__all__ = [
    "CellViews",
    "ColumnDrive",
    "ColumnJob",
    "DeckBuilder",
    "Frame",
    "KnobValues",
    "LineEdges",
    "LineLoad",
    "NeighbourWave",
    "NetworkCut",
    "NetworkNodes",
    "Setup",
    "children_cpu_s",
    "column_job",
    "condition_columns",
    "control_currents",
    "control_wires_J",
    "devices_by_instance",
    "driver_energy",
    "extracted",
    "failed_column",
    "first_rise",
    "inner_node",
    "input_line_job",
    "kept_column",
    "knob_sources",
    "measured_loads",
    "membrane_couplings",
    "membrane_node",
    "neuron_path",
    "rail_energy",
    "rails",
    "run_column",
    "synapse_path",
    "trained_deck",
    "trained_netlist",
    "trained_nodes",
    "voltage",
]
