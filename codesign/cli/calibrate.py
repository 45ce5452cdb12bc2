"""`codesign calibrate DESIGN`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps
from codesign.errors import InputError


@click.command()
@step_options
@click.option("--chip", type=click.IntRange(1, 2**31 - 1), help="Seed of a chip in ngspice.")
@click.option(
    "--measured",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Spike times of a chip as CSV: pattern, layer (0: inputs), neuron, t_spike_s; a silent "
    "neuron's time is empty.",
)
@click.option(
    "--written",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The knobs with which it was measured, if not those of the nominal mapping: a biases.csv.",
)
@click.option(
    "--write-patterns",
    "patterns_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the input patterns to show a chip to this CSV, and stop.",
)
@click.option("--patterns", type=click.IntRange(1), help="At most so many input patterns.")
@click.option(
    "--observed",
    type=click.Choice(["all", "outputs"]),
    help="Whether hidden layers' spikes are seen.",
)
@click.option("--samples", type=click.IntRange(1), help="Test samples for the figures.")
def calibrate(
    settings: StepSettings,
    chip: int | None,
    measured: Path | None,
    written: Path | None,
    patterns_file: Path | None,
    **given: Any,
) -> Output:
    """Find out what one chip is from its spike times, and the biases that make it what was meant.

    The chip is one in ngspice (--chip SEED), or one that a tester measured (--measured FILE).
    Results are in calibrate/<chip>/ of the run directory. Needs the fitted model and the trained
    weights; test samples are not used but for the figures.
    """
    from codesign.flow.steps import STEPS, ChipSource, calibrate_step, patterns_step

    chosen = [one for one in (chip, measured, patterns_file) if one is not None]
    if len(chosen) != 1:
        raise InputError(
            "calibrate needs one of --chip, --measured and --write-patterns",
            remedy="codesign calibrate DESIGN --chip 1",
        )
    overrides = {f"chips.{key}": value for key, value in given.items() if value is not None}
    design: Any = settings.network_design("calibrate", **overrides)
    if patterns_file is not None:
        step = patterns_step(patterns_file)
    else:
        step = calibrate_step(ChipSource(chip, measured, written))
    output = run_steps(settings, design, step.name, step.name, (*STEPS, step))
    return Output(output.data, f"{output.text}\n{_said(output.data)}".strip(), output.error)


def _said(data: dict[str, Any]) -> str:
    found = data["steps"][-1]["summary"]
    if found.get("rms_ns_nominal") is None:
        return ""
    return (
        f"outputs off by {found['rms_ns_nominal']:.3g} ns rms as it was, "
        f"{found['rms_ns_identified']:.3g} ns from its own model, "
        f"{found['rms_ns_rewritten']:.3g} ns written again; accuracy "
        f"{100 * found['accuracy_chip']:.1f} -> {100 * found['accuracy_rewritten']:.1f} % "
        f"(meant: {100 * found['accuracy_nominal']:.1f} %)"
    )
