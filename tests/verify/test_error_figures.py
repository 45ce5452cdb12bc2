"""Properties of the error figures, whatever the spike times."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from codesign.verify.metrics import (
    classes,
    energy_metrics,
    error_metrics,
    layer_errors,
    mapping_metrics,
)

NAN = np.nan
PHASE = 1e-6
SPIKES = arrays(float, (4, 3), elements=st.one_of(st.just(NAN), st.floats(0, 1.5e-6)))
OK = arrays(bool, 4)


@settings(max_examples=80, deadline=None)
@given(SPIKES, SPIKES, OK)
def test_model_and_circuit_trade_places(model, circuit, ok):
    one, other = (layer_errors(*pair, ok, PHASE) for pair in ((model, circuit), (circuit, model)))
    assert (one.compared, one.missed) == (other.compared, other.missed)
    np.testing.assert_array_equal(one.error_s, -other.error_s)
    fires = [np.isfinite(t) & (t < PHASE) for t in (model, circuit)]
    assert one.compared == (fires[0] | fires[1])[ok].sum()
    assert one.missed == (fires[0] ^ fires[1])[ok].sum()
    assert np.isfinite(one.error_s).sum() == one.compared
    assert not one.compared or one.rmse_ns <= one.max_abs_ns * (1 + 1e-12) <= 1000 * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(SPIKES, SPIKES)
def test_failed_samples_say_nothing(model, circuit):
    ok = np.array([True, False, True, False])
    scrambled = circuit.copy()
    scrambled[~ok] = NAN
    one, other = (layer_errors(model, times, ok, PHASE) for times in (circuit, scrambled))
    np.testing.assert_array_equal(one.error_s, other.error_s)
    np.testing.assert_array_equal(one.error_s[ok], layer_errors(model[ok], circuit[ok], ok[ok],
                                                                PHASE).error_s)  # fmt: skip


def test_figures_by_hand():
    model = np.array([[1e-7, 2e-7], [3e-7, NAN]])
    circuit = np.array([[1.03e-7, 2e-7], [NAN, NAN]])
    hidden = layer_errors(model, circuit, np.array([True, True]), PHASE)
    output = layer_errors(model, model + 4e-9, np.array([True, True]), PHASE)
    found = error_metrics([hidden, output])
    assert found["rmse_spike_time_ns"] == pytest.approx(4)
    assert found["rmse_hidden_spike_time_ns"] == pytest.approx(np.sqrt((9 + 1000**2) / 3))
    assert found["max_abs_error_ns"] == pytest.approx(1000)
    assert (found["spikes_compared"], found["spikes_missed"]) == (6, 1)


def test_several_hidden_layers_count_by_spike_not_by_layer():
    ok = np.array([True])
    wide = layer_errors(np.full((1, 4), 1e-7), np.full((1, 4), 1.01e-7), ok, PHASE)
    narrow = layer_errors(np.array([[1e-7]]), np.array([[1.1e-7]]), ok, PHASE)
    found = error_metrics([wide, narrow, narrow])["rmse_hidden_spike_time_ns"]
    assert found == pytest.approx(np.sqrt((4 * 1 + 100) / 5))


def test_network_without_hidden_layer_has_no_hidden_error():
    ok = np.array([True])
    only = layer_errors(np.array([[1e-7]]), np.array([[1e-7]]), ok, PHASE)
    assert error_metrics([only])["rmse_hidden_spike_time_ns"] is None


def test_unused_outputs_do_not_vote():
    times = np.array([[NAN, 9e-7, NAN, 1e-9, 2e-9], [NAN, NAN, NAN, 1e-9, 2e-9]])
    assert classes(times, 3).tolist() == [1, -1]
    assert classes(times, 5).tolist() == [3, 3]


def test_silence_is_never_a_right_answer():
    silent, ok = np.full((2, 3), NAN), np.array([True, True])
    errors = [layer_errors(silent, silent, ok, PHASE)]
    found = mapping_metrics(errors, silent, silent, np.array([0, 1]), ok, 3, [1.0])
    assert found["accuracy_model"] == found["accuracy_spice"] == 0
    assert found["prediction_agreement"] == 1


def test_nothing_simulated_is_null_and_still_json():
    times, ok = np.full((2, 3), 5e-7), np.array([False, False])
    errors = [layer_errors(times, np.full((2, 3), NAN), ok, PHASE)]
    found = mapping_metrics(
        errors, times, np.full((2, 3), NAN), np.array([0, 0]), ok, 3, (1.1, 0.9)
    ) | energy_metrics(np.full(2, NAN), np.full(2, NAN), ok, 50)
    read = json.loads(json.dumps(found, allow_nan=False))
    assert read["failed_simulations"] == 2 and read["scale"] == [1.1, 0.9]
    for key in ("rmse_spike_time_ns", "accuracy_spice", "energy_per_inference_J"):
        assert read[key] is None
    assert read["accuracy_model"] == 1
