"""Runs the jobs of columns, and puts together what the decks of one column gave."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from codesign.bench import ColumnJob, LineEdges, failed_column, kept_column, run_column
from codesign.progress import ProgressCallback, silent
from codesign.spice import WorkerPool, Workers, run_jobs

Measured = dict[str, np.ndarray]
_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class ColumnRunner:
    """Runs jobs: where results are kept, on which workers, and who is told. `pool`: local workers
    that stay from one layer to the next."""

    cache_dir: Path | None = None
    workers: Workers = None
    progress: ProgressCallback = silent
    label: str = "verify"
    pool: WorkerPool | None = None

    def run(self, jobs: Sequence[ColumnJob], done: int = 0, total: int = 0) -> list[Measured]:
        """Results in the order of the jobs; a failed one has a status."""
        found = self._known(jobs)
        todo = [index for index in range(len(jobs)) if index not in found]
        factory = partial(_worker, self.cache_dir, _TIMEOUT_S)
        if not todo:
            self.progress(done + len(found), total or len(jobs), self.label)
            return [found[index] for index in range(len(jobs))]
        for outcome in run_jobs(
            [jobs[index] for index in todo], factory, workers=self.workers,
            timeout_s=4 * _TIMEOUT_S, pool=self.pool,
        ):  # fmt: skip
            index = todo[outcome.index]
            if outcome.ok and outcome.value is not None:
                found[index] = outcome.value
            else:
                warnings.warn(
                    f"{self.label}: {outcome.status.value}: {outcome.message}", stacklevel=2
                )
                found[index] = failed_column(jobs[index], outcome.status.value)
            self.progress(done + len(found), total or len(jobs), self.label)
        return [found[index] for index in range(len(jobs))]


    def _known(self, jobs: Sequence[ColumnJob]) -> dict[int, Measured]:
        """What the cache has already: no worker need start for it."""
        if self.cache_dir is None:
            return {}
        kept = ((index, kept_column(self.cache_dir, job)) for index, job in enumerate(jobs))
        return {index: found for index, found in kept if found is not None}


def _worker(cache_dir: Path | None, timeout_s: float) -> partial:
    return partial(run_column, cache_dir, timeout_s)


def joined(parts: Sequence[Measured]) -> Measured:
    """The results of a column's decks as one."""
    found = {
        key: np.concatenate([part[key] for part in parts])
        for key in ("t_s", "energy_J", "control_J", "v_mem_V")
    }
    counts = [len(part["t_s"]) for part in parts]
    found["status"] = np.repeat([str(part["status"]) for part in parts], counts)
    found["cpu_s"] = np.array(sum(float(part["cpu_s"]) for part in parts))
    return found


def edges_of(parts: Sequence[Measured]) -> LineEdges | None:
    """Edges of a column's line, from the first deck that has them."""
    found = (LineEdges.of_arrays(part) for part in parts)
    return next((edges for edges in found if edges is not None), None)


def spread(known: dict[int, LineEdges | None], count: int) -> list[LineEdges | None]:
    """Edges of every line; of those that were not simulated, the edges of one that was."""
    any_one = next((edges for edges in known.values() if edges is not None), None)
    return [known.get(i, any_one) for i in range(count)]
