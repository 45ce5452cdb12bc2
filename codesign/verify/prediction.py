"""What the model says a mapped circuit does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from codesign.characterize.model import FittedModel
from codesign.mapping import LayerKnobs, weights_of
from codesign.pnn import PNNParameters, RCSpikeNetwork


def model_spikes(
    weights: Sequence[np.ndarray],
    parameters: Sequence[PNNParameters] | PNNParameters,
    spikes_s: np.ndarray,
    t_phase_s: float,
) -> list[np.ndarray]:
    """Spike times of every layer, (sample, neuron) in s, nan for silent.

    Exact solution, free running: every layer gets the times that the model gives for the one
    before.
    """
    tensors = [torch.tensor(np.asarray(weight, dtype=float)) for weight in weights]
    params = parameters if isinstance(parameters, PNNParameters) else list(parameters)
    network = RCSpikeNetwork.from_weights(tensors, params)
    with torch.no_grad():
        outputs = network(torch.tensor(spikes_s / t_phase_s), method="exact")
    times = []
    for output in outputs:
        t = output.t_unclipped.numpy()
        # Driven past the threshold before firing starts: fires at once, as the circuit does.
        times.append(np.where(t < 1, np.clip(t, 0, None) * t_phase_s, np.nan))
    return times


def circuit_prediction(
    layers: Sequence[LayerKnobs], model: FittedModel, spikes_s: np.ndarray, form: str = "extended"
) -> list[np.ndarray]:
    """`model_spikes` for the weights that the fitted model gives to these knobs."""
    weights = weights_of(layers, model, form)
    return model_spikes(weights, model.parameters(form), spikes_s, model.t_phase_s)
