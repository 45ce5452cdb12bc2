"""Everything that turns cells into a simulation: what is simulated, decks, names, measuring.

The only room that writes a deck or names a node.
"""

from codesign.bench.chip_places import devices_by_instance, neuron_path, synapse_path
from codesign.bench.decks import DeckBuilder
from codesign.bench.extracted import extracted
from codesign.bench.measure import Frame, first_rise, rail_energy
from codesign.bench.network import trained_deck, trained_nodes, trial_deck, trial_nodes
from codesign.bench.nodes import NetworkNodes, inner_node, membrane_node, voltage
from codesign.bench.programmed import KnobValues, knob_sources, trained_netlist
from codesign.bench.setup import Setup, condition_columns
from codesign.bench.views import CellViews

__all__ = [
    "CellViews",
    "DeckBuilder",
    "Frame",
    "KnobValues",
    "NetworkNodes",
    "Setup",
    "condition_columns",
    "devices_by_instance",
    "extracted",
    "first_rise",
    "inner_node",
    "knob_sources",
    "membrane_node",
    "neuron_path",
    "rail_energy",
    "synapse_path",
    "trained_deck",
    "trained_netlist",
    "trained_nodes",
    "trial_deck",
    "trial_nodes",
    "voltage",
]
