"""`codesign verify DESIGN`."""

from __future__ import annotations

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps

MAPPINGS = {"pnn": ["pnn"], "ann": ["ann"], "both": ["pnn", "ann"]}


@click.command()
@step_options
@click.option("--samples", type=click.IntRange(1), help="Test samples to simulate.")
@click.option(
    "--mapping",
    type=click.Choice(list(MAPPINGS)),
    help="pnn: the fitted model, one scale; ann: the ideal baseline, two scales; or both.",
)
@click.option(
    "--corner",
    type=click.Choice(["tt", "ss", "ff", "sf", "fs"]),
    help="Transistor corner to simulate at, instead of the design's.",
)
@click.option(
    "--max-rmse-ns",
    type=click.FloatRange(0, min_open=True),
    help="Exit with 1 when the output layer's spike-time error is larger (ns, rms).",
)
def verify(
    settings: StepSettings,
    samples: int | None,
    mapping: str | None,
    corner: str | None,
    max_rmse_ns: float | None,
) -> Output:
    """Simulate the trained network in ngspice and compare it with the model, sample by sample."""
    design = settings.design(
        **{
            "verify.samples": samples,
            "verify.mappings": MAPPINGS[mapping] if mapping else None,
            "verify.corner": corner,
            "verify.max_rmse_ns": max_rmse_ns,
        }
    )
    return run_steps(settings, design, "verify", "verify")
