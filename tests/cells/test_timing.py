from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.bench.stimulus import pulse_source
from codesign.cells import PhaseTiming, edge_points, layer_controls, toggle_points


def test_layers_are_pipelined():
    timing = PhaseTiming()
    for layer in range(3):
        fires = timing.frame(layer, 4) + timing.t_fire
        assert fires == pytest.approx(timing.frame(layer + 1, 4) + timing.t_accumulate)


def test_controls_follow_each_other():
    timing = PhaseTiming()
    controls = {c.port: c.toggles for c in layer_controls(timing, gate=True, clamp=True)}
    reset_ends = controls["rstb"][1][0]
    gate_opens = controls["gate"][1][0]
    fires = controls["ph"][0][0]
    clamp_on, clamp_off = (time for time, _ in controls["clampb"])
    assert reset_ends < timing.t_accumulate < gate_opens < fires < clamp_on < clamp_off
    assert clamp_off < timing.t_period + controls["gate"][0][0]


@pytest.mark.parametrize("port", ["rstb", "gate", "clampb", "ph"])
def test_control_waveforms_rise_in_time(port):
    timing = PhaseTiming()
    frames = [timing.frame(1, k) for k in range(4)]
    control = {c.port: c for c in layer_controls(timing, gate=True, clamp=True)}[port]
    points = toggle_points(control, frames, 1.8, timing.t_edge)
    assert all(a[0] < b[0] for a, b in pairwise(points))
    assert {level for _, level in points} == {0.0, 1.8}


@given(st.lists(st.floats(2e-9, 1e-6), min_size=1, max_size=6, unique=True))
def test_edges_are_centred_and_end_at_the_last_level(times):
    times = sorted(times)
    if any(b - a < 2e-9 for a, b in pairwise(times)):
        return
    toggles = [(time, index % 2 == 0) for index, time in enumerate(times)]
    points = edge_points(False, toggles, 1.8, 1e-9)
    assert points[-1][1] == (1.8 if toggles[-1][1] else 0.0)
    assert points[1][0] == pytest.approx(times[0] - 0.5e-9)


def test_pulses_past_the_phase_are_no_spikes():
    timing = PhaseTiming()
    frames = [timing.frame(0, 0), timing.frame(0, 1)]
    silent = pulse_source("a", [None, 2e-6], frames, timing, 1.8)
    assert "1.8" not in silent
    assert "1.8" in pulse_source("a", [None, 0.5e-6], frames, timing, 1.8)


@pytest.mark.parametrize(
    "change", [{"t_period": 1e-6}, {"t_edge": 0.0}, {"t_reset_end": 1e-9}, {"gate_lead": 0.0}]
)
def test_phases_out_of_order_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        PhaseTiming(**change)
