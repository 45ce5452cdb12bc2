"""`codesign run DESIGN`."""

from __future__ import annotations

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps

STEP_NAMES = ["generate", "simulate", "fit", "train", "verify"]


def _names(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    return [name for name in STEP_NAMES if name.startswith(start)]


@click.command()
@step_options
@click.option("--from", "first", metavar="STEP", help="First step to run.", shell_complete=_names)
@click.option("--to", "last", metavar="STEP", help="Last step to run.", shell_complete=_names)
def run(settings: StepSettings, first: str | None, last: str | None) -> Output:
    """Run the whole flow of a design, or part of it: generate, simulate, fit, train, verify; a
    design without a circuit has fewer, and one of your own may have others.

    A step whose inputs have not changed is skipped and says so.
    """
    return run_steps(settings, settings.design(), first, last)
