"""What drivers of the phase controls spend on capacitances between wires, which no column has."""

from __future__ import annotations

import numpy as np

from codesign.bench.cut import NetworkCut
from codesign.cells.names import layered
from codesign.cells.timing import toggle_points


def control_wires_J(cut: NetworkCut) -> float:
    """Energy in J per sample: the charge that capacitances from a control to other ports of the
    network take out of the control's source, times the supply. A column's own are measured there.
    """
    setup = cut.setup
    timing, layers = setup.timing, range(1, len(setup.network.layers))
    # Of a run the period in which all layers are at work.
    start = len(layers) * timing.t_period
    waves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for layer in layers:
        frames = [timing.frame(layer - 1, k) for k in range(len(layers) + 2)]
        for control in setup.neuron.controls(timing):
            points = toggle_points(control, frames, setup.supply_V, timing.t_edge)
            time, volts = np.array(points).T
            waves[layered(control.port, layer).lower()] = time, volts
    corners = np.concatenate([[start, start + timing.t_period], *(t for t, _ in waves.values())])
    grid = np.unique(corners[(corners >= start) & (corners <= start + timing.t_period)])
    still = np.zeros(len(grid) - 1)
    moves = {net: np.diff(np.interp(grid, *wave)) for net, wave in waves.items()}
    charge = {net: still for net in waves}
    for element in cut.elements:
        if element.name[0] not in "cC" or not cut.ports.issuperset(element.nodes):
            continue
        for net, other in (element.nodes, element.nodes[::-1]):
            if net in charge:
                move = moves[net] - moves.get(other, still)
                charge[net] = charge[net] + float(element.words[0]) * move
    return setup.supply_V * sum(float(np.maximum(q, 0.0).sum()) for q in charge.values())
