"""column: random trials through a whole column, see `codesign.characterize.column`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from codesign.characterize import column as trials
from codesign.characterize.column import ColumnTask, column_deck, column_tasks, run_column
from codesign.characterize.plan import ColumnSweep
from codesign.characterize.sweeps.task import (
    Circuit,
    Row,
    SweepTask,
    TaskResult,
    Workbench,
    condition_columns,
    ladder_timeout_s,
)
from codesign.files import hash_file
from codesign.spice import Analysis, Deck


@dataclass(frozen=True, kw_only=True)
class ColumnRun(SweepTask):
    """One run of the column sweep: rows per trial, and rows per trial and synapse."""

    task: ColumnTask
    timeout_s: float

    @property
    def job_timeout_s(self) -> float:
        return ladder_timeout_s(self.timeout_s)

    def simulations(self, supply_V: float) -> Iterator[tuple[Deck, Analysis | None]]:
        yield column_deck(self.task, supply_V)[0], None

    def labels(self) -> str:
        return f"{self.task!r} {hash_file(Path(trials.__file__))}"

    def run(self, bench: Workbench) -> TaskResult:
        rows, inputs = run_column(self.task, bench.process, timeout_s=self.timeout_s)
        return TaskResult({"trials": rows, "inputs": inputs}, str(rows[0]["status"]))

    def failed(self, status: str, message: str, duration_s: float) -> TaskResult:
        task = self.task
        count = len(task.spikes_s) - task.warmup
        rows: list[Row] = [
            {
                "layer": task.layer,
                "run": task.run,
                "trial": trial,
                "fan_in": task.fan_in,
                "fan_out": task.fan_out,
                **condition_columns(task.conditions),
                "status": status,
                "attempts": 1,
                "duration_s": duration_s / count,
            }
            for trial in range(count)
        ]
        where = ("layer", "run", "trial", "status")
        inputs = [
            {**{key: row[key] for key in where}, "synapse": synapse + 1}
            for row in rows
            for synapse in range(task.fan_in)
        ]
        return TaskResult({"trials": rows, "inputs": inputs}, status, message)


def tasks(sweep: ColumnSweep, circuit: Circuit, synapse_table: pd.DataFrame) -> list[ColumnRun]:
    """Tasks of the sweep: one per layer and run, biases drawn from the table of currents."""
    drawn = column_tasks(
        sweep,
        circuit.network,
        circuit.timing,
        circuit.conditions,
        synapse_table,
        circuit.supply_V,
    )
    return [ColumnRun(task=task, timeout_s=sweep.timeout) for task in drawn]
