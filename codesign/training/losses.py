"""The training loss: classes by spike time, and what keeps a circuit inside its good range."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from codesign.pnn import LayerOutput
from codesign.training.parameters import TrainingParameters


def training_loss(
    outputs: Sequence[LayerOutput],
    labels: Tensor,
    weights: Sequence[Tensor],
    n_classes: int,
    training: TrainingParameters,
    t_silent: float = 1.0,
) -> Tensor:
    """Mean over the batch of the loss of arXiv:2412.09010 plus range penalties; a scalar.

    Rows of the outputs beyond the labels count for the ranges only.
    Unclipped times throughout: clipping would take the gradient from silent neurons. The class is
    the earliest of the first n_classes outputs; further outputs are trained towards t_idle.
    t_silent: a time beyond which a neuron did not fire; firing_promotion pulls hidden neurons back.
    """
    batch = len(labels)
    t_out = outputs[-1].t_unclipped[:batch]
    loss = cross_entropy(-t_out / training.softmax_scale, labels)
    if training.temporal_penalty:
        deviation = t_out[:, :n_classes] - training.t_ref
        loss = loss + training.temporal_penalty / batch * deviation.square().sum()
    if training.idle_penalty and t_out.shape[1] > n_classes:
        idle = t_out[:, n_classes:] - training.t_idle
        loss = loss + training.idle_penalty / batch * idle.square().sum()
    for weight in weights:
        loss = loss + training.weight_norm * weight.square().sum()
    times = torch.cat([x.t_unclipped.flatten(1) for x in outputs], dim=1)
    if training.firing_promotion and len(outputs) > 1:
        hidden = torch.cat([x.t_unclipped[:batch].flatten(1) for x in outputs[:-1]], dim=1)
        late = (hidden - t_silent).clamp_min(0.0).sum()
        loss = loss + training.firing_promotion / batch * late
    if training.early_penalty:
        early = (times[:batch] - training.t_quiet).square().sum()
        loss = loss + training.early_penalty / batch * early
    if training.range_penalty:
        outside = _outside(times, training.t_early, training.t_late)
        for output in outputs:
            if output.trace is not None:
                outside = outside + _outside(output.trace, training.v_low, training.v_high)
        loss = loss + training.range_penalty / times.shape[0] * outside
    return loss


def _outside(x: Tensor, low: float, high: float) -> Tensor:
    """Squared distance from [low, high], summed."""
    return (x - x.detach().clamp(low, high)).square().sum()
