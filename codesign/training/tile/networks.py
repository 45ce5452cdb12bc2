"""The networks of the experiment, of transformers: MiniLM with weights, ALBERT from a config."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from codesign.errors import DataError, MissingToolError
from codesign.training.tile.snippets import MODEL

Architecture = Literal["minilm", "albert"]
# Stays digital: embeddings are tables, the classifier is a few columns after the pooler.
DIGITAL = ("classifier",)


def build_network(
    architecture: Architecture, folder: Path, seed: int, layers: int | None = None
) -> nn.Module:
    """A two-class classifier. MiniLM-L6 with the weights in `folder`/minilm, all or its first
    `layers`; or an ALBERT (128 wide, one layer's weights used `layers` times, 6 by default) without
    weights, which no package brings. Raises MissingToolError without transformers, DataError
    without weights.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingToolError(
            f"transformers cannot be imported: {error}",
            remedy="pip install 'codesign[transformers]'",
        ) from error
    kinds: Any = transformers
    # The user's own random numbers go on as if no network had been built.
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _built(kinds, architecture, folder, layers)


def _built(kinds: Any, architecture: Architecture, folder: Path, layers: int | None) -> nn.Module:
    if architecture == "albert":
        config = kinds.AlbertConfig(
            vocab_size=30522, embedding_size=64, hidden_size=128, num_hidden_layers=layers or 6,
            num_attention_heads=4, intermediate_size=512, max_position_embeddings=128, num_labels=2,
        )  # fmt: skip
        built: nn.Module = kinds.AlbertForSequenceClassification(config)
        return built
    source = folder / MODEL
    if not (source / "model.safetensors").is_file():
        raise DataError(
            f"{source}: no weights of MiniLM", remedy="fetch them with tools/fetch-tile-bert FOLDER"
        )
    kinds.logging.set_verbosity_error()
    extra = {} if layers is None else {"num_hidden_layers": layers}
    loaded: nn.Module = kinds.BertForSequenceClassification.from_pretrained(
        str(source), num_labels=2, local_files_only=True, **extra
    )
    return loaded
