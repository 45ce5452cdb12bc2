"""What a trained network does on samples: accuracy, and how close its neurons come to trouble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from codesign.pnn import Architecture, LayerOutput, Method, PNNParameters, Solution
from codesign.pnn.architecture import dense_architecture
from codesign.pnn.solution import solution_of
from codesign.training.datasets import Split

_MOST_TRACED = 2000


@dataclass(frozen=True)
class Evaluation:
    """Over all neurons and samples: spike times in phases, membranes in thresholds.

    t_first, t_last: earliest and latest spike inside the window. silent: neurons that did not
    fire, summed over samples. v_low, v_high: membrane extremes during accumulation.
    margin: smallest time between the earliest and the second class output.
    """

    accuracy: float
    t_first: float
    t_last: float
    silent: int
    v_low: float
    v_high: float
    margin: float


def predict(t_out: Tensor, n_classes: int) -> Tensor:
    """Class of each sample (batch,): the earliest of the first n_classes outputs."""
    return t_out[:, :n_classes].argmin(dim=1)


def evaluate(
    weights: Sequence[Tensor],
    params: Sequence[PNNParameters],
    split: Split,
    n_classes: int,
    method: Method | Solution = "exact",
    steps: int = 30,
    architecture: Architecture | None = None,
) -> Evaluation:
    """Noise-free evaluation on all samples of a split; method: or a `Solution`.

    architecture None: dense RC-Spike layers. The membrane's extremes are those on the way where
    the split is small, all layers are dense and the neuron has a trace, else those at the end.
    """
    solution = solution_of(method, steps, 0.0, 1.0, 30)
    if architecture is None:
        architecture = dense_architecture(weights)
    conv = any(layer.kind != "dense" for layer in architecture.layers)
    trace = len(split) <= _MOST_TRACED and not conv and architecture.neuron.has_trace
    part = 100 if conv else _MOST_TRACED
    outputs = []
    with torch.no_grad():
        for times in split.times.split(part):
            times = times.to(weights[0].device)
            layers = architecture.forward(times, weights, params, solution, trace=trace)
            # Of hidden images only the times are needed, and they are many.
            outputs.append(
                [LayerOutput(_flat(y.v), _flat(y.t), _flat(y.t_unclipped), y.trace) for y in layers]
            )
    joined = [
        LayerOutput(
            torch.cat([x.v for x in layer]),
            torch.cat([x.t for x in layer]),
            torch.cat([x.t_unclipped for x in layer]),
            layer[0].trace if trace else None,
        )
        for layer in zip(*outputs, strict=True)
    ]
    return _summary(joined, split.labels, n_classes, architecture.neuron.t_silent)


def _flat(x: Tensor) -> Tensor:
    return x.reshape(x.shape[0], -1).cpu()


def _summary(
    outputs: Sequence[LayerOutput], labels: Tensor, n_classes: int, silent: float
) -> Evaluation:
    times = torch.cat([x.t_unclipped for x in outputs], dim=1)
    fired = times[times < silent]
    traces = [x.v if x.trace is None else x.trace for x in outputs]
    t_out = outputs[-1].t_unclipped
    first_two = t_out[:, :n_classes].sort(dim=1).values[:, :2]
    hits = predict(t_out, n_classes) == labels
    return Evaluation(
        accuracy=float(hits.double().mean()),
        t_first=float(times.min()),
        t_last=float(fired.max()) if fired.numel() else float("nan"),
        silent=int((times >= silent).sum()),
        v_low=min(float(x.min()) for x in traces),
        v_high=max(float(x.max()) for x in traces),
        margin=float((first_two[:, -1] - first_two[:, 0]).min()),
    )
