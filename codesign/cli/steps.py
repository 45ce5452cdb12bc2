"""Step commands, made from the flow's steps: run part of the flow, say what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output

if TYPE_CHECKING:
    from codesign.designs import DesignFile
    from codesign.flow import FlowReport, Step


def step_command(name: str, text: str) -> click.Command:
    """The command of one step, which every kind of design that has it shares."""

    @click.command(name, help=text)
    @step_options
    def command(settings: StepSettings) -> Output:
        return run_steps(settings, settings.design(), name, name)

    return command


def run_steps(
    settings: StepSettings,
    design: DesignFile,
    first: str | None,
    last: str | None,
    steps: tuple[Step[Any], ...] | None = None,
) -> Output:
    """Run the steps from `first` to `last` of a design with a progress display. `steps`: instead of
    those of its kind."""
    from codesign.flow import RunOptions, run_flow, steps_for
    from codesign.progress import reporter

    with reporter() as display:
        options = RunOptions(first, last, settings.force, settings.jobs, display)
        chosen = steps_for(design) if steps is None else steps
        report = run_flow(chosen, design, settings.directory(design), options)
    return Output(report.as_json(), _describe(report), report.failure)


def _describe(report: FlowReport) -> str:
    lines = []
    for step in report.steps:
        lines.append(f"{step.name:<9} {step.status}")
        lines += [f"{'':<9} {doubt}" for doubt in step.summary.get("doubts", ())]
    if all(step.status == "up to date" for step in report.steps):
        lines.append(f"every step is up to date in {report.run_dir}")
    else:
        lines.append(f"results in {report.run_dir}")
    page = report.run_dir / "report.html"
    if any(step.name in ("fit", "verify") for step in report.steps) and page.is_file():
        lines.append(f"report: {page}")
    return "\n".join(lines)
