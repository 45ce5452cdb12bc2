"""Timing that bears a busy machine: CPU seconds of the process, the median of a few calls."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable


def cpu_seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """Median CPU seconds of a call after a warm-up."""
    call()
    seconds = []
    for _ in range(repeats):
        start_s = time.process_time()
        call()
        seconds.append(time.process_time() - start_s)
    return statistics.median(seconds)


class EpochTimes:
    """Progress of a training: prints every record to standard error, keeps CPU seconds."""

    def __init__(self) -> None:
        self.cpu_s: list[float] = []
        self._last_s = time.process_time()

    def __call__(self, record: object) -> None:
        now_s = time.process_time()
        self.cpu_s.append(now_s - self._last_s)
        self._last_s = now_s
        print(f"{record} {self.cpu_s[-1]:.1f} s", file=sys.stderr, flush=True)

    @property
    def minutes_per_epoch(self) -> float | None:
        """Median; None when a finished run had nothing left to do."""
        return statistics.median(self.cpu_s) / 60 if self.cpu_s else None
