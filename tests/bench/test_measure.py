"""What a frame reads off waveforms whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from codesign.bench import Frame, Setup, first_rise, rail_energy

SETUP = Setup()
TIMING = SETUP.timing
START = TIMING.frame(1, 2)
TIME = np.linspace(START, START + TIMING.t_period, 22001)
ACCUMULATE, FIRE = START + TIMING.t_accumulate, START + TIMING.t_fire
FRAME = Frame(SETUP, START)


def pulse(begin: float, end: float, high: float = 1.8) -> np.ndarray:
    return np.where((begin < TIME) & (end > TIME), high, 0.0)


def test_spikes_count_from_the_firing_phase() -> None:
    line = pulse(FIRE + 3e-7, FIRE + TIMING.t_phase)
    assert FRAME.spike(TIME, line) == pytest.approx(3e-7, abs=2e-10)
    # The same line seen as an input of the next layer, whose accumulation starts with this firing.
    assert Frame(SETUP, TIMING.frame(2, 2)).input_rise(TIME, line) == pytest.approx(3e-7, abs=2e-10)
    assert FRAME.input_rise(TIME, line) is None


def test_a_line_that_stays_low_or_rises_elsewhere_is_no_spike() -> None:
    assert FRAME.spike(TIME, np.zeros(len(TIME))) is None
    assert FRAME.spike(TIME, pulse(ACCUMULATE, ACCUMULATE + 1e-7)) is None
    assert FRAME.spike(TIME, pulse(FIRE + 1e-7, FIRE + 2e-7, high=0.8)) is None


def test_half_the_supply_decides() -> None:
    line = np.interp(TIME, [FIRE, FIRE + 1e-6], [0.0, 1.8])
    assert FRAME.spike(TIME, line) == pytest.approx(5e-7, abs=1e-10)
    low = Frame(SETUP.at(supply_V=1.2), START)
    assert low.spike(TIME, line) == pytest.approx(1e-6 / 3, abs=1e-10)


def test_an_edge_at_the_start_of_a_phase_belongs_to_it() -> None:
    line = pulse(FIRE - TIMING.t_edge, FIRE + 1e-7)
    assert FRAME.spike(TIME, line) == pytest.approx(-TIMING.t_edge, abs=2e-10)
    assert first_rise(TIME, pulse(FIRE - 3 * TIMING.t_edge, FIRE + 1e-7), FIRE, SETUP) is None


def test_first_of_several_rises() -> None:
    line = pulse(FIRE + 6e-7, FIRE + 7e-7) + pulse(FIRE + 2e-7, FIRE + 4e-7)
    assert FRAME.spike(TIME, line) == pytest.approx(2e-7, abs=2e-10)


def test_membranes_before_and_after_accumulation() -> None:
    gate = FIRE - TIMING.gate_lead
    membrane = np.interp(TIME, [ACCUMULATE, gate, gate + 1e-9], [1.3, 0.7, 1.0])
    assert FRAME.membrane_start(TIME, membrane) == pytest.approx(1.3)
    slope = 0.6 / (gate - ACCUMULATE)
    assert FRAME.membrane_end(TIME, membrane) == pytest.approx(0.7 + slope * 1e-9, abs=1e-6)


def test_energy_is_what_sources_deliver() -> None:
    wave = {"i(vvdd)": np.full(len(TIME), -2e-6), "i(vv0)": np.full(len(TIME), 1e-6)}
    rails = {"i(vvdd)": 1.8, "i(vv0)": 1.3}
    found = rail_energy(TIME, wave, rails, START, START + 1e-6)
    assert found == pytest.approx(1e-6 * (1.8 * 2e-6 - 1.3 * 1e-6), rel=1e-6)
