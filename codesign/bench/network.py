"""Decks of whole networks: with knobs as sources of the deck, or trained."""

from __future__ import annotations

from collections.abc import Sequence

from codesign.bench.decks import DeckBuilder
from codesign.bench.nodes import NetworkNodes
from codesign.bench.programmed import (
    TOP,
    KnobValues,
    knob_sources,
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


def trial_deck(
    setup: Setup, layers: Sequence[KnobValues], spikes_s: Samples, title: str
) -> Deck:
    """The network as instance `xnet`, its knobs as sources, for the given samples in sequence."""
    network = setup.cell
    if network.synapse.value_knobs:
        return trained_deck(setup, layers, spikes_s)
    definitions, cards = setup.views.placed(network, "xnet")
    builder = DeckBuilder(setup, title).define([*definitions, *cards], [network]).supplies()
    sources = zip(network.knob_ports(), knob_sources(network, layers, digits=12), strict=True)
    by_layer: dict[int, list[str]] = {layer: [] for layer in range(1, len(layers) + 1)}
    # Polarity after polarity: an order of nodes is an order of the solver's pivots.
    for (layer, *_), card in sorted(sources, key=lambda source: source[0][3]):
        by_layer[layer].append(card)
    _drive(builder, spikes_s, by_layer)
    return builder.deck()


def trial_nodes(setup: Setup) -> NetworkNodes:
    """Where things are in `trial_deck`."""
    network = setup.cell
    return trained_nodes(setup) if network.synapse.value_knobs else NetworkNodes(network)


def _drive(
    builder: DeckBuilder, spikes_s: Samples, knobs: dict[int, list[str]] | None = None
) -> None:
    """Controls of every layer and pulses of every input."""
    timing = builder.setup.timing
    samples = range(len(spikes_s))
    sizes = builder.setup.network.layers
    for layer in range(1, len(sizes)):
        builder.controls([timing.frame(layer - 1, k) for k in samples], layer)
        builder.cards(*(knobs or {}).get(layer, ()))
    frames = [timing.frame(0, k) for k in samples]
    for i in range(sizes[0]):
        builder.pulse(i + 1, [spikes[i] for spikes in spikes_s], frames)


