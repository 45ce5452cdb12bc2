"""`codesign signoff DESIGN`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps


@click.command()
@step_options
@click.option("--samples", type=click.IntRange(1), help="Test samples to run at each condition.")
def signoff(settings: StepSettings, samples: int | None) -> Output:
    """Characterise, fit and verify the circuit at a grid of conditions: corners, temperatures,
    supplies, see [signoff] of the design.

    At each one the same weights get the biases that its own model gives; beside it stands what the
    nominal model and the nominal biases do there. A condition at which the circuit does not work is
    a row with its cause. Interrupted, the command goes on where it was.
    """
    from codesign.flow.steps import SIGNOFF, STEPS

    overrides = {} if samples is None else {"signoff.samples": samples}
    design: Any = settings.network_design("signoff", **overrides)
    output = run_steps(settings, design, "signoff", "signoff", (*STEPS, SIGNOFF))
    found = output.data["steps"][-1]["summary"]
    said = f"the circuit works at {found['works']} of {found['conditions']} conditions"
    if found["worst_rms_ns"] is not None:
        said += f"; worst output error {found['worst_rms_ns']:.3g} ns rms"
    return Output(output.data, f"{output.text}\n{said}", output.error)
