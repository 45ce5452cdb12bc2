"""A circuit held in libngspice: loaded once, altered, run again (0.1 ms per operating point)."""

from __future__ import annotations

import re
from types import TracebackType

import numpy as np

from codesign.errors import InputError, SimulationError
from codesign.pdk import Process
from codesign.spice import log as spice_log
from codesign.spice.analysis import Analysis, DCSweep, OperatingPoint, Transient
from codesign.spice.deck import Deck
from codesign.spice.libngspice import LibNgspice, open_library
from codesign.spice.result import Status, collect
from codesign.spice.tool import SPICEINIT

_TARGET = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*\Z")
_HISTORY_LIMIT = 5000


class Session:
    """A circuit held in libngspice.

        with Session(default_process()) as session:
            session.load(deck)
            session.alter("vg", 0.9)
            current_A = session.op("i(vd)")["i(vd)"]

    Errors: MissingToolError without the library, SimulationError when ngspice cannot read the deck
    or an analysis does not reach its end (the message has deck, corner, seed and the last log
    lines).
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._deck: Deck | None = None
        self._library: LibNgspice | None = None
        self._runs = 0

    def __enter__(self) -> Session:
        library = open_library()
        if library.in_use:
            raise RuntimeError("this process already has an open spice session: one at a time")
        library.in_use = True
        self._library = library
        for setting in SPICEINIT.splitlines():
            library.command(setting)
        library.take_log()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the circuit; the library itself stays loaded until the process ends."""
        if self._library is not None:
            self._unload()
            self._library.in_use = False
            self._library = None

    def load(self, deck: Deck) -> None:
        """Replace the circuit. Raises SimulationError when ngspice cannot read the deck."""
        library = self._open()
        models = deck.models(self._process)
        # Without this, a deck that fails to load would leave the previous circuit to be run.
        self._unload()
        library.take_log()
        text = deck.text(None, models=models)
        code = library.circuit([line for line in text.splitlines() if line.strip()])
        self._deck = deck
        log = library.take_log()
        if code != 0 or spice_log.complains_of_netlist(log) or "Circuit:" not in log:
            error = self._error(Status.PARSE_ERROR, spice_log.netlist_complaint(log))
            self._unload()
            raise error

    def alter(self, source: str, value: float) -> None:
        """Set the DC value of a source, or the value of a resistor or capacitor."""
        self._alter(f"alter {_target(source)} = {value:.12g}")

    def alter_device(self, name: str, parameter: str, value: float) -> None:
        """Set a parameter of an element, `m.x1.m1` for element m1 inside instance x1."""
        self._alter(f"alter @{_target(name)}[{_target(parameter)}] = {value:.12g}")

    def alter_pwl(self, source: str, points: list[tuple[float, float]]) -> None:
        """Replace the points (time in s, value) of a piecewise-linear source."""
        flat = " ".join(f"{t:.12g} {v:.12g}" for t, v in points)
        self._alter(f"alter @{_target(source)}[pwl] = [ {flat} ]")

    def op(self, *save: str) -> dict[str, np.ndarray]:
        """Operating point of the circuit as it stands; arrays of one value."""
        return self.run(OperatingPoint(save))

    def dc(
        self,
        source: str,
        start: float,
        stop: float,
        step: float,
        save: tuple[str, ...],
        outer: tuple[str, float, float, float] | None = None,
    ) -> dict[str, np.ndarray]:
        """DC sweep, see DCSweep."""
        return self.run(DCSweep(source, start, stop, step, save, outer))

    def tran(
        self, stop_s: float, max_step_s: float, save: tuple[str, ...]
    ) -> dict[str, np.ndarray]:
        """Transient from 0 to `stop_s`, see Transient."""
        return self.run(Transient(stop_s, max_step_s, save))

    def run(self, analysis: Analysis) -> dict[str, np.ndarray]:
        """Run any analysis; arrays by the names asked for, with `time` or `sweep` beside them."""
        library = self._open()
        if self._deck is None:
            raise RuntimeError("load a deck first")
        self._runs += 1
        if self._runs % _HISTORY_LIMIT == 0:
            library.forget_history()
        library.command("destroy all")
        library.command("delete all")
        for name in analysis.save:
            library.command(f"save {name}")
        library.take_log()
        library.command(analysis.command())
        vectors = library.vectors()
        log = library.take_log()
        if spice_log.complains_of_netlist(log):
            raise self._error(Status.PARSE_ERROR, spice_log.tail(log, 6))
        if not vectors or spice_log.complains_of_convergence(log):
            status = Status.TRUNCATED if vectors else Status.NO_CONVERGENCE
            raise self._error(status, spice_log.tail(log))
        try:
            waveforms, complete = collect(vectors, analysis)
        except InputError as error:
            raise InputError(
                f"deck {self._deck.title!r}: {error.message}", remedy=error.remedy
            ) from None
        if not complete:
            raise self._error(Status.TRUNCATED, spice_log.tail(log))
        return waveforms

    def _alter(self, command: str) -> None:
        library = self._open()
        if self._deck is None:
            raise RuntimeError("load a deck first")
        library.take_log()
        library.command(command)
        log = library.take_log()
        if re.search(r"error|no such|not found|can't", log, re.IGNORECASE):
            raise InputError(
                f"deck {self._deck.title!r}: {command!r} failed: {spice_log.tail(log, 2)}"
            )

    def _open(self) -> LibNgspice:
        if self._library is None:
            raise RuntimeError("the session is not open: use it in a `with` statement")
        return self._library

    def _unload(self) -> None:
        if self._library is not None and self._deck is not None:
            self._library.command("destroy all")
            self._library.command("remcirc")
            self._library.take_log()
        self._deck = None

    def _error(self, status: Status, log: str) -> SimulationError:
        assert self._deck is not None
        conditions = self._deck.conditions
        return SimulationError(
            f"deck {self._deck.title!r} (corner {conditions.corner}, "
            f"{conditions.temperature_C:g} C, variation {conditions.variation}, "
            f"seed {conditions.seed}) ended with {status}"
            "\n  " + log.replace("\n", "\n  "),
            remedy="run the deck with run_batch(..., keep=True) to get its files",
        )


def _target(name: str) -> str:
    if not _TARGET.match(name):
        raise InputError(f"{name!r} is not the name of an element or parameter")
    return name
