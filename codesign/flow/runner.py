"""Runs the steps of the flow in a run directory; skips those that are up to date and says so."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic

import codesign
from codesign.errors import CheckFailed, DataError, InputError
from codesign.files import remove_partial_files, write_atomic
from codesign.flow.lock import locked
from codesign.flow.manifest import Manifest, StepRecord, read_manifest
from codesign.flow.state import hash_outputs, hash_reads, tool_versions, why_stale
from codesign.flow.step import D, Step, StepContext
from codesign.flow.tools import require
from codesign.progress import LineReporter, Reporter
from codesign.spice import Workers


@dataclass(frozen=True)
class StepOutcome:
    """What became of one step: why it ran (`reason`), which limit did not hold."""

    name: str
    status: str
    reason: str | None
    duration_s: float
    summary: dict[str, Any]
    failed_check: str | None = None


@dataclass(frozen=True)
class FlowReport:
    """What became of every selected step, in order."""

    design: str
    run_dir: Path
    steps: tuple[StepOutcome, ...]

    @property
    def failure(self) -> CheckFailed | None:
        """The checks that failed, as the error to raise; None when all held."""
        failed = [f"{s.name}: {s.failed_check}" for s in self.steps if s.failed_check]
        return CheckFailed("\n  ".join(failed)) if failed else None

    def as_json(self) -> dict[str, Any]:
        steps = [dataclasses.asdict(step) for step in self.steps]
        return {"design": self.design, "run_dir": str(self.run_dir), "steps": steps}


@dataclass(frozen=True)
class RunOptions:
    """Which steps run, and how. `first` and `last` name steps, both included."""

    first: str | None = None
    last: str | None = None
    force: bool = False
    workers: Workers = 1
    reporter: Reporter | None = field(default=None, compare=False)


def run_flow(
    steps: Sequence[Step[D]], design: D, run_dir: Path, options: RunOptions
) -> FlowReport:
    """Run the selected steps in order, each only when it is not up to date.

    Raises InputError (unknown step, missing input, directory in use or of another design) and
    whatever a step raises; the steps finished before stay recorded. Failed checks are in the
    report.
    """
    selected = select(steps, options.first, options.last)
    with locked(run_dir):
        remove_partial_files(run_dir)
        run = _Run(steps, design, run_dir, options)
        run.warn_of_stale(steps[: steps.index(selected[0])])
        write_atomic(run_dir / "design.toml", design.text)
        outcomes = tuple(run.step(step) for step in selected)
    return FlowReport(design.name, run_dir, outcomes)


def select(
    steps: Sequence[Step[D]], first: str | None, last: str | None
) -> Sequence[Step[D]]:
    """The steps from `first` to `last`, both included; None is the end on that side."""
    names = [step.name for step in steps]
    for name in (first, last):
        if name is not None and name not in names:
            raise InputError(f"unknown step {name!r}", remedy=f"steps: {', '.join(names)}")
    start = names.index(first) if first else 0
    stop = names.index(last) + 1 if last else len(names)
    if start >= stop:
        raise InputError(
            f"step {first} comes after {last}: nothing to run",
            remedy=f"the order is {', '.join(names)}",
        )
    return steps[start:stop]


class _Run(Generic[D]):
    """One locked pass over a run directory; holds the manifest as it grows."""

    def __init__(
        self, steps: Sequence[Step[D]], design: D, run_dir: Path, options: RunOptions
    ) -> None:
        self._steps, self._design, self._run_dir, self._options = steps, design, run_dir, options
        self._reporter = options.reporter or LineReporter(sys.stderr)
        self._manifest = self._open_manifest()

    def _open_manifest(self) -> Manifest:
        empty = Manifest(self._design.name, codesign.__version__)
        try:
            manifest = read_manifest(self._run_dir)
        except DataError as error:
            self._reporter.message(f"{error.message}; every step runs again")
            return empty
        if manifest is None:
            return empty
        if manifest.design != self._design.name:
            raise InputError(
                f"{self._run_dir} belongs to design {manifest.design}, not {self._design.name}",
                remedy="choose another directory with --run-dir",
            )
        return dataclasses.replace(manifest, codesign_version=codesign.__version__)

    def warn_of_stale(self, earlier: Sequence[Step[D]]) -> None:
        """Say which steps before the first selected one no longer fit the design."""
        for step in earlier:
            record = self._manifest.steps.get(step.name)
            if record is not None and (reason := self._why_stale(step, record)):
                self._reporter.message(f"{step.name}: out of date ({reason}), used as it is")

    def _why_stale(self, step: Step[D], record: StepRecord) -> str | None:
        try:
            reads = hash_reads(step, self._steps, self._design, self._run_dir)
        except InputError as error:
            return error.message
        return why_stale(record, reads, tool_versions(step), self._run_dir)

    def step(self, step: Step[D]) -> StepOutcome:
        reads = hash_reads(step, self._steps, self._design, self._run_dir)
        tools = tool_versions(step)
        record = self._manifest.steps.get(step.name)
        reason = why_stale(record, reads, tools, self._run_dir)
        if self._options.force and reason is None:
            reason = "forced"
        context = StepContext(
            self._design, self._run_dir, self._options.workers, self._reporter, step.shipped
        )
        if reason is None and record is not None:
            self._reporter.message(f"{step.name}: up to date")
            status, duration_s, summary = "up to date", record.duration_s, record.summary
        else:
            self._reporter.message(f"{step.name}: {step.title} ({reason})")
            status, record = "done", self._execute(step, context, reads, tools)
            duration_s, summary = record.duration_s, record.summary
            self._reporter.message(f"{step.name}: done in {duration_s:.1f} s")
        failed = _failed_check(step, context)
        return StepOutcome(step.name, status, reason, duration_s, summary, failed)

    def _execute(
        self, step: Step[D], context: StepContext[D], reads: dict[str, str], tools: dict[str, str]
    ) -> StepRecord:
        started, start_s = datetime.now(UTC), time.monotonic()
        require(*step.requires)
        report = step.run(context)
        record = StepRecord(
            reads=reads,
            outputs=hash_outputs(step, self._run_dir),
            tools=tools,
            seed=self._design.seed,
            started=started.isoformat(timespec="seconds"),
            duration_s=round(time.monotonic() - start_s, 3),
            summary=report.summary,
        )
        self._manifest = self._manifest.with_step(step.name, record)
        self._manifest.write(self._run_dir)
        return record


def _failed_check(step: Step[D], context: StepContext[D]) -> str | None:
    if step.check is None:
        return None
    try:
        step.check(context)
    except CheckFailed as failure:
        return failure.message
    return None
