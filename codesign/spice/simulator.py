"""What a simulator is, and which one is in use.

A simulator of one's own is one class in a file anywhere that Python finds:

    class Mine(Simulator):
        name = "mine"
        ...

    use_simulator(Mine())                     # in Python, also as `with use_simulator(Mine()):`
    CODESIGN_SIMULATOR=my_file:Mine           # for the command line

Jobs on worker processes use the one that their parent uses: it must be one that can be pickled.
"""

from __future__ import annotations

import importlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol, Self

import numpy as np

from codesign.errors import InputError
from codesign.pdk import Process
from codesign.spice.analysis import Analysis
from codesign.spice.cache import Cache
from codesign.spice.deck import Deck
from codesign.spice.result import Result

SIMULATOR_VARIABLE = "CODESIGN_SIMULATOR"
DEFAULT_SIMULATOR = "ngspice"


class SimulatorSession(Protocol):
    """A circuit held in a simulator: loaded once, altered, run again.

    Analyses return arrays by the names asked for, `time` or `sweep` beside them, and raise
    SimulationError when they do not reach their end.
    """

    def __enter__(self) -> Self:
        """Start it. Raises MissingToolError without what it needs."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop the circuit, as `close`."""

    def close(self) -> None:
        """Drop the circuit."""

    def load(self, deck: Deck) -> None:
        """Replace the circuit. Raises SimulationError for a deck that cannot be read."""

    def alter(self, source: str, value: float) -> None:
        """Set the DC value of a source, or the value of a resistor or capacitor."""

    def alter_device(self, name: str, parameter: str, value: float) -> None:
        """Set a parameter of an element, `m.x1.m1` for element m1 inside instance x1."""

    def alter_pwl(self, source: str, points: list[tuple[float, float]]) -> None:
        """Replace the points (time in s, value) of a piecewise-linear source."""

    def run(self, analysis: Analysis) -> dict[str, np.ndarray]:
        """Run any analysis."""

    def op(self, *save: str) -> dict[str, np.ndarray]:
        """Operating point of the circuit as it stands; arrays of one value."""

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

    def tran(
        self, stop_s: float, max_step_s: float, save: tuple[str, ...]
    ) -> dict[str, np.ndarray]:
        """Transient from 0 to `stop_s`, see Transient."""


class Simulator(ABC):
    """A program that simulates decks. `name` is how people call it."""

    name: ClassVar[str]

    @abstractmethod
    def version(self) -> str:
        """Version of the program. Raises MissingToolError when it is not installed."""

    @abstractmethod
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
        """Simulate a deck in a process of its own.

        `workdir` is the run's own directory (made when missing; default: a temporary one); it is
        removed after success unless `keep`. Only complete results are cached. `retry`: try again
        with other settings what does not converge. Raises MissingToolError without the program or
        models, InputError for a device outside the models; how the simulation went is the
        result's status, never an exception.
        """

    def features(self) -> frozenset[str]:
        """What this build of the program can do beyond the rest, found by asking it: KLU, OSDI."""
        return frozenset()

    def identity(self) -> tuple[str, ...]:
        """What decides the simulator's numbers, for the keys of stored results: name, version and
        every setting that changes a result."""
        return (self.name, self.version())

    def session(self, process: Process) -> AbstractContextManager[SimulatorSession] | None:
        """A circuit held in memory, for sweeps of thousands of points; None where the simulator has
        none: every analysis is then a run."""
        return None


Factory = Callable[[], Simulator]
_FACTORIES: dict[str, Factory | str] = {
    DEFAULT_SIMULATOR: "codesign.spice.ngspice:NgspiceSimulator"
}


def register_simulator(name: str, factory: Factory | str) -> None:
    """Give a simulator a name for `$CODESIGN_SIMULATOR` and `use_simulator`: a class or function
    without arguments, or where one is, as "module:attribute"."""
    _FACTORIES[name] = factory


def known_simulators() -> tuple[str, ...]:
    """The registered names."""
    return tuple(sorted(_FACTORIES))


def find_simulator(name: str) -> Simulator:
    """A registered simulator by its name, or any as "module:attribute" (an instance, a class or a
    function without arguments). Raises InputError."""
    found: object = _FACTORIES.get(name, name if ":" in name else None)
    if found is None:
        raise InputError(
            f"there is no simulator {name!r}",
            remedy=f"known are {', '.join(known_simulators())}; name one of your own as "
            "module:attribute",
        )
    if isinstance(found, str):
        found = _attribute(found)
    if not isinstance(found, Simulator) and callable(found):
        found = found()
    if not isinstance(found, Simulator):
        raise InputError(
            f"{name!r} is no simulator but {type(found).__name__}",
            remedy="derive its class from codesign.spice.Simulator",
        )
    return found


def _attribute(where: str) -> object:
    module, _, attribute = where.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"the simulator {where!r} cannot be imported: {error}",
            remedy="put the file's folder on PYTHONPATH and write module:attribute",
        ) from error


class _Choice:
    """What `use_simulator` returns: a block at whose end the choice before counts again."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def __enter__(self) -> Simulator:
        return self.simulator

    def __exit__(self, *_: object) -> None:
        if self in _chosen:
            _chosen.remove(self)


# What is in use, the last one last: a choice of this process, as the working directory is.
_chosen: list[_Choice] = []


def use_simulator(simulator: Simulator | str) -> _Choice:
    """Simulate with this one from now on; in a `with` statement, to the end of the block."""
    found = find_simulator(simulator) if isinstance(simulator, str) else simulator
    choice = _Choice(found)
    _chosen.append(choice)
    return choice


def chosen_simulator() -> Simulator | None:
    """What `use_simulator` chose, else `$CODESIGN_SIMULATOR`, else None: what worker processes are
    handed. Raises InputError for a variable that names none."""
    if _chosen:
        return _chosen[-1].simulator
    name = os.environ.get(SIMULATOR_VARIABLE)
    return find_simulator(name) if name else None


def default_simulator() -> Simulator:
    """The one in use: what was chosen, else ngspice. Raises as `chosen_simulator`."""
    return chosen_simulator() or find_simulator(DEFAULT_SIMULATOR)
