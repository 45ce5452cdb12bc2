"""network: random trials of neurons as drawn, see `codesign.characterize.network_trials`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from codesign.bench import Setup
from codesign.characterize.network_trials import (
    NeuronTask,
    failed_rows,
    neuron_tasks,
    run_neuron,
)
from codesign.characterize.plan import NetworkSweep
from codesign.characterize.sweeps.task import SweepTask, TaskResult, Workbench, ladder_timeout_s
from codesign.spice import Analysis, Deck


@dataclass(frozen=True, kw_only=True)
class NeuronRun(SweepTask):
    """One neuron in one run of the network sweep: rows per trial, and rows per synapse of these."""

    task: NeuronTask
    timeout_s: float

    @property
    def job_timeout_s(self) -> float:
        return ladder_timeout_s(self.timeout_s)

    def simulations(self) -> Iterator[tuple[Deck, Analysis | None]]:
        yield self.task.job.deck, self.task.job.analysis

    def labels(self) -> str:
        task = self.task
        return repr(
            (
                *(type(self).__name__, task.run, task.layer, task.neuron, task.job.warmup),
                *(task.knobs, task.spikes_s, task.trials, task.line_delay_s),
                *(task.setup.timing, task.setup.network.layers),
            )
        )

    def run(self, bench: Workbench) -> TaskResult:
        del bench  # long transients have a process of their own
        rows, inputs = run_neuron(self.task, timeout_s=self.timeout_s)
        return TaskResult({"trials": rows, "inputs": inputs}, str(rows[0]["status"]))

    def failed(self, status: str, message: str, duration_s: float) -> TaskResult:
        rows, inputs = failed_rows(self.task, status, duration_s)
        return TaskResult({"trials": rows, "inputs": inputs}, status, message)


def tasks(sweep: NetworkSweep, setup: Setup, known: Mapping[str, pd.DataFrame]) -> list[NeuronRun]:
    """Tasks of the sweep: neurons of every run, knobs drawn from the tables of earlier sweeps (by
    kind)."""
    drawn = neuron_tasks(sweep, setup, known)
    return [NeuronRun(task=task, timeout_s=sweep.timeout) for task in drawn]
