from __future__ import annotations

import numpy as np
import pytest

from codesign.verify.metrics import classes, energy_metrics, layer_errors, mapping_metrics

NAN = np.nan
PHASE = 1e-6
OK = np.array([True, True])


def test_neuron_silent_in_both_counts_nowhere():
    silent = np.array([[NAN, 5e-7], [NAN, NAN]])
    errors = layer_errors(silent, silent, OK, PHASE)
    assert errors.compared == 1 and errors.missed == 0 and errors.rmse_ns == 0


def test_spike_on_one_side_is_an_error_of_a_phase():
    model = np.array([[5e-7, NAN], [NAN, NAN]])
    circuit = np.array([[NAN, 5e-7], [NAN, NAN]])
    errors = layer_errors(model, circuit, OK, PHASE)
    assert errors.missed == errors.compared == 2
    assert errors.rmse_ns == pytest.approx(1000)


def test_spike_after_the_window_is_silence():
    errors = layer_errors(np.array([[1.1e-6]]), np.array([[NAN]]), OK[:1], PHASE)
    assert errors.compared == 0


def test_failed_samples_are_left_out_and_counted():
    times = np.array([[5e-7], [5e-7]])
    ok = np.array([True, False])
    errors = layer_errors(times + 1e-9, times, ok, PHASE)
    assert errors.compared == 1 and errors.rmse_ns == pytest.approx(1)
    found = mapping_metrics([errors], times, times, np.array([0, 0]), ok, 1, [1.0])
    assert found["failed_simulations"] == 1
    energy = energy_metrics(np.array([1e-11, NAN]), np.array([1e-12, NAN]), ok, synapses=50)
    assert energy["energy_per_inference_J"] == pytest.approx(1e-11)
    assert energy["energy_of_controls_J"] == pytest.approx(1e-12)
    assert energy["energy_per_synaptic_operation_J"] == pytest.approx(2e-13)
    assert energy["efficiency_tops_per_W"] == pytest.approx(10.0)


def test_earliest_of_the_class_outputs_wins():
    times = np.array([[3e-7, 2e-7, 1e-7], [NAN, NAN, 1e-7]])
    assert classes(times, 2).tolist() == [1, -1]


def test_nothing_fired_is_null_not_nan():
    silent = np.full((2, 1), NAN)
    errors = layer_errors(silent, silent, OK, PHASE)
    found = mapping_metrics([errors], silent, silent, np.array([0, 0]), OK, 1, [1.0])
    assert found["rmse_spike_time_ns"] is None and found["max_abs_error_ns"] is None
