"""What a step of the flow is: what it reads, what it writes, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from codesign.designs import DesignFile
from codesign.flow.shipped import find_input
from codesign.progress import ProgressCallback, silent
from codesign.spice import Workers

D = TypeVar("D", bound=DesignFile)


@dataclass(frozen=True)
class StepContext(Generic[D]):
    """All that a running step may look at. `run_dir` is the only place it may write to."""

    design: D
    run_dir: Path
    workers: Workers = 1
    progress: ProgressCallback = silent
    shipped: dict[str, str] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """Seed of the design."""
        return self.design.seed

    def path(self, *parts: str) -> Path:
        """A path in the run directory; its folder is made."""
        path = self.run_dir.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def input(self, name: str) -> Path:
        """A file of an earlier step, or the shipped one where no simulator could make it."""
        found = find_input(self.run_dir, self.design, name, self.shipped)
        return found if found is not None else self.run_dir / name


@dataclass(frozen=True)
class StepReport:
    """What a step says of itself: JSON-ready figures for the manifest and the command line."""

    summary: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step(Generic[D]):
    """One step: declared inputs and outputs, and the function that does the work.

    design: dotted keys of the design file that it reads (`timing`, `verify.samples`); files that
        these sections name, beside the design file or shipped, count with them, and the source of
        classes from outside the package that they are made of.
    inputs, outputs: paths or glob patterns inside the run directory.
    optional: patterns of files that decide the result where they are there.
    excludes: patterns that inputs and outputs leave out.
    shipped: inputs that the package brings along for its own designs (path below
        characterization/, `{design}` is the name), used where no simulator is installed.
    given: files from elsewhere that decide the result.
    code: what decides the result besides `run` and what its module imports, which count anyway;
        see `codesign.files.code_hash`.
    tools: programs and Python packages whose version decides the result.
    requires: those of the tools without which the step cannot start.
    check: a test of the outputs against the design's limits; runs on a skipped step too.
    help: one line for the command line, the title where it is left out.
    """

    name: str
    title: str
    run: Callable[[StepContext[D]], StepReport]
    design: tuple[str, ...]
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    shipped: dict[str, str] = field(default_factory=dict)
    given: tuple[Path, ...] = ()
    code: tuple[Any, ...] = ()
    tools: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    check: Callable[[StepContext[D]], None] | None = None
    help: str = ""
