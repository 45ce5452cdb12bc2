"""Networks in safetensors files: weights as tensors, parameters as JSON in the header.

Kept out of `codesign.pnn`'s own names because it needs the safetensors package beside torch.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from codesign.errors import DataError
from codesign.pnn.layers import RCSpikeNetwork
from codesign.pnn.parameters import PNNParameters

_FORMAT = "codesign-rc-spike-1"


def save_network(network: RCSpikeNetwork, path: Path) -> None:
    """Write beside and rename, so that an interrupted save leaves no half file."""
    tensors = {f"layers.{i}.weight": w.detach().cpu() for i, w in enumerate(network.weights)}
    params = json.dumps([record.to_dict() for record in network.params])
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    save_file(
        {k: v.contiguous() for k, v in tensors.items()},
        partial,
        metadata={"format": _FORMAT, "params": params},
    )
    os.replace(partial, path)


def load_network(path: Path) -> RCSpikeNetwork:
    """The saved network; raises DataError when the file is missing, damaged or of another kind."""
    remedy = "run `codesign train` again to rewrite it"
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise DataError(f"{path} holds no RC-Spike network", remedy=remedy)
            records = [PNNParameters.from_dict(x) for x in json.loads(metadata["params"])]
            weights = [file.get_tensor(f"layers.{i}.weight") for i in range(len(records))]
            return RCSpikeNetwork.from_weights(weights, records)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist", remedy="run `codesign train` first") from error
    except (SafetensorError, OSError, KeyError, ValueError, IndexError) as error:
        raise DataError(f"{path} is damaged: {error}", remedy=remedy) from error
