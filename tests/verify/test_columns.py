"""Networks simulated column by column: against the whole, in part, and where they cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from codesign.bench import CellViews, Setup
from codesign.cells import NetworkParameters, View
from codesign.mapping import knob_layers
from codesign.verify.chips import chip_setup
from codesign.verify.circuit import CircuitResult, TrainedCircuit, simulate_samples
from codesign.verify.columns import ColumnRunner, simulate_columns
from codesign.verify.metrics import layer_errors
from codesign.verify.sampled import cut_metrics, sample_metrics
from codesign.verify.simulation import NetworkRunner

WEIGHTS = [np.array([[0.5, 0.2], [0.3, 0.3]]), np.array([[0.6, -0.1]])]
SAMPLES_S = np.array([[2e-7, 1e-7], [0.0, 4e-7]])
WARMUP_S = np.array([1e-7, 1e-7])


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("columns-cache")


@pytest.fixture(scope="module")
def drawn(model) -> TrainedCircuit:
    """Two layers, as they are drawn."""
    setup = Setup(NetworkParameters(layers=(2, 2, 1)), views=CellViews(View.LAYOUT), name="toy")
    return TrainedCircuit(setup, knob_layers(WEIGHTS, model))


@pytest.fixture(scope="module")
def by_columns(drawn, model, cache, requires_ngspice, requires_models) -> CircuitResult:
    return simulate_columns(drawn, model, SAMPLES_S, WARMUP_S, ColumnRunner(cache, 2))


def test_columns_are_the_whole_network(drawn, by_columns, cache):
    whole = simulate_samples(drawn, SAMPLES_S, WARMUP_S, cache_dir=cache, chunk=2, workers=1)
    assert (by_columns.status == "ok").all() and np.isfinite(by_columns.t_spike_s[0]).all()
    found = cut_metrics(by_columns, whole)
    assert found["samples"] == 2 and found["spikes_missed"] == 0
    assert found["rms_ns"] < 0.02 and found["max_ns"] < 0.04
    # The energy counts every driver once, with and without the line's load.
    np.testing.assert_allclose(by_columns.energy_J, whole.energy_J, rtol=0.01)
    # A tenth of it, integrated over pulses of a nanosecond at the simulator's own steps.
    np.testing.assert_allclose(by_columns.control_J, whole.control_J, rtol=0.1)
    # Three neurons' controls: some 10 fF each at 1.8 V, twice per sample.
    assert (by_columns.control_J > 1e-14).all()
    assert (by_columns.control_J < 0.5 * by_columns.energy_J).all()
    for layer in (0, 1):
        ours, theirs = by_columns.v_mem_V[:, layer, 0], whole.v_mem_V[:, layer, 0]
        np.testing.assert_allclose(ours[:, 60:1050], theirs[:, 60:1050], atol=0.02)


def test_columns_of_a_chip_are_the_whole_chip(drawn, model, cache, requires_ngspice):
    """A layout whose neurons do what no model says, so that their neighbours are run first."""
    chip = replace(drawn, setup=chip_setup(drawn.setup, 7))
    labels: list[str] = []
    runners = [
        NetworkRunner(model, WARMUP_S, whole, cache, 2, lambda *said: labels.append(said[2]))
        for whole in (False, True)
    ]
    columns, whole = (runner.run(chip, SAMPLES_S, "chip 7") for runner in runners)
    nominal = NetworkRunner(model, WARMUP_S, False, cache, 2).run(drawn, SAMPLES_S, "nominal")
    found, moved = cut_metrics(columns, whole), cut_metrics(columns, nominal)
    assert found["spikes_missed"] == 0 and found["rms_ns"] < 0.05
    assert moved["rms_ns"] > 5.0
    assert set(labels) == {"chip 7", "chip 7, neighbours as found"}


def test_columns_that_are_kept_are_not_simulated_again(drawn, by_columns, model, cache):
    entries = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}
    again = simulate_columns(drawn, model, SAMPLES_S, WARMUP_S, ColumnRunner(cache, 1))
    np.testing.assert_array_equal(again.t_spike_s[1], by_columns.t_spike_s[1])
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")} == entries


def test_neurons_that_are_not_chosen_spike_as_the_model_says(drawn, by_columns, model, cache):
    chosen = [np.array([1]), np.array([0])]
    part = simulate_columns(drawn, model, SAMPLES_S, WARMUP_S, ColumnRunner(cache, 1), chosen)
    assert np.isnan(part.t_spike_s[0][:, 0]).all() and np.isnan(part.energy_J).all()
    np.testing.assert_array_equal(part.t_spike_s[0][:, 1], by_columns.t_spike_s[0][:, 1])
    # The model of another network is a few ns off; so is what its spikes make.
    assert np.abs(part.t_spike_s[1] - by_columns.t_spike_s[1]).max() < 20e-9
    assert part.compared(0).tolist() == [[False, True]] * 2


def test_a_broken_simulator_costs_samples_not_the_run(drawn, model, tmp_path, monkeypatch):
    broken = tmp_path / "ngspice"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "** ngspice-39" && exit 0\nexit 1\n')
    broken.chmod(0o755)
    monkeypatch.setenv("CODESIGN_NGSPICE", str(broken))
    result = simulate_columns(drawn, model, SAMPLES_S, WARMUP_S, ColumnRunner(None, 1))
    assert result.failed == 2 and not np.isfinite(result.t_spike_s[1]).any()


def test_intervals_hold_the_error_of_a_part_and_say_what_it_cannot_tell():
    rng = np.random.default_rng(0)
    model_s = np.full((40, 6), 5e-7)
    circuit_s = model_s + rng.normal(0, 2e-10, model_s.shape)
    mask = np.array([True, True, True, True, False, False])
    ok = np.broadcast_to(mask, model_s.shape)
    errors = [layer_errors(model_s, circuit_s, ok, 1e-6)] * 2
    found = sample_metrics(errors, [mask, mask])
    low, high = found["rmse_spike_time_interval_ns"]
    assert low < errors[1].rmse_ns < high and 0.15 < low < high < 0.25
    assert found["neurons_simulated"] == [4, 4] and found["accuracy_spice"] is None
    assert "accuracy_spice" not in sample_metrics(errors, [mask, np.ones(6, bool)])
    assert errors[0].compared == 160
