"""Progress of long work: a bar on a terminal, a plain line now and then in a log.

Library functions take a callback `progress(done, total, label)` and call it as often as they
like; what a person sees of it is decided here. A label may carry a note that changes from call
to call, after " | ".
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TextIO

ProgressCallback = Callable[[int, int, str], None]


def silent(done: int, total: int, label: str) -> None:
    """The callback of library calls that nobody watches."""


class Reporter(Protocol):
    """A progress display with messages between: a context manager that is itself the callback."""

    def __call__(self, done: int, total: int, label: str) -> None: ...

    def message(self, text: str) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class LineReporter:
    """Plain lines for logs: the start, at most one line per `interval_s`, and the end."""

    def __init__(
        self,
        stream: TextIO,
        interval_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._interval_s = interval_s
        self._clock = clock
        self._label: str | None = None
        self._printed_at_s = 0.0
        self._printed_done = -1

    def __call__(self, done: int, total: int, label: str) -> None:
        now_s = self._clock()
        name = label.partition(" | ")[0]
        is_new = name != self._label
        is_due = now_s - self._printed_at_s >= self._interval_s
        is_end = done >= total and done != self._printed_done
        if is_new or is_due or is_end:
            self.message(f"  {label}: {done}/{total}")
            self._label, self._printed_at_s, self._printed_done = name, now_s, done

    def message(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class BarReporter:
    """A rich progress bar, one row per label."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._bars = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Remaining(),
            console=Console(file=stream),
            transient=True,
        )
        self._tasks: dict[str, int] = {}

    def __call__(self, done: int, total: int, label: str) -> None:
        from rich.progress import TaskID

        name = label.partition(" | ")[0]
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(label, total=total)
        task = TaskID(self._tasks[name])
        self._bars.update(task, completed=done, total=total, description=label)

    def message(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()


def reporter(stream: TextIO | None = None) -> Reporter:
    """The display that fits the stream (default: standard error)."""
    stream = sys.stderr if stream is None else stream
    return BarReporter(stream) if stream.isatty() else LineReporter(stream)
