"""The training of the shipped Iris design, with changes."""

from __future__ import annotations

from typing import Any

from codesign.designs import Design
from codesign.resources import resource_dir
from codesign.training import TrainingParameters


def iris(**changes: Any) -> TrainingParameters:
    """Its parameters; `loss` and `circuit` are dictionaries of changes to these tables."""
    content = Design.load(resource_dir("designs") / "iris.toml").training.model_dump()
    content["split_seed"] = None
    content["circuit"]["w_max"] = None
    for table in ("loss", "circuit"):
        content[table] |= changes.pop(table, {})
    return TrainingParameters(**(content | changes))
