"""`codesign train DESIGN`."""

from __future__ import annotations

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps


@click.command()
@step_options
def train(settings: StepSettings) -> Output:
    """Train the network with the fitted parameters inside, and the ideal baseline."""
    return run_steps(settings, settings.design(), "train", "train")
