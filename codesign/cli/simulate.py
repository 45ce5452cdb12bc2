"""`codesign simulate DESIGN`."""

from __future__ import annotations

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps


@click.command()
@step_options
def simulate(settings: StepSettings) -> Output:
    """Run the characterisation sweeps of the design's plan in ngspice."""
    return run_steps(settings, settings.design(), "simulate", "simulate")
