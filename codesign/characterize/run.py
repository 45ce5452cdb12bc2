"""Runs a sweep plan: tasks on worker processes, rows of finished ones kept, one table per sweep."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pandas as pd

from codesign.bench import Setup
from codesign.characterize.plan import (
    Sweep,
    SweepPlan,
    SynapseCurrentSweep,
    TrialSweep,
    table_names,
)
from codesign.characterize.shards import Shards, TaskKeys
from codesign.characterize.sweeps import tasks_of
from codesign.characterize.sweeps.task import SweepTask, TaskResult, Workbench
from codesign.characterize.tables import frame_of, write_table
from codesign.errors import SimulationError
from codesign.pdk import Process
from codesign.progress import ProgressCallback, silent
from codesign.spice import Workers, run_jobs


def run_plan(
    plan: SweepPlan,
    setup: Setup,
    out_dir: Path,
    *,
    workers: Workers = None,
    progress: ProgressCallback = silent,
    cache_dir: Path | None = None,
    timeout_s: float | None = None,
) -> dict[str, Path]:
    """Run the sweeps of a plan in order and write `<out_dir>/<table>.parquet` for each.

    Returns the path of each table by its name. `cache_dir` keeps the rows of finished tasks: a run
    that was killed does not simulate them again. `timeout_s` replaces the timeouts of the plan. A
    failed simulation gives rows with a status; SimulationError when a sweep has no other rows (its
    table is written all the same). `progress` counts tasks, by the sweep's name.
    """
    sweeps = list(plan.of_view(setup.view))
    if timeout_s is not None:
        sweeps = [sweep.model_copy(update={"timeout": timeout_s}) for sweep in sweeps]
    run = _Run(setup.process, Shards(cache_dir), workers, progress)
    written: dict[str, Path] = {}
    known: dict[str, pd.DataFrame] = {}
    # Trials draw their biases from the synapse table, so they wait for the sweeps before them.
    for _, group in groupby(sweeps, key=lambda sweep: isinstance(sweep, TrialSweep)):
        made = [(sweep, tasks_of(sweep, setup, known)) for sweep in group]
        # A sweep without tasks asks for what these cells do not have, and leaves no table.
        batch = [(sweep, tasks) for sweep, tasks in made if tasks]
        for sweep, results in run.sweeps(batch):
            tables = _tables(sweep, results)
            for name, table in tables.items():
                written[name] = out_dir / f"{name}.parquet"
                write_table(written[name], table)
            _refuse_failure(sweep, results)
            if not isinstance(sweep, TrialSweep):
                is_whole = not isinstance(sweep, SynapseCurrentSweep) or (
                    set(setup.synapse.knobs) <= set(sweep.polarities)
                )
                known |= {sweep.kind: tables[sweep.name]} if is_whole else {}
    names = [name for sweep in sweeps for name in table_names(sweep)]
    for name in names:
        if name not in written:
            (out_dir / f"{name}.parquet").unlink(missing_ok=True)
    return {name: written[name] for name in names if name in written}


@dataclass(frozen=True)
class _Run:
    """What all sweeps of a run share."""

    process: Process
    shards: Shards
    workers: Workers
    progress: ProgressCallback

    def sweeps(
        self, batch: Sequence[tuple[Sweep, Sequence[SweepTask]]]
    ) -> Iterator[tuple[Sweep, list[TaskResult]]]:
        """Results of each sweep in the order of its tasks, each sweep as soon as it is complete.

        Neighbouring sweeps whose tasks have one time limit share their workers.
        """
        keys = TaskKeys(self.process)
        named = [
            (index, task, keys.key(task))
            for index, (_, tasks) in enumerate(batch)
            for task in tasks
        ]
        known = self.shards.known(key for *_, key in named)
        state = [_SweepState(sweep, len(tasks)) for sweep, tasks in batch]
        for index, _, key in named:
            if key in known:
                state[index].done += 1
        for sweep_state in state:
            if sweep_state.done:
                self._report(sweep_state)
        yielded = 0
        todo = [entry for entry in named if entry[2] not in known]
        for limit_s, group in groupby(todo, key=lambda entry: entry[1].job_timeout_s):
            entries = list(group)
            factory = functools.partial(Workbench, self.process)
            for outcome in run_jobs(
                [task for _, task, _ in entries],
                factory,
                workers=self.workers,
                timeout_s=limit_s,
            ):
                index, task, key = entries[outcome.index]
                result = outcome.value
                if result is None:
                    status, spent_s = outcome.status.value, outcome.duration_s
                    result = task.failed(status, outcome.message, spent_s)
                elif result.ok:
                    self.shards.put(key, result)
                known[key] = result
                state[index].done += 1
                self._report(state[index])
                while yielded < len(batch) and state[yielded].complete:
                    yield self._finished(batch[yielded][0], named, yielded, known)
                    yielded += 1
        for rest in range(yielded, len(batch)):
            yield self._finished(batch[rest][0], named, rest, known)

    def _report(self, state: _SweepState) -> None:
        self.progress(state.done, state.total, state.sweep.name)

    @staticmethod
    def _finished(
        sweep: Sweep,
        named: Sequence[tuple[int, SweepTask, str]],
        index: int,
        known: dict[str, TaskResult],
    ) -> tuple[Sweep, list[TaskResult]]:
        return sweep, [known[key] for owner, _, key in named if owner == index]


@dataclass
class _SweepState:
    sweep: Sweep
    total: int
    done: int = 0

    @property
    def complete(self) -> bool:
        return self.done >= self.total


def _tables(sweep: Sweep, results: Sequence[TaskResult]) -> dict[str, pd.DataFrame]:
    tables = {}
    for name in table_names(sweep):
        suffix = name.removeprefix(sweep.name).lstrip("_")
        tables[name] = frame_of([row for result in results for row in result.tables[suffix]])
    return tables


def _refuse_failure(sweep: Sweep, results: Sequence[TaskResult]) -> None:
    rows = [row for result in results for table in result.tables.values() for row in table]
    if any(row["status"] == "ok" for row in rows):
        return
    statuses = ", ".join(sorted({row["status"] for row in rows}))
    log = next((result.log_tail for result in results if result.log_tail), "no log")
    raise SimulationError(
        f"sweep {sweep.name!r} ({sweep.kind}): every simulation failed ({statuses})"
        "\n  " + log.replace("\n", "\n  "),
        remedy="check `codesign doctor`, the ranges of the plan and its timeout",
    )
