"""Which run a checkpoint belongs to: the values that decide its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from codesign.pnn import Architecture, PNNParameters
from codesign.training.datasets import Dataset
from codesign.training.parameters import TrainingParameters

# When and where something is computed, and beside what, decides nothing.
_ASIDE = {"checkpoint_every", "device", "baseline"}


def run_fingerprint(
    params: Sequence[PNNParameters],
    net: Architecture,
    training: TrainingParameters,
    data: Dataset,
) -> str:
    """Hash of the neurons' parameters, network, training parameters and samples."""
    dump = training.model_dump(mode="json", exclude=_ASIDE)
    if training.products == "float32":
        # Runs from before there was a choice go on.
        del dump["products"]
    if not training.robust:
        del dump["robust"]
    if not training.circuit.silent_hidden:
        del dump["circuit"]["silent_hidden"]
    content = {
        "params": [record.to_dict() for record in params],
        "network": net.to_dict(),
        "training": dump,
        "data": _digest(data),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _digest(data: Dataset) -> str:
    """Hash of all samples: a file may have changed under its name."""
    digest = hashlib.blake2b(digest_size=16)
    for split in (data.train, data.test):
        for tensor in (split.times, split.labels):
            digest.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
