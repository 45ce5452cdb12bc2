"""Analyses as typed records, and how ngspice writes them and names their vectors."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from codesign.errors import InputError

_SAVE = re.compile(
    r"(?:v\([A-Za-z0-9_.#]+\)|i\([A-Za-z0-9_.#]+\)|@[A-Za-z0-9_.#:]+\[[A-Za-z0-9_]+\])\Z"
)
_SOURCE = re.compile(r"[VIvi][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*\Z")


@dataclass(frozen=True)
class Transient:
    """Transient analysis from 0 to `stop_s` with steps of at most `max_step_s`.

    `save` names vectors: `v(x1.mem)` (node `mem` of instance `x1`), `i(vdd)` (current into the plus
    terminal of a source), `@m.x1.m1[id]`. Rows before `start_save_s` are not kept. `uic` skips the
    operating point and starts from the netlist's initial conditions.
    """

    stop_s: float
    max_step_s: float
    save: tuple[str, ...]
    start_save_s: float = 0.0
    uic: bool = False

    def __post_init__(self) -> None:
        _check_save(self.save)
        if not (0 < self.max_step_s <= self.stop_s < math.inf):
            raise InputError(
                f"transient with stop {self.stop_s:g} s and step {self.max_step_s:g} s: "
                "needs 0 < step <= stop"
            )
        if not 0 <= self.start_save_s < self.stop_s:
            raise InputError(f"start_save_s {self.start_save_s:g} is not within the transient")

    @property
    def axis(self) -> str:
        """Name of the independent variable in the result."""
        return "time"

    def command(self, *, step_divisor: int = 1) -> str:
        """The analysis as ngspice writes it, without the leading dot."""
        step = self.max_step_s / step_divisor
        uic = " uic" if self.uic else ""
        return f"tran {step:.9g} {self.stop_s:.9g} {self.start_save_s:.9g} {step:.9g}{uic}"


@dataclass(frozen=True)
class DCSweep:
    """Sweep of a source from `start` to `stop` (both included) in steps of `step`; optionally of a
    second source `outer` = (name, start, stop, step) around it.

    Results: `sweep` (values of the source) and one array per saved vector, shape (points,), or
    (outer points, points) with `outer` (values of the outer source) beside them.
    """

    source: str
    start: float
    stop: float
    step: float
    save: tuple[str, ...]
    outer: tuple[str, float, float, float] | None = None

    def __post_init__(self) -> None:
        _check_save(self.save)
        axes = [(self.source, self.start, self.stop, self.step)]
        axes += [self.outer] if self.outer else []
        for source, start, stop, step in axes:
            if not _SOURCE.match(source):
                raise InputError(f"{source!r} is not the name of a voltage or current source")
            if not all(map(math.isfinite, (start, stop, step))) or step * (stop - start) <= 0:
                raise InputError(
                    f"sweep of {source} from {start:g} to {stop:g} by {step:g} never ends"
                )

    @property
    def axis(self) -> str:
        """Name of the independent variable in the result."""
        return "sweep"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result's arrays."""
        inner = (_points(self.start, self.stop, self.step),)
        return (_points(*self.outer[1:]), *inner) if self.outer else inner

    def command(self, *, step_divisor: int = 1) -> str:
        """The analysis as ngspice writes it; the sweep's points are the same for every divisor."""
        axes = [(self.source, self.start, self.stop, self.step)]
        axes += [self.outer] if self.outer else []
        # Half a step beyond the end, or rounding may lose the last point.
        return "dc " + " ".join(
            f"{s} {a:.12g} {a + (_points(a, b, d) - 0.5) * d:.12g} {d:.12g}" for s, a, b, d in axes
        )


@dataclass(frozen=True)
class OperatingPoint:
    """One DC operating point; every saved vector is an array of one value."""

    save: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_save(self.save)

    @property
    def axis(self) -> None:
        """An operating point has no independent variable."""
        return None

    def command(self, *, step_divisor: int = 1) -> str:
        """The analysis as ngspice writes it."""
        return "op"


Analysis = Transient | DCSweep | OperatingPoint


def vector_name(name: str) -> str:
    """ngspice's own name of a vector: `v(a)` is `a`, `i(v1)` is `v1#branch`, in lower case."""
    lower = name.lower()
    match = re.fullmatch(r"([vi])\((.*)\)", lower)
    if match is None:
        return lower
    inner = match[2]
    return f"{inner}#branch" if match[1] == "i" and not inner.startswith("@") else inner


def _points(start: float, stop: float, step: float) -> int:
    return math.floor((stop - start) / step + 1e-6) + 1


def _check_save(save: tuple[str, ...]) -> None:
    if isinstance(save, str) or not save:
        raise InputError(
            "an analysis needs a tuple of vectors to save, such as ('v(out)', 'i(vdd)')"
        )
    for name in save:
        if not _SAVE.match(name):
            raise InputError(
                f"{name!r} is not a vector to save",
                remedy="write v(node), i(source) or @device[param]",
            )
