"""The deck of a whole trained network."""

from __future__ import annotations

from collections.abc import Sequence

from codesign.bench.decks import DeckBuilder
from codesign.bench.nodes import NetworkNodes
from codesign.bench.programmed import (
    TOP,
    KnobValues,
    outer_ports,
    trained_name,
    trained_netlist,
)
from codesign.bench.setup import Setup
from codesign.spice import Deck

Samples = Sequence[Sequence[float]]


def trained_deck(setup: Setup, layers: Sequence[KnobValues], spikes_s: Samples) -> Deck:
    """The deck of a trained network with its sources, for the given samples in sequence."""
    network = setup.cell
    builder = DeckBuilder(setup, f"{setup.name}: trained network, {len(spikes_s)} samples")
    builder.define([trained_netlist(setup, layers)], [network])
    _drive(builder.supplies(), spikes_s)
    return builder.cards(f"{TOP} {' '.join(outer_ports(network))} {trained_name(network)}").deck()


def trained_nodes(setup: Setup) -> NetworkNodes:
    """Where things are in `trained_deck`."""
    return NetworkNodes(setup.cell, f"{TOP}.xnet")


def _drive(builder: DeckBuilder, spikes_s: Samples) -> None:
    """Controls of every layer and pulses of every input."""
    timing = builder.setup.timing
    samples = range(len(spikes_s))
    sizes = builder.setup.network.layers
    for layer in range(1, len(sizes)):
        builder.controls([timing.frame(layer - 1, k) for k in samples], layer)
    frames = [timing.frame(0, k) for k in samples]
    for i in range(sizes[0]):
        builder.pulse(i + 1, [spikes[i] for spikes in spikes_s], frames)


