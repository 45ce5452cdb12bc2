"""Timing that bears a busy machine: CPU seconds of the process, the median of a few calls."""

from __future__ import annotations

import statistics
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
