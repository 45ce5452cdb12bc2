"""manifest.json of a run directory: for every step what it read, made, took, and with what."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codesign.errors import DataError
from codesign.files import write_atomic

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class StepRecord:
    """One finished step. Hashes and versions by name; times in seconds and ISO 8601 UTC."""

    reads: dict[str, str]
    outputs: dict[str, str]
    tools: dict[str, str]
    seed: int
    started: str
    duration_s: float
    summary: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """All finished steps of a run directory, which belongs to one design."""

    design: str
    codesign_version: str
    steps: dict[str, StepRecord] = field(default_factory=dict)

    def with_step(self, name: str, record: StepRecord) -> Manifest:
        return dataclasses.replace(self, steps={**self.steps, name: record})

    def write(self, run_dir: Path) -> None:
        content = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}
        write_atomic(run_dir / MANIFEST_NAME, json.dumps(content, indent=2) + "\n")


def read_manifest(run_dir: Path) -> Manifest | None:
    """The manifest, None when there is none. Raises DataError when it is damaged."""
    path = run_dir / MANIFEST_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise _damaged(path, f"it is not of schema version {SCHEMA_VERSION}")
    try:
        steps = {name: _record(step) for name, step in content["steps"].items()}
        return Manifest(str(content["design"]), str(content["codesign_version"]), steps)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _record(content: dict[str, Any]) -> StepRecord:
    record = StepRecord(**content)
    for table in (record.reads, record.outputs, record.tools):
        if not all(isinstance(item, str) for item in (*table.keys(), *table.values())):
            raise ValueError("hashes and versions must be text")
    if not isinstance(record.seed, int) or not isinstance(record.duration_s, (int, float)):
        raise ValueError("seed and duration must be numbers")
    return record


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} is damaged: {why}", remedy="delete it; every step then runs again once"
    )
