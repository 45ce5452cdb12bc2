"""Netlist text of the sources that drive neurons: supplies, biases, phase controls, input
pulses."""

from __future__ import annotations

from collections.abc import Sequence

from codesign.bench.setup import Setup
from codesign.cells.names import layered
from codesign.cells.timing import PhaseTiming, edge_points, toggle_points
from codesign.spice.stimuli import dc, pwl


def supply_sources(setup: Setup) -> list[str]:
    """Sources v<node> of vdd and of every fixed bias; vss is tied to ground."""
    values = {"vdd": setup.supply_V, **setup.neuron.biases, **setup.synapse.static}
    return ["rvss vss 0 1e-3", *(f"v{node} {node} 0 {dc(value)}" for node, value in values.items())]


def control_sources(
    setup: Setup,
    frames: Sequence[float],
    layer: int | None = None,
    timing: PhaseTiming | None = None,
) -> list[str]:
    """Sources of one layer's phase controls over the given frame starts (s). `layer` None: of a
    single neuron."""
    timing = timing or setup.timing
    lines = []
    for control in setup.neuron.controls(timing):
        node = control.port if layer is None else layered(control.port, layer)
        points = toggle_points(control, frames, setup.supply_V, timing.t_edge)
        lines.append(f"v{node} {node} 0 {pwl(points)}")
    return lines


def static_controls(setup: Setup) -> list[str]:
    """Sources that hold every control of a single neuron where it is in the middle of firing."""
    timing = setup.timing
    middle = timing.t_fire + timing.t_phase / 2
    return [
        f"v{control.port} {control.port} 0 {control.level_at(middle, setup.supply_V):.12g}"
        for control in setup.neuron.controls(timing)
    ]


def pulse_source(
    node: str,
    spikes: Sequence[float | None],
    frames: Sequence[float],
    timing: PhaseTiming,
    supply_V: float,
) -> str:
    """Source of one input: in each frame high from its spike (s after accumulation starts; None or
    a time past the phase: no spike) until the phase ends."""
    toggles: list[tuple[float, bool]] = []
    for frame, spike in zip(frames, spikes, strict=True):
        if spike is not None and spike < timing.t_phase - 2 * timing.t_edge:
            start = frame + timing.t_accumulate
            toggles += [(start + spike, True), (start + timing.t_phase, False)]
    return f"v{node} {node} 0 {pwl(edge_points(False, toggles, supply_V, timing.t_edge))}"
