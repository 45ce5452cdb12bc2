"""Runs tasks on worker processes, so that one that crashes or hangs costs its own row and no more.

Each worker builds its job once from a factory (for instance: open a Session and load the circuit)
and then calls it with one task after another. The parent watches: a worker past its time is killed
with everything it started, a dead one is noticed, both are replaced. Workers die with their parent
and are replaced after `recycle_after` tasks, because libngspice grows over runs.

Factories and tasks travel by pickle and workers are spawned: factories are module-level functions,
classes, or functools.partial of them. The simulator in use travels with them.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from typing import Any

from codesign.errors import CodesignError, InputError
from codesign.spice.outcome import JobFactory, JobStatus, Outcome, Task, Value
from codesign.spice.simulator import chosen_simulator
from codesign.spice.worker import Worker

__all__ = [
    "JobFactory",
    "JobStatus",
    "Outcome",
    "Task",
    "Value",
    "WorkerPool",
    "default_workers",
    "run_jobs",
]


# How many worker processes, or the address of a Dask scheduler; None: one process per core.
Workers = int | str | None


def default_workers() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    tasks: Iterable[Task],
    factory: JobFactory[Task, Value],
    *,
    workers: Workers = None,
    timeout_s: float,
    start_timeout_s: float = 120.0,
    recycle_after: int = 500,
    progress: Callable[[int, int], None] | None = None,
    pool: WorkerPool | None = None,
) -> Iterator[Outcome[Value]]:
    """Yield the outcome of each task as it ends; `Outcome.index` is the task's position.

    workers: how many processes, one per core by default; or the address of a Dask scheduler,
    `tcp://host:8786`, whose workers do it. `progress(done, total)` is called after each. A
    CodesignError of the factory (a missing tool, say) is raised here, because every task would
    meet it; one of the job becomes its task's message. `pool`: local workers that stay for further
    calls, all with equal factories.
    """
    if isinstance(workers, str):
        from codesign.spice.dask_jobs import run_dask_jobs

        return run_dask_jobs(
            tasks, factory, address=workers, timeout_s=timeout_s, progress=progress
        )
    todo = deque(enumerate(tasks))
    count = min(workers if workers is not None else default_workers(), max(len(todo), 1))
    if count < 1 or timeout_s <= 0 or recycle_after < 1:
        raise InputError(
            "run_jobs needs at least one worker, a positive timeout and recycle_after >= 1"
        )
    if pool is not None:
        return _run_here(
            pool, todo, factory, count, timeout_s, start_timeout_s, recycle_after, progress
        )
    return _run_alone(todo, factory, count, timeout_s, start_timeout_s, recycle_after, progress)


class WorkerPool:
    """Worker processes that outlive one call of `run_jobs`; a context manager that ends them."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.close()
        self.workers.clear()


def _run_alone(
    todo: deque[tuple[int, Any]], factory: JobFactory[Any, Value], *options: Any
) -> Iterator[Outcome[Value]]:
    with WorkerPool() as pool:
        yield from _run_here(pool, todo, factory, *options)


def _run_here(
    kept: WorkerPool,
    todo: deque[tuple[int, Any]],
    factory: JobFactory[Any, Value],
    count: int,
    timeout_s: float,
    start_timeout_s: float,
    recycle_after: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[Outcome[Value]]:
    """The tasks on processes of this machine, as their outcomes come."""
    total, done = len(todo), 0
    simulator = chosen_simulator()
    pool = kept.workers
    failed_starts = 0
    finished = False
    try:
        while todo or any(w.index is not None for w in pool):
            while len(pool) < count and len(pool) < len(todo) + sum(w.busy for w in pool):
                pool.append(Worker(factory, simulator, start_timeout_s))
            for worker in pool:
                if todo and worker.idle:
                    worker.give(*todo.popleft(), timeout_s)
            _wait(pool)
            for worker in list(pool):
                event = worker.poll()
                if event is None:
                    continue
                if isinstance(event, Outcome):
                    failed_starts = 0
                    done += 1
                    if worker.gone or worker.tasks_done >= recycle_after:
                        worker.close()
                        pool.remove(worker)
                    if progress is not None:
                        progress(done, total)
                    yield event
                else:
                    pool.remove(worker)
                    worker.close()
                    failed_starts += 1
                    if isinstance(event, CodesignError):
                        raise event
                    if failed_starts >= 3:
                        raise CodesignError(f"worker processes fail to start: {event}")
        finished = True
    finally:
        # Left in the middle, workers are at tasks that nobody waits for.
        if not finished:
            kept.close()


def _wait(pool: list[Worker]) -> None:
    now = time.monotonic()
    deadlines = [w.deadline - now for w in pool if w.deadline is not None]
    handles: list[Any] = [w.connection for w in pool] + [w.process.sentinel for w in pool]
    wait(handles, timeout=max(0.0, min(deadlines, default=1.0)))
