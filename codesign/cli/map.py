"""`codesign map DESIGN --weights FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps
from codesign.units import format_quantity


@click.command("map")
@step_options
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Weights of a trained network: .safetensors or .npz, one (neurons, inputs) per layer.",
)
def map_weights(settings: StepSettings, weights: Path) -> Output:
    """Set the circuit's knobs to your weights: mapping/biases.csv and the trained netlist.

    Needs the fitted model; says what was clipped, too small for the circuit, or beyond
    the currents that its model was fitted to, and which arrays of the file were not used.
    """
    from codesign.flow.steps import GENERATE, map_step

    design: Any = settings.network_design("map")
    output = run_steps(settings, design, None, None, (GENERATE, map_step(weights)))
    summary = output.data["steps"][-1]["summary"]
    layers = zip(summary.get("arrays", ()), summary.get("layers", ()), strict=True)
    lines = [_said(name, layer) for name, layer in layers]
    if unused := summary.get("unused"):
        lines.append(f"not used: {', '.join(unused)}")
    return Output(output.data, "\n".join([output.text, *lines]), output.error)


def _said(name: str, reach: dict[str, Any]) -> str:
    tried = " to ".join(format_quantity(i, "A", 3) for i in reach["i_trials_A"])
    return (
        f"layer {reach['layer']}: {name}, {reach['synapses']} weights, {reach['clipped']} clipped "
        f"to the largest, {reach['below']} below the smallest ({reach['w_min']:.3g}) and off, "
        f"{reach['wrong_sign']} of a sign that the synapse does not have, "
        f"{reach['beyond_trials']} at currents outside those that the model was fitted to ({tried})"
    )
