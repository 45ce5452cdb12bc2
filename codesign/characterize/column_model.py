"""The network model of a layer's trials: every column of every run, solved together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from codesign.characterize.column_data import ColumnData
from codesign.pnn import PNNParameters, membrane_potential


def trial_membranes(data: ColumnData, weight: np.ndarray, params: PNNParameters) -> np.ndarray:
    """Membrane at the end of accumulation in every trial; `weight` (column, synapse).

    Exact solution. A coupling acts between the neurons of one run, also those that did not fire,
    unless the neighbours rested.
    """
    alone = replace(params, coupling=())
    with torch.no_grad():
        v = membrane_potential(
            torch.tensor(data.t_samples), torch.tensor(weight), alone, method="exact"
        ).numpy()
    found = v[data.sample, data.column]
    for moved, mover, share in () if data.neighbours_rest else params.coupling:
        own = np.flatnonzero(data.neuron == moved)
        beside = data.beside(own, mover)
        there = beside >= 0
        found[own[there]] += share * v[data.sample[own[there]], beside[there]]
    return found
