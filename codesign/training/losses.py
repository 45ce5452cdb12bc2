"""The training loss: classes by spike time, and what keeps a circuit inside its good range."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from codesign.pnn import LayerOutput
from codesign.training.parameters import TrainingParameters


def needs_hidden(training: TrainingParameters) -> bool:
    """Whether the loss looks at hidden layers."""
    own = training.loss
    return bool(own.firing_promotion or own.early_penalty or training.circuit.range_penalty)


def training_loss(
    outputs: Sequence[LayerOutput],
    labels: Tensor,
    weights: Sequence[Tensor],
    n_classes: int,
    training: TrainingParameters,
    t_silent: float = 1.0,
) -> Tensor:
    """Mean over the batch of the loss of arXiv:2412.09010 plus range penalties; a scalar.

    outputs: of all layers, of the last alone unless `needs_hidden`. Rows of the outputs beyond the
    labels count for the ranges only.
    Unclipped times throughout: clipping would take the gradient from silent neurons. The class is
    the earliest of the first n_classes outputs; further outputs are trained towards t_idle.
    t_silent: a time beyond which a neuron did not fire; firing_promotion pulls hidden neurons back.
    """
    batch, own, circuit = len(labels), training.loss, training.circuit
    t_out = outputs[-1].t_unclipped[:batch]
    loss = cross_entropy(-t_out / own.softmax_scale, labels)
    if own.temporal_penalty:
        deviation = t_out[:, :n_classes] - own.t_ref
        loss = loss + own.temporal_penalty / batch * deviation.square().sum()
    if own.idle_penalty and t_out.shape[1] > n_classes:
        idle = t_out[:, n_classes:] - own.t_idle
        loss = loss + own.idle_penalty / batch * idle.square().sum()
    for weight in weights:
        loss = loss + own.weight_norm * weight.square().sum()
    if own.firing_promotion and len(outputs) > 1:
        hidden = torch.cat([x.t_unclipped[:batch].flatten(1) for x in outputs[:-1]], dim=1)
        late = (hidden - t_silent).clamp_min(0.0).sum()
        loss = loss + own.firing_promotion / batch * late
    if not own.early_penalty and not circuit.range_penalty:
        return loss
    times = torch.cat([x.t_unclipped.flatten(1) for x in outputs], dim=1)
    if own.early_penalty:
        early = (times[:batch] - own.t_quiet).square().sum()
        loss = loss + own.early_penalty / batch * early
    if circuit.range_penalty:
        last = outputs[-1].t_unclipped.flatten(1).shape[1]
        held = last if circuit.silent_hidden else times.shape[1]
        outside = _outside(times[:, -held:], circuit.t_early, circuit.t_late)
        if held < times.shape[1]:
            outside = outside + _outside(times[:, :-held], circuit.t_early, None)
        for output in outputs:
            if output.trace is not None:
                outside = outside + _outside(output.trace, circuit.v_low, circuit.v_high)
        loss = loss + circuit.range_penalty / times.shape[0] * outside
    return loss


def _outside(x: Tensor, low: float, high: float | None) -> Tensor:
    """Squared distance from [low, high], summed."""
    return (x - x.detach().clamp(low, high)).square().sum()
