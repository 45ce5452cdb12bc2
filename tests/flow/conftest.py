"""A flow of three small steps, so that the runner is tested apart from what the steps do."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codesign.designs import Design
from codesign.errors import CheckFailed
from codesign.files import write_atomic
from codesign.flow import FlowReport, RunOptions, Step, StepContext, StepReport, run_flow
from codesign.progress import LineReporter


@dataclass
class Flow:
    """Runs toy steps a -> b -> c in a directory; keeps what ran and what was said."""

    run_dir: Path
    ran: list[str] = field(default_factory=list)
    said: str = ""
    hooks: dict[str, Callable[[StepContext], None]] = field(default_factory=dict)

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("a", "making a", self._work("a"), design=("network",), outputs=("a/*.txt",)),
            Step(
                name="b",
                title="making b",
                run=self._work("b"),
                design=("training.epochs",),
                inputs=("a/*.txt",),
                outputs=("b/out.txt",),
                excludes=("a/*.extra.txt",),
            ),
            Step(
                name="c",
                title="making c",
                run=self._work("c"),
                design=("verify.samples",),
                inputs=("b/out.txt",),
                outputs=("c/out.txt",),
                check=self._check,
            ),
        )

    def _work(self, name: str) -> Callable[[StepContext], StepReport]:
        def run(context: StepContext) -> StepReport:
            self.ran.append(name)
            if name in self.hooks:
                self.hooks[name](context)
            content = {"seed": context.seed, "network": context.design.value("network.layers")}
            write_atomic(context.path(name, "out.txt"), json.dumps(content))
            return StepReport({"by": name})

        return run

    def _check(self, context: StepContext) -> None:
        limit = context.design.verify.max_rmse_ns
        if limit is not None and limit < 1:
            raise CheckFailed("error is 1 ns")

    def run(self, design: Design, first: str | None = None, last: str | None = None, **options):
        self.ran, stream = [], io.StringIO()
        try:
            return run_flow(
                self.steps(),
                design,
                self.run_dir,
                RunOptions(first, last, reporter=LineReporter(stream), **options),
            )
        finally:
            self.said = stream.getvalue()

    def statuses(self, report: FlowReport) -> list[str]:
        return [step.status for step in report.steps]


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    return Flow(tmp_path / "run")


@pytest.fixture
def design() -> Design:
    return Design.from_text('name = "toy"\n[verify]\nsamples = 5\n', "toy.toml")
