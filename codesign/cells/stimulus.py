"""Netlist text of the sources that drive neurons: supplies, biases, phase controls, input
pulses."""

from __future__ import annotations

from collections.abc import Sequence

from codesign.cells.rc_spike_neuron import RCSpikeNeuronParameters
from codesign.cells.timing import PhaseTiming, edge_points, layer_controls, toggle_points
from codesign.spice.stimuli import dc, pwl


def supply_sources(neuron: RCSpikeNeuronParameters, supply_V: float) -> list[str]:
    """Sources v<node> of vdd, v0, vdis and vsense; vss is tied to ground."""
    values = {
        "vdd": supply_V,
        "v0": neuron.v0,
        "vdis": neuron.v_discharge,
        "vsense": neuron.v_sense,
    }
    return ["rvss vss 0 1e-3", *(f"v{node} {node} 0 {dc(value)}" for node, value in values.items())]


def control_sources(
    neuron: RCSpikeNeuronParameters,
    timing: PhaseTiming,
    frames: Sequence[float],
    supply_V: float,
    suffix: str = "",
) -> list[str]:
    """Sources of one layer's phase controls over the given frame starts (s)."""
    controls = layer_controls(timing, gate=neuron.transmission_gate, clamp=neuron.clamp)
    return [
        f"v{control.port}{suffix} {control.port}{suffix} 0 "
        + pwl(toggle_points(control, frames, supply_V, timing.t_edge))
        for control in controls
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
