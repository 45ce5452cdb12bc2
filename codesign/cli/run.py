"""`codesign run DESIGN`."""

from __future__ import annotations

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps

STEP_NAMES = ["generate", "simulate", "fit", "train", "verify"]


@click.command()
@step_options
@click.option("--from", "first", type=click.Choice(STEP_NAMES), help="First step to run.")
@click.option("--to", "last", type=click.Choice(STEP_NAMES), help="Last step to run.")
def run(settings: StepSettings, first: str | None, last: str | None) -> Output:
    """Run the whole flow of a design, or part of it: generate, simulate, fit, train, verify; a
    design without a circuit has fewer.

    A step whose inputs have not changed is skipped and says so.
    """
    return run_steps(settings, settings.design(), first, last)
