"""Tasks of sweeps: what one simulation is, how a worker runs it, which rows it gives."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from codesign.bench import condition_columns
from codesign.errors import SimulationError
from codesign.pdk import Process
from codesign.spice import (
    Analysis,
    DCSweep,
    Deck,
    Result,
    Status,
    Transient,
    default_simulator,
    run_batch,
)
from codesign.spice.result import Attempt

if TYPE_CHECKING:
    from codesign.spice import SimulatorSession

Row = dict[str, Any]
Waveforms = dict[str, np.ndarray]
# Attempts of run_batch's retry ladder, and time to start and read each.
_LADDER, _LADDER_SLACK_S = 3, 10.0


@dataclass(frozen=True)
class TaskResult:
    """Rows of one task by table (suffix of the sweep's name, "" for the only one)."""

    tables: dict[str, list[Row]]
    status: str
    log_tail: str = ""

    @property
    def ok(self) -> bool:
        """Whether the simulation reached its end."""
        return self.status == Status.OK.value


class Workbench:
    """A worker's simulators: a session that keeps its circuit for DC, a process per transient.

    DC sweeps re-run the loaded circuit (about 0.1 ms per point), the deck is read again only when
    it changes. A transient costs seconds, not milliseconds, and its own process brings the retry
    ladder and a timeout that hurts nobody else.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self._session: SimulatorSession | None = None
        self._deck: Deck | None = None

    def simulate(self, deck: Deck, analysis: Analysis, timeout_s: float) -> Result:
        """Run one analysis; a DC sweep that fails in the session gets the ladder of run_batch."""
        session = None if isinstance(analysis, Transient) else self._open()
        if session is not None:
            started = time.monotonic()
            try:
                waveforms = self._loaded(session, deck).run(analysis)
            except SimulationError:
                self._deck = None
            else:
                attempt = Attempt("session", Status.OK, time.monotonic() - started)
                return Result(
                    Status.OK, waveforms, (attempt,), attempt.duration_s, "", None,
                    deck.conditions, deck.title,
                )  # fmt: skip
        return run_batch(deck, analysis, process=self.process, timeout_s=timeout_s)

    def __call__(self, task: SweepTask) -> TaskResult:
        return task.run(self)

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self) -> SimulatorSession | None:
        """The worker's session, None where the simulator has none."""
        if self._session is None:
            opened = default_simulator().session(self.process)
            self._session = opened.__enter__() if opened is not None else None
        return self._session

    def _loaded(self, session: SimulatorSession, deck: Deck) -> SimulatorSession:
        if deck != self._deck:
            self._deck = None
            session.load(deck)
            self._deck = deck
        return session


class SweepTask(ABC):
    """One unit of work of a sweep: picklable, run by a worker, remembered by its identity."""

    timeout_s: float

    @property
    @abstractmethod
    def job_timeout_s(self) -> float:
        """After how long the worker that runs it is taken for hung."""

    @abstractmethod
    def simulations(self) -> Iterator[tuple[Deck, Analysis | None]]:
        """Decks and analyses that decide the rows."""

    @abstractmethod
    def labels(self) -> str:
        """Everything besides the simulations that decides the rows, as text."""

    @abstractmethod
    def run(self, bench: Workbench) -> TaskResult:
        """Simulate and measure."""

    @abstractmethod
    def failed(self, status: str, message: str, duration_s: float) -> TaskResult:
        """The rows of a task whose worker crashed, hung or raised."""


@dataclass(frozen=True, kw_only=True)
class MeasuredTask(SweepTask):
    """A task of one deck: its rows are known in advance (`coordinates`), simulation fills them.

    `measured` names the columns that simulation gives; they are None in a row whose status is not
    "ok". A value that the waveforms do not hold gives its row the status "not_reached".
    """

    measured: ClassVar[tuple[str, ...]]
    deck: Deck = field(repr=False)
    analyses: tuple[Analysis, ...] = field(repr=False)
    timeout_s: float = field(repr=False)

    @abstractmethod
    def coordinates(self) -> list[Row]:
        """The columns that say what each row is, without conditions."""

    @abstractmethod
    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        """The measured columns of each row, from the waveforms of each analysis."""

    @property
    def job_timeout_s(self) -> float:
        if all(isinstance(analysis, DCSweep) for analysis in self.analyses):
            return self.timeout_s
        return len(self.analyses) * ladder_timeout_s(self.timeout_s)

    def simulations(self) -> Iterator[tuple[Deck, Analysis | None]]:
        yield from ((self.deck, analysis) for analysis in self.analyses)

    def labels(self) -> str:
        shown = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr]
        return f"{type(self).__name__}({', '.join(shown)}) {self.coordinates()!r}"

    def run(self, bench: Workbench) -> TaskResult:
        results: list[Result] = []
        for analysis in self.analyses:
            results.append(bench.simulate(self.deck, analysis, self.timeout_s))
            if not results[-1].ok:
                break
        last, attempts = results[-1], max(len(result.attempts) for result in results)
        duration_s = sum(result.duration_s for result in results)
        rows = self.measure([r.waveforms for r in results]) if last.ok else None
        return self._result(rows, last.status.value, attempts, duration_s, last.log_tail)

    def failed(self, status: str, message: str, duration_s: float) -> TaskResult:
        return self._result(None, status, 1, duration_s, message)

    def _result(
        self, measured: list[Row] | None, status: str, attempts: int, duration_s: float, log: str
    ) -> TaskResult:
        where = self.coordinates()
        empty: Row = dict.fromkeys(self.measured)
        rows = []
        for coordinates, values in zip(where, measured or [empty] * len(where), strict=True):
            absent = status == Status.OK and any(values[key] is None for key in self.measured)
            rows.append(
                {
                    **coordinates,
                    **values,
                    **condition_columns(self.deck.conditions),
                    "status": "not_reached" if absent else status,
                    "attempts": attempts,
                    "duration_s": duration_s / len(where),
                }
            )
        return TaskResult({"": rows}, status, log)


def ladder_timeout_s(timeout_s: float) -> float:
    """How long run_batch may take in all when each attempt may take `timeout_s`."""
    return _LADDER * timeout_s + _LADDER_SLACK_S
