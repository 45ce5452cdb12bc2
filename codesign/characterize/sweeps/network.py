"""network: random trials through the whole network, see `codesign.characterize.network_trials`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from codesign.bench import Setup
from codesign.characterize.network_trials import (
    NetworkTask,
    blank_rows,
    network_tasks,
    network_trial_deck,
    run_network,
)
from codesign.characterize.plan import NetworkSweep
from codesign.characterize.sweeps.task import SweepTask, TaskResult, Workbench, ladder_timeout_s
from codesign.spice import Analysis, Deck


@dataclass(frozen=True, kw_only=True)
class NetworkRun(SweepTask):
    """One run of the network sweep: rows per trial and neuron, and rows per synapse of these."""

    task: NetworkTask
    timeout_s: float

    @property
    def job_timeout_s(self) -> float:
        return ladder_timeout_s(self.timeout_s)

    def simulations(self) -> Iterator[tuple[Deck, Analysis | None]]:
        yield network_trial_deck(self.task)[0], None

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
        rows, inputs = run_network(self.task, timeout_s=self.timeout_s)
        return TaskResult({"trials": rows, "inputs": inputs}, str(rows[0]["status"]))

    def failed(self, status: str, message: str, duration_s: float) -> TaskResult:
        rows, inputs = blank_rows(self.task, status, 1, duration_s)
        return TaskResult({"trials": rows, "inputs": inputs}, status, message)


def tasks(sweep: NetworkSweep, setup: Setup, known: Mapping[str, pd.DataFrame]) -> list[NetworkRun]:
    """Tasks of the sweep: one per run, knobs drawn from the tables of earlier sweeps (by kind)."""
    drawn = network_tasks(sweep, setup, known)
    return [NetworkRun(task=task, timeout_s=sweep.timeout) for task in drawn]
