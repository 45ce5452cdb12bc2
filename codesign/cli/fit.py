"""`codesign fit DESIGN`."""

from __future__ import annotations

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps


@click.command()
@step_options
def fit(settings: StepSettings) -> Output:
    """Fit the network model's parameters to the simulated tables."""
    return run_steps(settings, settings.design(), "fit", "fit")
