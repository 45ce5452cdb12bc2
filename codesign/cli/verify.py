"""`codesign verify DESIGN`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

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
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your weights instead of trained ones: .safetensors or .npz, see `codesign map`.",
)
@click.option(
    "--budget",
    is_flag=True,
    help="Also print the error budget: what each of the model's terms moves, what is left.",
)
def verify(settings: StepSettings, weights: Path | None, budget: bool, **given: Any) -> Output:
    """Simulate the trained network in ngspice and compare it with the model, sample by sample."""
    output = _verified(settings, weights, given)
    if budget:
        from codesign.verify.budget_files import budget_text, read_budget

        found = read_budget(settings.directory(settings.design()))
        text = f"{output.text}\n{budget_text(found['budget'])}"
        return replace(output, data=output.data | found, text=text)
    return output


def _verified(settings: StepSettings, weights: Path | None, given: dict[str, Any]) -> Output:
    mapping = given.pop("mapping")
    overrides = {f"verify.{key}": value for key, value in given.items() if value is not None}
    if mapping:
        overrides["verify.mappings"] = MAPPINGS[mapping]
    if not overrides and weights is None:
        return run_steps(settings, settings.design(), "verify", "verify")
    from codesign.flow import steps_for
    from codesign.flow.steps import verify_step

    design = settings.network_design("verify", **overrides)
    steps = steps_for(design)
    if weights is not None:
        ours = verify_step(weights)
        steps = tuple(ours if step.name == "verify" else step for step in steps)
    return run_steps(settings, design, "verify", "verify", steps)
