"""Control waveforms of any timing that is accepted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.bench import Setup
from codesign.bench.stimulus import control_sources, pulse_source, supply_sources
from codesign.cells import NetworkParameters, PhaseTiming, layer_controls, toggle_points
from codesign.cells import RCSpikeNeuronParameters as NeuronParameters

SUPPLY_V = 1.8


@st.composite
def timings(draw) -> PhaseTiming:
    edge = draw(st.floats(1e-10, 2e-9))
    gap = st.floats(1.01, 30)
    reset_start = edge * draw(gap)
    gate_on = reset_start + edge * draw(gap)
    reset_end = gate_on + edge * draw(gap)
    accumulate = reset_end + edge * draw(gap)
    phase = draw(st.floats(2e-7, 5e-6))
    guard = edge * draw(gap)
    return PhaseTiming(
        t_phase=phase,
        t_reset_start=reset_start,
        t_gate_on=gate_on,
        t_reset_end=reset_end,
        t_accumulate=accumulate,
        gate_lead=edge * draw(gap),
        clamp_delay=edge * draw(gap),
        guard=guard,
        t_period=accumulate + 2 * phase + guard * draw(st.floats(1.01, 3)),
        t_edge=edge,
    )


def level(points: list[tuple[float, float]], times: np.ndarray) -> np.ndarray:
    return np.interp(times, *np.array(points).T)


@settings(max_examples=40, deadline=None)
@given(timings(), st.integers(0, 3))
def test_time_only_goes_forward(timing, layer):
    frames = [timing.frame(layer, k) for k in range(3)]
    for control in layer_controls(timing, gate=True, clamp=True):
        points = toggle_points(control, frames, SUPPLY_V, timing.t_edge)
        assert all(a[0] < b[0] for a, b in pairwise(points)), control.port
        # The clamp's last release may lie past the run; the last firing may not.
        if control.port in ("ph", "phb"):
            assert points[-1][0] < timing.run_length(layer + 1, 3)


@settings(max_examples=40, deadline=None)
@given(timings())
def test_complements_add_up_to_the_supply(timing):
    frames = [timing.frame(0, k) for k in range(2)]
    points = {
        c.port: toggle_points(c, frames, SUPPLY_V, timing.t_edge)
        for c in layer_controls(timing, gate=True, clamp=True)
    }
    times = np.linspace(0, timing.run_length(1, 2), 2001)
    for true, complement in (("ph", "phb"), ("gate", "gateb")):
        total = level(points[true], times) + level(points[complement], times)
        np.testing.assert_allclose(total, SUPPLY_V, rtol=1e-6)
    # Membrane and dendrite are apart before the input lines fall and while the clamp is on.
    clamped = level(points["clampb"], times) < 0.9
    assert (level(points["gate"], times)[clamped] < 0.9).all()
    assert (level(points["ph"], times) * level(points["gate"], times) < 0.25 * SUPPLY_V**2).all()


def test_published_neuron_gets_no_gate_and_no_clamp_signal():
    published = NeuronParameters(transmission_gate=False, clamp=False, discharge_hold=False)
    lines = control_sources(Setup(NetworkParameters(neuron=published)), [0.0])
    assert [line.split()[0] for line in lines] == ["vrstb", "vph", "vphb"]
    assert len(control_sources(Setup(), [0.0])) == 6


def test_supplies_are_the_voltages_of_the_neuron():
    neuron = NeuronParameters(v0=1.2, v_sense=0.9)
    lines = " | ".join(supply_sources(Setup(NetworkParameters(neuron=neuron))))
    for words in ("vvdd vdd 0 dc 1.8", "vv0 v0 0 dc 1.2", "vvsense vsense 0 dc 0.9"):
        assert words in lines


def test_number_of_spikes_and_frames_must_agree():
    with pytest.raises(ValueError, match="argument 2"):
        pulse_source("a", [1e-7, 2e-7], [0.0], PhaseTiming(), SUPPLY_V)
