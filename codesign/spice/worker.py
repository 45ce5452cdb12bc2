"""One worker process: the parent's side, which watches and kills it, and its own."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from codesign.errors import CodesignError
from codesign.plugins import load_plugins
from codesign.spice.outcome import JobFactory, JobStatus, Outcome
from codesign.spice.simulator import Simulator, use_simulator


class Worker:
    """The parent's side of one worker process."""

    def __init__(
        self,
        factory: JobFactory[Any, Any],
        simulator: Simulator | None,
        start_timeout_s: float,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_work,
            args=(theirs, pickle.dumps((factory, simulator)), os.getpid()),
            daemon=False,
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
        """Kill the worker; what it started dies with it (see codesign.spice.execute)."""
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


def _work(connection: Connection, start: bytes, parent: int) -> None:
    """The worker's side: build the job, then answer tasks until told to stop. `start`: factory and
    simulator, which may be of classes that a plugin defines."""
    # The parent decides what an interrupt means; it kills us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)
    try:
        load_plugins()
        factory, simulator = pickle.loads(start)
        if simulator is not None:
            use_simulator(simulator)
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
