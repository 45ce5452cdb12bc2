"""Networks in safetensors files: weights as tensors, parameters as JSON in the header.

Kept out of `codesign.pnn`'s own names because it needs the safetensors package beside torch.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from codesign.errors import DataError
from codesign.files import write_atomic
from codesign.pnn.architecture import Architecture, dense_architecture
from codesign.pnn.networks import RCSpikeNetwork, SpikingNetwork
from codesign.pnn.parameters import PNNParameters

_FORMAT = "codesign-rc-spike-1"
_GENERAL = "codesign-spiking-1"
_REMEDY = "run `codesign train` again to rewrite it"


def save_network(network: RCSpikeNetwork | SpikingNetwork, path: Path | str) -> None:
    """Write tensors `layers.<i>.weight` and, in the header, parameters and architecture.

    Equal networks give equal bytes.
    """
    tensors = {f"layers.{i}.weight": w.detach().cpu() for i, w in enumerate(network.weights)}
    metadata = {
        "format": _FORMAT,
        "params": json.dumps([record.to_dict() for record in network.params]),
    }
    if isinstance(network, SpikingNetwork):
        content = json.dumps(network.architecture.to_dict())
        metadata |= {"format": _GENERAL, "architecture": content}
    data = save({k: v.contiguous() for k, v in tensors.items()}, metadata=metadata)
    write_atomic(path, _with_sorted_header(data))


def _with_sorted_header(data: bytes) -> bytes:
    """The same safetensors file with its metadata in order, which the package draws anew.

    Eight bytes of the header's length, the header as JSON, then the tensors' bytes.
    """
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def load_spiking_network(path: Path | str) -> SpikingNetwork:
    """A saved network of any registered neuron; raises DataError as `load_network` does."""
    metadata, records, weights = _read(path, (_GENERAL, _FORMAT))
    try:
        if metadata["format"] == _FORMAT:
            return SpikingNetwork.from_weights(dense_architecture(weights), weights, records)
        net = Architecture.from_dict(json.loads(metadata["architecture"]))
        return SpikingNetwork.from_weights(net, weights, records)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}", remedy=_REMEDY) from error


def load_network(path: Path | str) -> RCSpikeNetwork:
    """The saved network of fully connected RC-Spike layers.

    Raises DataError when the file is missing, damaged or of another kind.
    """
    _, records, weights = _read(path, (_FORMAT,))
    try:
        return RCSpikeNetwork.from_weights(weights, records)
    except (ValueError, IndexError, RuntimeError) as error:
        raise DataError(f"{path} is damaged: {error}", remedy=_REMEDY) from error


def _read(
    path: Path | str, formats: tuple[str, ...]
) -> tuple[dict[str, str], list[PNNParameters], list[Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") not in formats:
                raise DataError(f"{path} holds no RC-Spike network", remedy=_REMEDY)
            records = [PNNParameters.from_dict(x) for x in json.loads(metadata["params"])]
            weights = [file.get_tensor(f"layers.{i}.weight") for i in range(len(records))]
            return metadata, records, weights
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist", remedy="run `codesign train` first") from error
    except (SafetensorError, OSError, KeyError, ValueError, IndexError) as error:
        raise DataError(f"{path} is damaged: {error}", remedy=_REMEDY) from error
