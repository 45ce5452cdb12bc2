"""How a simulation ended and what it gave: status, waveforms, attempts, what is left to look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from codesign.errors import InputError, SimulationError
from codesign.pdk import Conditions
from codesign.spice.analysis import Analysis, DCSweep, Transient, vector_name


class Status(StrEnum):
    """How a simulation ended. A failed one is a row with a status, never a missing row."""

    OK = "ok"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    NO_CONVERGENCE = "no_convergence"
    TRUNCATED = "truncated"
    PARSE_ERROR = "parse_error"


@dataclass(frozen=True)
class Attempt:
    """One rung of the retry ladder: what was changed, how it ended, how long it took."""

    change: str
    status: Status
    duration_s: float


@dataclass(frozen=True)
class Result:
    """Outcome of a simulation. `waveforms` maps `time` (or `sweep`, `outer`) and the saved vectors,
    by the names they were asked for, to float arrays; empty unless the status is ok or
    truncated."""

    status: Status
    waveforms: dict[str, np.ndarray]
    attempts: tuple[Attempt, ...]
    duration_s: float
    log_tail: str
    workdir: Path | None
    conditions: Conditions
    title: str
    cached: bool = False

    @property
    def ok(self) -> bool:
        """Whether the simulation reached its end."""
        return self.status is Status.OK

    @property
    def relaxed(self) -> bool:
        """Whether only the least accurate rung of the ladder succeeded."""
        return self.ok and len(self.attempts) > 2

    def require(self) -> dict[str, np.ndarray]:
        """The waveforms of a complete simulation. Raises SimulationError otherwise."""
        if self.ok:
            return self.waveforms
        where = f"deck {self.workdir / 'deck.spice'}" if self.workdir else f"deck {self.title!r}"
        tried = "; ".join(f"{a.change}: {a.status}" for a in self.attempts)
        raise SimulationError(
            f"{where} ({self.title}; corner {self.conditions.corner}, "
            f"{self.conditions.temperature_C:g} C, variation {self.conditions.variation}, "
            f"seed {self.conditions.seed}) ended with {self.status} after {self.duration_s:.1f} s"
            f"\n  attempts: {tried}\n  " + self.log_tail.replace("\n", "\n  "),
            remedy=f"repeat it by hand: sh {self.workdir / 'run.sh'}" if self.workdir else None,
        )


def collect(
    vectors: dict[str, np.ndarray], analysis: Analysis
) -> tuple[dict[str, np.ndarray], bool]:
    """Waveforms by the names asked for, and whether the analysis reached its end.

    `vectors` has ngspice's names, the independent variable first. Raises InputError when a saved
    vector is not among them (ngspice only warns about a node that does not exist).
    """
    by_name = {vector_name(name): values for name, values in vectors.items()}
    missing = [name for name in analysis.save if vector_name(name) not in by_name]
    if missing:
        raise InputError(
            f"the circuit has no vector {', '.join(missing)}",
            remedy="check node and source names; a subcircuit's node is v(instance.node)",
        )
    waveforms = {name: by_name[vector_name(name)].astype(float) for name in analysis.save}
    if isinstance(analysis, Transient):
        time_s = by_name["time"].astype(float)
        complete = time_s.size > 0 and time_s[-1] >= analysis.stop_s * (1 - 1e-6)
        return {"time": time_s, **waveforms}, bool(complete)
    if isinstance(analysis, DCSweep):
        points = int(np.prod(analysis.shape))
        inner = analysis.start + analysis.step * np.arange(analysis.shape[-1])
        complete = all(w.size == points for w in waveforms.values())
        if complete:
            waveforms = {n: w.reshape(analysis.shape) for n, w in waveforms.items()}
        axes = {"sweep": inner}
        if analysis.outer:
            axes["outer"] = analysis.outer[1] + analysis.outer[3] * np.arange(analysis.shape[0])
        return {**axes, **waveforms}, complete
    return waveforms, True
