"""`codesign generate DESIGN`."""

from __future__ import annotations

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps


@click.command()
@step_options
def generate(settings: StepSettings) -> Output:
    """Write the netlists of the design's cells, crossbars and network; in the layout view also
    draw, check (design rules, schematic, ports) and extract them."""
    return run_steps(settings, settings.design(), "generate", "generate")
