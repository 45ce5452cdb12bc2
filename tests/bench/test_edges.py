"""Waveforms of lines and neighbours as few points."""

from __future__ import annotations

import numpy as np
import pytest

from codesign.bench import LineEdges, NeighbourWave, Setup
from codesign.bench.edges import line_points, measured_edges, neighbour_points

SETUP = Setup()
TIMING = SETUP.timing
T_S = np.arange(0, 60e-9, 3.7e-12)


def smooth(at_s: float, rising: bool) -> np.ndarray:
    wave = 0.9 * (1 + np.tanh((T_S - at_s) / 80e-12))
    return wave if rising else 1.8 - wave


@pytest.fixture
def edges() -> LineEdges:
    up, down = smooth(20e-9, True), smooth(50e-9, False)
    line = np.minimum(up, down)
    return measured_edges(T_S, {"sp": line, "spb": 1.8 - line}, 20e-9, 50e-9, 1.8)


def test_edges_are_few_points_that_cross_where_the_line_did(edges) -> None:
    assert edges.delay_s(1.8) == pytest.approx(0.0, abs=10e-12)
    for line, low, high in (("sp", 0.0, 1.8), ("spb", 1.8, 0.0)):
        rise, fall = edges.rise[line], edges.fall[line]
        assert len(rise) <= 8 and len(fall) <= 8
        assert (rise[0, 1], rise[-1, 1]) == (low, high) == (fall[-1, 1], fall[0, 1])
        exact = np.interp(rise[1:-1, 0] + 20e-9, T_S, smooth(20e-9, line == "sp"))
        np.testing.assert_allclose(rise[1:-1, 1], exact, atol=1e-6)


def test_edges_survive_storing(edges) -> None:
    again = LineEdges.of_arrays(edges.arrays() | {"t_s": np.zeros(2)})
    assert again is not None
    np.testing.assert_array_equal(again.rise["spb"], edges.rise["spb"])
    assert LineEdges.of_arrays({"t_s": np.zeros(2)}) is None


def test_a_line_rises_at_its_spikes_and_falls_with_the_phase(edges) -> None:
    frames = [TIMING.frame(0, k) for k in range(3)]
    spikes = [3e-7, np.nan, 1.3e-7]
    points = np.array(line_points(SETUP, "sp", edges, spikes, frames))
    assert (np.diff(points[:, 0]) > 0.9e-12).all()
    for frame, spike in zip(frames, spikes, strict=True):
        start = frame + TIMING.t_accumulate
        before, after = np.interp([start + 1e-9, start + 9e-7], *points.T)
        assert before == pytest.approx(0.0, abs=1e-9)
        assert after == pytest.approx(0.0 if np.isnan(spike) else 1.8, abs=1e-9)
        if not np.isnan(spike):
            assert np.interp(start + spike, *points.T) == pytest.approx(0.9, abs=0.2)
    complement = line_points(SETUP, "spb", edges, [np.nan], frames[:1])
    assert complement == [(0.0, 1.8)]
    assert line_points(SETUP, "sp", None, spikes, frames) == [(0.0, 0.0)]


def test_a_late_spike_is_cut_short_and_points_stay_in_order(edges) -> None:
    late = [TIMING.t_phase - 2.1e-9, TIMING.t_phase - 1e-12]
    frames = [TIMING.frame(0, k) for k in range(2)]
    times = [t for t, _ in line_points(SETUP, "sp", edges, late, frames)]
    assert (np.diff(times) > 0).all() and max(times) < frames[1]


def test_an_isolated_dendrite_is_held_while_the_membrane_fires() -> None:
    wave = NeighbourWave(np.array([0.0, 5e-7, 1e-6]), np.array([1.3, 1.0, 0.8]), 4e-7)
    frames = [0.0, TIMING.t_period]
    dendrite = np.array(neighbour_points(SETUP, [wave, wave], frames, membrane=False)).T
    membrane = np.array(neighbour_points(SETUP, [wave, wave], frames, membrane=True)).T
    middle = TIMING.t_accumulate + 5e-7
    firing = TIMING.t_fire + 4e-7
    for start in frames:
        for points in (dendrite, membrane):
            assert np.interp(start + middle, *points) == pytest.approx(1.0, abs=1e-3)
        assert np.interp(start + firing, *dendrite) == pytest.approx(1.3)
        # It passes the threshold when the neuron fires.
        assert np.interp(start + firing, *membrane) == pytest.approx(1.3 / 3, abs=1e-2)
