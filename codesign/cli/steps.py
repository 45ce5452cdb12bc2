"""What the step commands share: run part of the flow, say what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign.cli.options import StepSettings
from codesign.cli.output import Output

if TYPE_CHECKING:
    from codesign.designs.network import Design
    from codesign.flow import FlowReport


def run_steps(
    settings: StepSettings, design: Design, first: str | None, last: str | None
) -> Output:
    """Run the steps from `first` to `last` of a design with a progress display."""
    from codesign.flow import RunOptions, run_flow, steps_for
    from codesign.progress import reporter

    with reporter() as display:
        options = RunOptions(first, last, settings.force, settings.workers, display)
        report = run_flow(steps_for(design), design, settings.directory(design), options)
    return Output(report.as_json(), _describe(report), report.failure)


def _describe(report: FlowReport) -> str:
    lines = [f"{step.name:<9} {step.status}" for step in report.steps]
    if all(step.status == "up to date" for step in report.steps):
        lines.append(f"every step is up to date in {report.run_dir}")
    else:
        lines.append(f"results in {report.run_dir}")
    page = report.run_dir / "report.html"
    if any(step.name == "verify" for step in report.steps) and page.is_file():
        lines.append(f"report: {page}")
    return "\n".join(lines)
