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
    lines = [
        f"layer {x['layer']}: {name}, {x['synapses']} weights, {x['clipped']} clipped to the "
        f"largest, {x['below']} below the smallest ({x['w_min']:.3g}) and off, {x['wrong_sign']} of a sign "
        f"that the synapse does not have, {x['beyond_trials']} at currents outside those that the "
        f"model was fitted to ({' to '.join(format_quantity(i, 'A', 3) for i in x['i_trials_A'])})"
        for name, x in zip(summary.get("arrays", ()), summary.get("layers", ()), strict=True)
    ]
    if unused := summary.get("unused"):
        lines.append(f"not used: {', '.join(unused)}")
    return Output(output.data, "\n".join([output.text, *lines]), output.error)
