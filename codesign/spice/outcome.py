"""How a task of a job ended, as a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

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
