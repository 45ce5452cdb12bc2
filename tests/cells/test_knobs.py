"""Knobs: their values, what turns them off, and what a synapse says of itself through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.cells import (
    Crossbar,
    CrossbarParameters,
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
    Knob,
    ResistiveSynapse,
    ResistiveSynapseParameters,
)
from codesign.errors import InputError

BIAS = Knob("bn", True, off=0.0, low=0.2, high=0.8)
VALUE = Knob("g_n", False, off=1e-15, low=1e-9, high=2e-6, unit="S")


def test_biases_are_steps_apart_and_both_ends_included() -> None:
    assert BIAS.values(1.8) == tuple(v / 1000 for v in range(200, 801, 20))
    assert replace(BIAS, step=0.25).values(1.8) == (0.2, 0.45, 0.7)


def test_device_values_are_even_in_log() -> None:
    values = np.array(VALUE.values(1.8))
    assert len(values) == VALUE.points == 24
    assert values[[0, -1]] == pytest.approx([1e-9, 2e-6])
    np.testing.assert_allclose(np.diff(np.log(values)), np.log(2000) / 23)
    assert len(replace(VALUE, points=6).values(1.8)) == 6


def test_the_supply_may_be_off_or_an_end() -> None:
    knob = Knob("bp", True, off="supply", low=1.0, high="supply", step=0.1)
    assert knob.off_at(1.5) == 1.5 and knob.off_at(1.8) == 1.8
    assert knob.values(1.5)[-1] == 1.5 and knob.values(1.2) == (1.0, 1.1, 1.2)
    assert BIAS.off_at(1.5) == 0.0


@pytest.mark.parametrize(("low", "high"), [(0.8, 0.2), (0.5, 0.5), ("supply", 1.0)])
def test_an_empty_range_is_named(low: float, high: float) -> None:
    with pytest.raises(InputError, match="knob bn: its range"):
        replace(BIAS, low=low, high=high).values(1.8)


@given(low=st.floats(0.0, 0.9), span=st.floats(0.021, 0.9), step=st.floats(0.005, 0.05))
def test_biases_rise_inside_their_range(low: float, span: float, step: float) -> None:
    values = np.array(replace(BIAS, low=low, high=low + span, step=step).values(1.8))
    assert (np.diff(values) > 0).all() and (np.round(values, 9) == values).all()
    assert values[0] == pytest.approx(low, abs=1e-9) and values[-1] < low + span + 1e-6


def test_synapses_say_what_their_knobs_are() -> None:
    biased = CurrentSourceSynapse(CurrentSourceSynapseParameters())
    valued = ResistiveSynapse(ResistiveSynapseParameters(g_max=5e-6))
    assert biased.bias_knobs.keys() == {"n", "p"} and not biased.value_knobs
    assert valued.value_knobs.keys() == {"n", "p"} and not valued.bias_knobs
    assert biased.signs == valued.signs == "both"
    assert biased.off_values == {} and valued.off_values == {"g_n": 1e-15, "g_p": 1e-15}
    assert {knob.high for knob in valued.knobs.values()} == {5e-6}
    assert set(biased.role_ports) == {"dend", "sp", "spb", "vdd", "vss"}


@pytest.mark.parametrize(("kept", "signs"), [("n", "positive"), ("p", "negative")])
def test_a_crossbar_has_ports_for_the_polarities_that_there_are(
    kept: str, signs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = CurrentSourceSynapse.knobs.fget  # type: ignore[attr-defined]

    def one(self: CurrentSourceSynapse) -> Mapping[str, Knob]:
        return {kept: known(self)[kept]}

    monkeypatch.setattr(CurrentSourceSynapse, "knobs", property(one))
    crossbar = Crossbar(CrossbarParameters(rows=2, columns=1))
    assert crossbar.synapse.signs == signs
    assert crossbar.knob_ports(1, 2) == {kept: f"b{kept}_1_2"}
    knobs = [port.name for port in crossbar.ports if port.direction == "bias"]
    assert knobs == [f"b{kept}_1_1", f"b{kept}_1_2"]


def test_a_crossbar_of_device_values_has_no_bias_ports() -> None:
    crossbar = Crossbar(CrossbarParameters(rows=2, columns=3, synapse=ResistiveSynapseParameters()))
    assert not [port for port in crossbar.ports if port.direction == "bias"]
    assert list(crossbar.places()) == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    assert crossbar.schematic.text.count("g_n=1e-15 g_p=1e-15") == 6
