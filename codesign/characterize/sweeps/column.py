"""column: random trials through a whole column, see `codesign.characterize.column_trials`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from codesign.bench import Setup
from codesign.characterize.column_trials import (
    ColumnTask,
    blank_rows,
    column_deck,
    column_tasks,
    run_column,
)
from codesign.characterize.plan import ColumnSweep
from codesign.characterize.sweeps.task import SweepTask, TaskResult, Workbench, ladder_timeout_s
from codesign.spice import Analysis, Deck


@dataclass(frozen=True, kw_only=True)
class ColumnRun(SweepTask):
    """One run of the column sweep: rows per trial, and rows per synapse of these."""

    task: ColumnTask
    timeout_s: float

    @property
    def job_timeout_s(self) -> float:
        return ladder_timeout_s(self.timeout_s)

    def simulations(self) -> Iterator[tuple[Deck, Analysis | None]]:
        yield column_deck(self.task)[0], None

    def labels(self) -> str:
        task = self.task
        return repr(
            (
                *(type(self).__name__, task.run, task.warmup, task.knobs, task.spikes_s),
                *(task.setup.timing, task.setup.network.layers),
            )
        )

    def run(self, bench: Workbench) -> TaskResult:
        del bench  # long transients have a process of their own
        rows, inputs = run_column(self.task, timeout_s=self.timeout_s)
        return TaskResult({"trials": rows, "inputs": inputs}, str(rows[0]["status"]))

    def failed(self, status: str, message: str, duration_s: float) -> TaskResult:
        rows, inputs = blank_rows(self.task, status, 1, duration_s)
        return TaskResult({"trials": rows, "inputs": inputs}, status, message)


def tasks(sweep: ColumnSweep, setup: Setup, synapse_table: pd.DataFrame) -> list[ColumnRun]:
    """Tasks of the sweep: one per layer and run, knobs drawn from the table of currents."""
    drawn = column_tasks(sweep, setup, synapse_table)
    return [ColumnRun(task=task, timeout_s=sweep.timeout) for task in drawn]
