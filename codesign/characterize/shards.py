"""Rows of finished tasks, kept by what decided them, so that a killed run goes on where it was.

The key of a task is a hash of its decks with their models and analyses, the simulator's version and
set-up, what the task measures, and the code that measures it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from codesign.characterize.sweeps.task import SweepTask, TaskResult
from codesign.files import code_hash, write_atomic
from codesign.pdk import Conditions, Device, Process
from codesign.spice import Deck, cache_key, default_simulator


class TaskKeys:
    """Keys of tasks for one process and simulator; model texts are made once per device set."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._simulator = default_simulator().identity()
        self._models: dict[tuple[Conditions, frozenset[Device]], str] = {}

    def key(self, task: SweepTask) -> str:
        """The key of a task."""
        parts = [code_hash(type(task)), task.labels()]
        for deck, analysis in task.simulations():
            # Rows carry the conditions, even a seed that nothing was drawn from.
            parts += [repr(deck.conditions), deck.text(analysis, models=self._model_text(deck))]
        return cache_key(*self._simulator, *parts)

    def _model_text(self, deck: Deck) -> str:
        kind = (deck.conditions, deck.devices)
        if kind not in self._models:
            self._models[kind] = deck.models(self._process)
        return self._models[kind]


class Shards:
    """Rows of finished tasks in a folder, one JSON file per task. No folder: nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, key: str) -> TaskResult | None:
        """Rows of a finished task, or None when there are none or the file is damaged."""
        if self._folder is None:
            return None
        try:
            tables = json.loads(self._path(self._folder, key).read_text(encoding="utf-8"))
            whole = all(isinstance(rows, list) for rows in tables.values())
        except (OSError, ValueError, AttributeError):
            return None
        return TaskResult(tables, "ok") if whole else None

    def put(self, key: str, result: TaskResult) -> None:
        """Keep the rows of a finished task."""
        if self._folder is not None:
            write_atomic(self._path(self._folder, key), json.dumps(result.tables))

    def known(self, keys: Iterable[str]) -> dict[str, TaskResult]:
        """What is kept of these keys."""
        return {key: result for key in keys if (result := self.get(key)) is not None}

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / key[:2] / f"{key}.json"
