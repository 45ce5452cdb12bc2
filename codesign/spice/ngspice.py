"""ngspice as a Simulator: one `ngspice -b` process per run, a session on libngspice.

A run has a private directory, a timeout and a retry ladder, for what does not converge (transients
that stop early included):

1. the deck as given;
2. a quarter of the maximum time step (transients), ITL1 = 500 and ITL2 = 200 (others);
3. relaxed: gear, reltol 1e-3, chgtol 1e-14, abstol 1e-12, gmin 1e-12, half the maximum time step.

Each attempt is recorded in the result; a result of attempt 3 is less accurate (about
0.6 ns of spike time) and says so through `Result.relaxed`. Other failures are not retried: they
would fail again the same way.

Files of a run: deck.spice, models.spice, .spiceinit, out.raw, ngspice.log, run.sh (repeats the run
by hand, giving identical numbers). They stay after a failure, and after success with `keep`.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from codesign.errors import DataError, InputError
from codesign.pdk import Process
from codesign.spice import log as spice_log
from codesign.spice.analysis import Analysis, Transient
from codesign.spice.cache import Cache, cache_key
from codesign.spice.deck import Deck, SimulatorOptions
from codesign.spice.execute import execute, private_directory, read_log, write_run
from codesign.spice.raw import read_raw
from codesign.spice.result import Attempt, Result, Status, collect
from codesign.spice.simulator import Simulator, SimulatorSession
from codesign.spice.tool import SPICEINIT, Ngspice


class NgspiceSimulator(Simulator):
    """The ngspice on this machine (`Ngspice.find`, `find_library`)."""

    name = "ngspice"

    def version(self) -> str:
        """Version such as "39". Raises MissingToolError without ngspice."""
        return Ngspice.find().version()

    def features(self) -> frozenset[str]:
        """What this build has of CIDER, KLU, OSDI and XSPICE. Raises MissingToolError without
        ngspice."""
        return Ngspice.find().features()

    def identity(self) -> tuple[str, ...]:
        """Settings and version. Raises MissingToolError without ngspice."""
        return (SPICEINIT, self.version())

    def session(self, process: Process) -> AbstractContextManager[SimulatorSession]:
        """A session on libngspice, of which a process can have one at a time."""
        from codesign.spice.session import Session

        return Session(process)

    def run(
        self,
        deck: Deck,
        analysis: Analysis,
        *,
        process: Process,
        timeout_s: float,
        workdir: Path | None = None,
        keep: bool = False,
        cache: Cache | None = None,
        retry: bool = True,
    ) -> Result:
        """See `Simulator.run`. `timeout_s` bounds each attempt of the ladder."""
        if not timeout_s > 0:
            raise InputError(f"timeout {timeout_s!r} s is not positive")
        ngspice = Ngspice.find()
        models = deck.models(process)
        key = None
        if cache is not None:
            key = cache_key(deck.text(analysis, models=models), SPICEINIT, ngspice.version())
            hit = cache.get(key)
            if hit is not None:
                attempt = Attempt("cache", Status.OK, 0.0)
                return _result(deck, Status.OK, hit, (attempt,), "", None, cached=True)
        folder = private_directory(workdir)
        attempts: list[Attempt] = []
        status, text = Status.CRASHED, ""
        waveforms: dict[str, np.ndarray] = {}
        for change, rung, divisor in _ladder(deck, analysis):
            started = time.monotonic()
            write_run(folder, rung.text(analysis, divisor=divisor), models, ngspice)
            code, timed_out = execute(folder, ngspice, timeout_s)
            text = read_log(folder)
            status, waveforms, note = _judge(folder, analysis, code, timed_out, text)
            text = f"{text}\n{note}" if note else text
            attempts.append(Attempt(change, status, time.monotonic() - started))
            if not retry or status not in (Status.NO_CONVERGENCE, Status.TRUNCATED):
                break
        if status is Status.OK:
            if cache is not None and key is not None:
                cache.put(key, waveforms, {"title": deck.title, "seed": deck.conditions.seed})
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)
        kept = folder if folder.is_dir() else None
        return _result(deck, status, waveforms, tuple(attempts), text, kept)


def _result(
    deck: Deck,
    status: Status,
    waveforms: dict[str, np.ndarray],
    attempts: tuple[Attempt, ...],
    text: str,
    workdir: Path | None,
    cached: bool = False,
) -> Result:
    return Result(
        status=status,
        waveforms=waveforms,
        attempts=attempts,
        duration_s=sum(a.duration_s for a in attempts),
        log_tail=spice_log.tail(text),
        workdir=workdir,
        conditions=deck.conditions,
        title=deck.title,
        cached=cached,
    )


def _ladder(deck: Deck, analysis: Analysis) -> list[tuple[str, Deck, int]]:
    """(what was changed, deck, divisor of the maximum step) of each rung."""
    extra = deck.options.extra
    if isinstance(analysis, Transient):
        second = ("max step / 4", deck, 4)
    else:
        more = dataclasses.replace(deck.options, extra=(*extra, ("itl1", 500), ("itl2", 200)))
        second = ("itl1 500, itl2 200", dataclasses.replace(deck, options=more), 1)
    relaxed = SimulatorOptions(
        reltol=1e-3,
        chgtol=1e-14,
        abstol=1e-12,
        vntol=1e-6,
        gmin=1e-12,
        method="gear",
        extra=(*extra, ("itl1", 500), ("itl2", 200), ("itl4", 100)),
    )
    return [
        ("as given", deck, 1),
        second,
        ("relaxed: gear, reltol 1e-3, gmin 1e-12", dataclasses.replace(deck, options=relaxed), 2),
    ]


def _judge(
    folder: Path, analysis: Analysis, code: int, timed_out: bool, text: str
) -> tuple[Status, dict[str, np.ndarray], str]:
    """Status, waveforms and a note for the log, from exit code, data and log patterns."""
    if timed_out:
        return Status.TIMEOUT, {}, "killed: the timeout was reached"
    if code < 0:
        return Status.CRASHED, {}, f"ngspice was killed by signal {-code}"
    raw = folder / "out.raw"
    if not raw.is_file():
        if spice_log.complains_of_netlist(text):
            return Status.PARSE_ERROR, {}, spice_log.netlist_complaint(text)
        if spice_log.complains_of_convergence(text):
            return Status.NO_CONVERGENCE, {}, ""
        return Status.CRASHED, {}, f"ngspice ended with exit code {code} and no data"
    try:
        plot = read_raw(raw)
    except DataError as error:
        return Status.CRASHED, {}, str(error)
    if plot.rows == 0:
        return Status.NO_CONVERGENCE, {}, "the raw file holds no rows"
    try:
        waveforms, complete = collect(plot.vectors, analysis)
    except InputError as error:
        return Status.PARSE_ERROR, {}, str(error)
    if not complete or code != 0 or plot.declared_rows == 0:
        return Status.TRUNCATED, waveforms, f"the run stopped after {plot.rows} rows"
    return Status.OK, waveforms, ""
