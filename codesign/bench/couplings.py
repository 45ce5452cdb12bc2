"""Capacitances between the membranes of a layer, from the extracted network."""

from __future__ import annotations

import numpy as np

from codesign.bench.cut import NetworkCut
from codesign.bench.setup import Setup
from codesign.cells import View
from codesign.errors import InputError

# Neuron that moves, neuron that moves it (from 0), capacitance in F.
MembraneCoupling = tuple[int, int, float]


def membrane_couplings(setup: Setup) -> list[tuple[MembraneCoupling, ...]]:
    """Per layer, what dendrites and membranes of different neurons share, each pair both ways.

    While the gate is open dendrite and membrane move as one, so that a capacitance between those of
    two neurons counts whichever of the two nets it ends on. Empty in the schematic view, which has
    none, and for networks that cannot be taken apart.
    """
    connections = setup.network.connections
    if setup.view is not View.LAYOUT:
        return [() for _ in connections]
    off = [
        {
            polarity: np.full((neurons, fan_in), knob.off_at(setup.supply_V))
            for polarity, knob in setup.synapse.knobs.items()
        }
        for fan_in, neurons in connections
    ]
    try:
        cut = NetworkCut(setup, off)
    except InputError:
        return [() for _ in connections]
    return [_layer(cut, layer) for layer in range(1, len(connections) + 1)]


def _layer(cut: NetworkCut, layer: int) -> tuple[MembraneCoupling, ...]:
    neuron = {
        net: owner.number - 1
        for net, owner in cut.owners.items()
        if owner and owner.layer == layer and cut.is_membrane(owner, net)
    }
    found: dict[tuple[int, int], float] = {}
    for net, own in neuron.items():
        for element in cut.touching[net]:
            if element.name[0] not in "cC":
                continue
            for other in element.nodes:
                if neuron.get(other, own) != own:
                    pair = (own, neuron[other])
                    found[pair] = found.get(pair, 0.0) + float(element.words[0])
    return tuple((i, j, c_F) for (i, j), c_F in sorted(found.items()))
