"""What a training run gives and writes."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from torch import Tensor

from codesign.files import write_atomic
from codesign.pnn import Architecture, PNNParameters, RCSpikeNetwork, SpikingNetwork
from codesign.pnn.io import save_network
from codesign.training.checkpoint import EpochRecord
from codesign.training.datasets import Dataset
from codesign.training.evaluation import Evaluation


@dataclass(frozen=True)
class TrainingResult:
    """Weights (n_out, n_in) per layer as the circuit gets them, and how well they do."""

    weights: list[Tensor]
    params: tuple[PNNParameters, ...]
    history: list[EpochRecord]
    dataset: Dataset
    train: Evaluation
    test: Evaluation
    architecture: Architecture

    @property
    def accuracy_train(self) -> float:
        return self.train.accuracy

    @property
    def accuracy_test(self) -> float:
        return self.test.accuracy


def write_history(history: Sequence[EpochRecord], path: Path) -> None:
    """One line per epoch; the file is replaced as a whole."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = [field.name for field in fields(EpochRecord)]
    writer.writerow(names)
    for record in history:
        writer.writerow(["" if (x := getattr(record, name)) is None else x for name in names])
    write_atomic(path, text.getvalue())


def write_result(result: TrainingResult, seed: int, out_dir: Path, dense: bool) -> None:
    """weights.safetensors, history.csv and metrics.json; dense: as a network of RC-Spike layers."""
    net = result.architecture
    network = (
        RCSpikeNetwork.from_weights(result.weights, result.params)
        if dense
        else SpikingNetwork.from_weights(net, result.weights, result.params)
    )
    save_network(network, out_dir / "weights.safetensors")
    write_history(result.history, out_dir / "history.csv")
    metrics = {
        "seed": seed,
        "dataset": result.dataset.name,
        "layer_sizes": [net.n_inputs, *(math.prod(x.after) for x in net.layers)],
        "epochs": len(result.history),
        "train": asdict(result.train),
        "test": asdict(result.test),
    }
    write_atomic(out_dir / "metrics.json", json.dumps(metrics, indent=2) + "\n")
