"""How TTFS networks start, 784-400-400-10 on 3000 images of Fashion-MNIST.

    python -m benchmarks.fashion_mnist_ttfs_start

The published weights, uniform in [0, w_max/n_in], against those of `codesign.pnn`; the temporal
penalty's t_ref where the paper has it, 3.2, against 2.0; two firing promotions. Activity before
and after 4 epochs, and accuracy. Prints JSON.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.fashion_mnist_ttfs import DESIGN, activity
from codesign.designs import Design, load_design
from codesign.pnn import Architecture, PNNParameters, Solution
from codesign.training import Dataset, TrainingParameters
from codesign.training.datasets import dataset_for
from codesign.training.evaluation import evaluate
from codesign.training.losses import training_loss

SETTINGS = {
    "published weights, t_ref 3.2, promotion 1e-3": (True, 3.2, 1e-3),
    "published weights, t_ref 3.2, promotion 1e-2": (True, 3.2, 1e-2),
    "published weights, t_ref 2.0, promotion 1e-2": (True, 2.0, 1e-2),
    "own weights, t_ref 3.2, promotion 1e-2": (False, 3.2, 1e-2),
    "own weights, t_ref 2.0, promotion 1e-2": (False, 2.0, 1e-2),
}


def published_weights(net: Architecture, params: PNNParameters, t_ref: float) -> list[Tensor]:
    """Uniform in [0, w_max/n_in], w_max = -8 L^2 ln(1 - b)/(b t_ref^2), b = 1/E+, L layers."""
    generator, b = torch.Generator().manual_seed(1), 1.0 / params.e_plus
    w_max = -8.0 * len(net.weight_shapes) ** 2 * math.log1p(-b) / (b * t_ref**2)
    return [w_max / n * torch.rand(o, n, generator=generator) for o, n in net.weight_shapes]


def learnt(
    net: Architecture,
    weights: Sequence[Tensor],
    params: Sequence[PNNParameters],
    data: Dataset,
    training: TrainingParameters,
) -> list[Tensor]:
    """The weights after training with a constant learning rate."""
    own = [w.clone().requires_grad_() for w in weights]
    optimizer = torch.optim.AdamW(
        own, lr=training.learning_rate, weight_decay=training.weight_decay
    )
    generator = torch.Generator().manual_seed(1)
    assert isinstance(training.steps, int)
    for _ in range(training.epochs):
        order = torch.randperm(len(data.train), generator=generator)
        for chosen in order.split(training.batch_size):
            offset = float(torch.rand((), generator=generator)) / training.steps
            outputs = net.forward(
                *(data.train.times[chosen], own, params, Solution("dstd", training.steps, offset)),
                *(training.spike_noise, generator),
                noise_on_silent=False,
            )
            labels = data.train.labels[chosen]
            loss = training_loss(
                outputs, labels, own, data.n_classes, training, net.neuron.t_silent
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return [w.detach() for w in own]


def main() -> int:
    """Every setting from its weights."""
    torch.set_num_threads(1)
    design = load_design(DESIGN)
    assert isinstance(design, Design) and design.model is not None
    base = design.training.model_copy(update={"train_samples": 3000, "epochs": 4})
    data = dataset_for(base)
    data = replace(data, test=data.test.head(3000))
    net = design.model.architecture(base)
    neuron = design.model.parameters()
    params = net.records(neuron)
    rows = {}
    for name, (published, t_ref, promotion) in SETTINGS.items():
        wanted = {"t_ref": t_ref, "firing_promotion": promotion}
        training = base.model_copy(update={"loss": base.loss.model_copy(update=wanted)})
        weights = (
            published_weights(net, neuron, 3.2)
            if published
            else net.initial_weights(params, torch.float32, torch.Generator().manual_seed(1), t_ref)
        )
        trained = learnt(net, weights, params, data, training)
        row: dict[str, Any] = {
            "accuracy_test": evaluate(
                trained, params, data.test, data.n_classes, "dstd", 20, net
            ).accuracy,
            "fresh": activity(net, weights, params, data),
            "trained": activity(net, trained, params, data),
        }
        rows[name] = row
        print(name, row["accuracy_test"], file=sys.stderr, flush=True)
    print(json.dumps({"benchmark": "fashion_mnist_ttfs_start", "starts": rows}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
