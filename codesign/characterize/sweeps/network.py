"""network: random trials through the whole network, see `codesign.characterize.network_trials`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from codesign.characterize import network_trials as trials
from codesign.characterize.network_trials import (
    NetworkTask,
    blank_rows,
    network_tasks,
    network_trial_deck,
    run_network,
)
from codesign.characterize.plan import NetworkSweep
from codesign.characterize.sweeps.task import (
    Circuit,
    SweepTask,
    TaskResult,
    Workbench,
    ladder_timeout_s,
)
from codesign.files import hash_file
from codesign.spice import Analysis, Deck


@dataclass(frozen=True, kw_only=True)
class NetworkRun(SweepTask):
    """One run of the network sweep: rows per trial and neuron, and per synapse of these."""

    task: NetworkTask
    timeout_s: float

    @property
    def job_timeout_s(self) -> float:
        return ladder_timeout_s(self.timeout_s)

    def simulations(self, supply_V: float) -> Iterator[tuple[Deck, Analysis | None]]:
        yield network_trial_deck(self.task, supply_V)[0], None

    def labels(self) -> str:
        return f"{self.task!r} {hash_file(Path(trials.__file__))}"

    def run(self, bench: Workbench) -> TaskResult:
        rows, inputs = run_network(self.task, bench.process, timeout_s=self.timeout_s)
        return TaskResult({"trials": rows, "inputs": inputs}, str(rows[0]["status"]))

    def failed(self, status: str, message: str, duration_s: float) -> TaskResult:
        rows, inputs = blank_rows(self.task, status, 1, duration_s)
        return TaskResult({"trials": rows, "inputs": inputs}, status, message)


def tasks(
    sweep: NetworkSweep, circuit: Circuit, known: Mapping[str, pd.DataFrame]
) -> list[NetworkRun]:
    """Tasks of the sweep: one per run, placed by the tables of earlier sweeps (by kind)."""
    drawn = network_tasks(
        sweep,
        circuit.network,
        circuit.timing,
        circuit.conditions,
        known,
        circuit.supply_V,
        circuit.views,
    )
    return [NetworkRun(task=task, timeout_s=sweep.timeout) for task in drawn]
