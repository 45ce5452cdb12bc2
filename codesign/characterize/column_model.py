"""The network model of a layer's trials: every column of every run, solved together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from codesign.characterize.column_data import ColumnData
from codesign.pnn import PNNParameters, membrane_potential
from codesign.pnn.surroundings import left_over, surroundings


def trial_membranes(data: ColumnData, weight: np.ndarray, params: PNNParameters) -> np.ndarray:
    """Membrane at the end of accumulation in every trial; `weight` (column, synapse).

    Exact solution. A coupling acts between the neurons of one run, also those that did not fire,
    unless the neighbours rested.
    """
    alone = replace(params, coupling=())
    t_in, w = torch.tensor(data.t_samples), torch.tensor(weight)
    with torch.no_grad():
        membranes = membrane_potential(t_in, w, alone, method="exact")
        v = membranes.numpy()
        found = v[data.sample, data.column]
        if data.neighbours_rest or not params.coupling:
            return found
        around = surroundings(t_in, w, alone)
        left = left_over(membranes, around.decay, around.bend).numpy()
    for moved, mover, share in params.coupling:
        own = np.flatnonzero(data.neuron == moved)
        beside = data.beside(own, mover)
        there = beside >= 0
        own, beside = own[there], beside[there]
        kept = left[data.sample[own], data.column[own]]
        found[own] += share * kept * v[data.sample[own], beside]
    return found
