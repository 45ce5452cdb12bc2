"""Runs tasks on worker processes, so that one that crashes or hangs costs its own row and no more.

Each worker builds its job once from a factory (for instance: open a Session and load the circuit)
and then calls it with one task after another. The parent watches: a worker past its time is killed
with everything it started, a dead one is noticed, both are replaced. Workers die with their parent
and are replaced after `recycle_after` tasks, because libngspice grows over runs.

Factories and tasks travel by pickle and workers are spawned: factories are module-level functions,
classes, or functools.partial of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from codesign.errors import CodesignError, InputError

Task = TypeVar("Task")
Value = TypeVar("Value")
JobFactory = Callable[[], Callable[[Task], Value]]


class JobStatus(StrEnum):
    """How a task ended; `error` is an exception of the job itself."""

    OK = "ok"
    ERROR = "error"
    CRASHED = "crashed"
    TIMEOUT = "timeout"


@dataclass(frozen=True)
class Outcome(Generic[Value]):
    """One task's end: the job's return value when ok, else a message."""

    index: int
    status: JobStatus
    value: Value | None
    message: str
    duration_s: float

    @property
    def ok(self) -> bool:
        """Whether the task has a value."""
        return self.status is JobStatus.OK


def default_workers() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    tasks: Iterable[Task],
    factory: JobFactory[Task, Value],
    *,
    workers: int | None = None,
    timeout_s: float,
    start_timeout_s: float = 120.0,
    recycle_after: int = 500,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Outcome[Value]]:
    """Yield the outcome of each task as it ends; `Outcome.index` is the task's position.

    `progress(done, total)` is called after each. A CodesignError of the factory (a missing tool,
    say) is raised here, because every task would meet it; one of the job becomes its task's
    message.
    """
    todo = deque(enumerate(tasks))
    total, done = len(todo), 0
    count = min(workers if workers is not None else default_workers(), max(total, 1))
    if count < 1 or timeout_s <= 0 or recycle_after < 1:
        raise InputError(
            "run_jobs needs at least one worker, a positive timeout and recycle_after >= 1"
        )
    pool: list[_Worker] = []
    failed_starts = 0
    try:
        while todo or any(w.index is not None for w in pool):
            while len(pool) < count and len(pool) < len(todo) + sum(w.busy for w in pool):
                pool.append(_Worker(factory, start_timeout_s))
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
    finally:
        for worker in pool:
            worker.close()


def _wait(pool: list[_Worker]) -> None:
    now = time.monotonic()
    deadlines = [w.deadline - now for w in pool if w.deadline is not None]
    handles: list[Any] = [w.connection for w in pool] + [w.process.sentinel for w in pool]
    wait(handles, timeout=max(0.0, min(deadlines, default=1.0)))


class _Worker:
    """The parent's side of one worker process."""

    def __init__(self, factory: JobFactory[Any, Any], start_timeout_s: float) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_work, args=(theirs, factory, os.getpid()), daemon=False
        )
        self.process.start()
        theirs.close()
        self.ready = False
        self.gone = False
        self.index: int | None = None
        self.tasks_done = 0
        self.started = time.monotonic()
        self.deadline: float | None = self.started + start_timeout_s

    @property
    def idle(self) -> bool:
        return self.ready and self.index is None and not self.gone

    @property
    def busy(self) -> bool:
        return self.index is not None

    def give(self, index: int, task: Any, timeout_s: float) -> None:
        self.index = index
        self.started = time.monotonic()
        self.deadline = self.started + timeout_s
        # A dead worker is noticed by poll(), which gives the task its row.
        with contextlib.suppress(OSError):
            self.connection.send(task)

    def poll(self) -> Outcome[Any] | Exception | None:
        """What happened: an outcome of the current task, an exception of the start, or nothing."""
        message, ended = None, False
        if self.connection.poll():
            try:
                message = self.connection.recv()
            except (EOFError, OSError):
                # Closed by the worker's death, whatever it had still to say.
                ended = True
                self.process.join(timeout=1.0)
        if message is not None:
            return self._message(*message)
        if ended or not (self.process.is_alive() or self.connection.poll()):
            self.gone = True
            code = self.process.exitcode
            text = f"the worker died ({_exit_text(code)})"
            if self.index is None:
                return RuntimeError(text)
            return self._end(JobStatus.CRASHED, None, text)
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self.gone = True
            self.kill()
            if self.index is None:
                return RuntimeError("a worker did not start in time")
            limit = self.deadline - self.started
            return self._end(JobStatus.TIMEOUT, None, f"killed after {limit:g} s")
        return None

    def _message(self, kind: str, value: Any, text: str) -> Outcome[Any] | Exception | None:
        if kind == "ready":
            self.ready, self.deadline = True, None
            return None
        if kind == "start_failed":
            return value if isinstance(value, Exception) else RuntimeError(text)
        return self._end(JobStatus(kind), value, text)

    def _end(self, status: JobStatus, value: Any, text: str) -> Outcome[Any]:
        assert self.index is not None
        outcome = Outcome(self.index, status, value, text, time.monotonic() - self.started)
        self.index, self.deadline = None, None
        self.tasks_done += 1
        return outcome

    def kill(self) -> None:
        """Kill the worker; what it started dies with it (see codesign.spice.batch)."""
        with contextlib.suppress(ProcessLookupError):
            if self.process.pid is not None:
                os.kill(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the worker: politely when it is idle, else by force."""
        if self.idle:
            with contextlib.suppress(OSError):
                self.connection.send(_STOP)
            self.process.join(timeout=5)
        if self.process.is_alive():
            self.kill()
        self.process.join(timeout=10)
        self.connection.close()


_STOP = "__codesign_stop__"


def _work(connection: Connection, factory: JobFactory[Any, Any], parent: int) -> None:
    """The worker's side: build the job, then answer tasks until told to stop."""
    # The parent decides what an interrupt means; it kills us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)
    try:
        job = factory()
    except Exception as error:
        shown = error if isinstance(error, CodesignError) else None
        connection.send(("start_failed", shown, _text(error)))
        return
    connection.send(("ready", None, ""))
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            break
        if isinstance(task, str) and task == _STOP:
            break
        try:
            answer = (JobStatus.OK.value, job(task), "")
        except Exception as error:
            answer = (JobStatus.ERROR.value, None, _text(error))
        try:
            connection.send(answer)
        except Exception as error:  # a value that cannot be pickled
            connection.send((JobStatus.ERROR.value, None, _text(error)))
    close = getattr(job, "close", None)
    if callable(close):
        with contextlib.suppress(Exception):
            close()


def _text(error: Exception) -> str:
    if isinstance(error, CodesignError):
        return str(error)
    return "".join(traceback.format_exception(error)[-4:]).strip()


def _exit_text(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit code {code}"
