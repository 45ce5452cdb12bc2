"""Fashion-MNIST with time-to-first-spike neurons, 784-400-400-10, on one CPU thread.

    python -m benchmarks.fashion_mnist_ttfs [--epochs N] [--out DIR]

Trains designs/fashion-mnist-ttfs.toml, for as many epochs as it has unless told otherwise. Prints
JSON; the history goes to DIR/history.csv after every epoch and to benchmarks/results at the end;
a run that was interrupted goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.timing import EpochTimes
from codesign.designs import Design, load_design
from codesign.pnn import Architecture, PNNParameters, Solution
from codesign.training import Dataset, train

DESIGN = Path(__file__).parent.parent / "designs/fashion-mnist-ttfs.toml"
RESULTS = Path(__file__).parent / "results"


def activity(
    net: Architecture,
    weights: Sequence[Tensor],
    params: Sequence[PNNParameters],
    data: Dataset,
    samples: int = 2000,
) -> list[dict[str, float]]:
    """Per layer: share of silent neurons, mean time and its spread over neurons, on test images."""
    with torch.no_grad():
        times = data.test.times[:samples]
        outputs = net.forward(times, weights, params, Solution("dstd", 60))
    t_max = net.neuron.t_silent
    return [
        {
            "silent": float((x.t > t_max).float().mean()),
            "mean_time_of_spikes": float(x.t[x.t <= t_max].mean()),
            "sd_over_neurons": float(x.t.std(dim=1).mean()),
        }
        for x in outputs
    ]


def main() -> int:
    """Train and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/fashion_mnist_ttfs"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    design = load_design(DESIGN)
    assert isinstance(design, Design) and design.model is not None
    epochs = arguments.epochs or design.training.epochs
    training = design.training.model_copy(update={"epochs": epochs, "device": "cpu"})
    times = EpochTimes()
    net = design.model.architecture(training)
    result = train(design.model.parameters(), net, training, arguments.out, times)
    shutil.copy(arguments.out / "history.csv", RESULTS / "fashion_mnist_ttfs_history.csv")
    figures = {
        "benchmark": "fashion_mnist_ttfs",
        "layers": [net.n_inputs, *(n_out for n_out, _ in net.weight_shapes)],
        "epochs": len(result.history),
        "accuracy_test_exact": result.accuracy_test,
        "accuracy_train_exact": result.accuracy_train,
        "accuracy_test_by_epoch": {
            r.epoch: r.test_accuracy for r in result.history if r.test_accuracy is not None
        },
        "cpu_minutes_per_epoch": times.minutes_per_epoch,
        "activity_by_layer": activity(net, result.weights, result.params, result.dataset),
    }
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
