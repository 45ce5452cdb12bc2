"""`codesign map DESIGN --weights FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from codesign.cli.options import StepSettings, step_options
from codesign.cli.output import Output
from codesign.cli.steps import run_steps


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

    Needs the fitted model; says what was clipped or too small for the circuit.
    """
    from codesign.flow.steps import GENERATE, map_step

    design: Any = settings.network_design("map")
    output = run_steps(settings, design, None, None, (GENERATE, map_step(weights)))
    layers = output.data["steps"][-1]["summary"].get("layers", [])
    lines = [
        f"layer {x['layer']}: {x['synapses']} weights, {x['clipped']} clipped to the largest, "
        f"{x['below']} below the smallest ({x['w_min']:.3g}) and off, {x['wrong_sign']} of a sign "
        "that the synapse does not have"
        for x in layers
    ]
    return Output(output.data, "\n".join([output.text, *lines]), output.error)
