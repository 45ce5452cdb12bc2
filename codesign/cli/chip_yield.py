"""`codesign yield DESIGN`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps


@click.command("yield")
@step_options
@click.option("--chips", "count", type=click.IntRange(1), help="How many.")
@click.option("--first", type=click.IntRange(1), help="Seed of the first chip.")
@click.option("--samples", type=click.IntRange(1), help="Test samples to run on each chip.")
@click.option(
    "--min-accuracy", type=click.FloatRange(0, 1), help="A good chip's accuracy, at least."
)
@click.option(
    "--max-rmse-ns",
    type=click.FloatRange(0, min_open=True),
    help="A good chip's error of output spike times, at most (ns, rms).",
)
def chip_yield(settings: StepSettings, **given: Any) -> Output:
    """Run chips with process and mismatch drawn, at the nominal biases: yield, distributions, and
    which devices make the difference.

    A row per chip in yield/chips.parquet as it finishes; interrupted, the command goes on where it
    was. Needs the fitted model and the trained weights.
    """
    from codesign.flow.steps import STEPS, YIELD

    overrides = {f"chips.{key}": value for key, value in given.items() if value is not None}
    design: Any = settings.network_design("yield", **overrides)
    output = run_steps(settings, design, "yield", "yield", (*STEPS, YIELD))
    found = output.data["steps"][-1]["summary"]
    low, high = found["yield_interval_95"]
    said = (
        f"{found['passed']} of {found['chips']} chips are good: {100 * found['yield']:.0f} % "
        f"({100 * low:.0f} to {100 * high:.0f} %, 95 % confidence)"
    )
    return Output(output.data, f"{output.text}\n{said}", output.error)
