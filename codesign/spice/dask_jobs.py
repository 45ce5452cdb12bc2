"""The jobs of `run_jobs` on an existing Dask cluster (extra `dask`): same factories, same outcomes.

libngspice allows one session per process and thread, so the cluster's workers must run one thread
each: `dask worker tcp://... --nworkers N --nthreads 1`. Dask cannot kill one task; `timeout_s`
bounds the wait for the next outcome of any task, after which the tasks still running are given up
as timeouts. A worker that dies costs its task a row.
"""

from __future__ import annotations

import pickle
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any

from codesign.errors import CodesignError, InputError, MissingToolError, ToolError
from codesign.plugins import load_plugins, plugin_names
from codesign.spice.outcome import JobFactory, JobStatus, Outcome, Task, Value
from codesign.spice.simulator import chosen_simulator, use_simulator


def run_dask_jobs(
    tasks: Iterable[Task],
    factory: JobFactory[Task, Value],
    *,
    address: str,
    timeout_s: float,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Outcome[Value]]:
    """Yield the outcome of each task as it ends; see `codesign.spice.jobs.run_jobs`.

    `address` is a scheduler, `tcp://host:8786`. Raises MissingToolError without the extra,
    ToolError when there is no scheduler, InputError when its workers have more than one thread.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingToolError(
            "the dask extra is not installed", remedy="install it: pip install 'codesign[dask]'"
        ) from error
    try:
        client = distributed.Client(address, timeout="20s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ToolError(
            f"no Dask scheduler answers at {address}: {error}", remedy="start it, or omit --dask"
        ) from error
    plugins, start = plugin_names(), pickle.dumps((factory, chosen_simulator()))
    with client:
        _check_threads(client, address)
        futures = {
            client.submit(
                _call, plugins, start, index, pickle.dumps(task), pure=False, retries=0
            ): index
            for index, task in enumerate(tasks)
        }
        ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for future in futures:
            future.add_done_callback(ended.put)
        total, running = len(futures), set(futures)
        while running:
            try:
                future = ended.get(timeout=timeout_s)
            except queue.Empty:
                break
            running.discard(future)
            outcome = _outcome(future, futures[future])
            if progress is not None:
                progress(total - len(running), total)
            yield outcome
        for future in running:
            future.cancel()
            text = f"no task ended within {timeout_s:g} s"
            yield Outcome(futures[future], JobStatus.TIMEOUT, None, text, timeout_s)


def _check_threads(client: Any, address: str) -> None:
    for worker in client.scheduler_info(n_workers=-1)["workers"].values():
        if worker["nthreads"] != 1:
            raise InputError(
                f"worker {worker['name']} of {address} has {worker['nthreads']} threads",
                remedy="start the workers with --nthreads 1",
            )


def _outcome(future: Any, index: int) -> Outcome[Any]:
    if future.status == "finished":
        status, value, text, duration_s = future.result()
        return Outcome(index, JobStatus(status), value, text, duration_s)
    return Outcome(index, JobStatus.CRASHED, None, str(future.exception()), 0.0)


def _call(
    plugins: tuple[str, ...], start: bytes, index: int, task: bytes
) -> tuple[str, Any, str, float]:
    """On the worker: build the job at the first task of this factory, then call it. `start` is the
    pickled factory and simulator, which may be of classes that a plugin defines."""
    from distributed import get_worker

    worker = get_worker()
    started = time.monotonic()
    try:
        load_plugins(plugins)
        factory, simulator = pickle.loads(start)
        with nullcontext() if simulator is None else use_simulator(simulator):
            value = _job(worker, start, factory)(pickle.loads(task))
        return JobStatus.OK.value, value, "", time.monotonic() - started
    except CodesignError as error:
        return JobStatus.ERROR.value, None, str(error), time.monotonic() - started
    except Exception as error:
        text = f"task {index}: {type(error).__name__}: {error}"
        return JobStatus.ERROR.value, None, text, time.monotonic() - started


def _job(worker: Any, start: bytes, factory: JobFactory[Any, Any]) -> Callable[[Any], Any]:
    """The job that the worker holds, made anew when it is another factory's."""
    held = getattr(worker, "codesign_job", None)
    if held is None or held[0] != start:
        close = getattr(held[1], "close", None) if held else None
        if callable(close):
            close()
        worker.codesign_job = None
        worker.codesign_job = held = (start, factory())
    return held[1]
