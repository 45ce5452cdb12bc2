"""What goes wrong with one deck stays with its samples; also the published circuit runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codesign.bench import Setup
from codesign.cells import NetworkParameters, RCSpikeNeuronParameters
from codesign.mapping import knob_layers
from codesign.verify.circuit import TrainedCircuit, simulate_samples

from .conftest import SAMPLES_S, WARMUP_S, WEIGHTS

pytestmark = pytest.mark.usefixtures("requires_ngspice", "requires_models")


def program(folder: Path, body: str) -> str:
    path = folder / "ngspice"
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "** ngspice-39" && exit 0\n{body}\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.filterwarnings("ignore:verify. crashed")
def test_killed_worker_costs_its_samples_only(small, tmp_path, monkeypatch, requires_ngspice):
    # The second deck's simulator kills the worker that started it; the other one simulates.
    marker = tmp_path / "first"
    body = (
        f'if mkdir {marker} 2>/dev/null; then exec {requires_ngspice.path} "$@"; fi\nkill -9 $PPID'
    )
    monkeypatch.setenv("CODESIGN_NGSPICE", program(tmp_path, body))
    result = simulate_samples(small, SAMPLES_S, WARMUP_S, chunk=2, workers=1)
    assert result.status.tolist() == ["ok", "ok", "crashed"]
    assert result.failed == 1
    assert np.isfinite(result.t_spike_s[0][:2]).all() and np.isfinite(result.energy_J[:2]).all()
    assert np.isnan(result.t_spike_s[0][2]).all() and np.isnan(result.energy_J[2])


def test_failures_are_not_kept(small, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    with monkeypatch.context() as patched:
        patched.setenv("CODESIGN_NGSPICE", program(tmp_path, "exit 1"))
        failed = simulate_samples(
            small, SAMPLES_S[:1], WARMUP_S, workers=1, cache_dir=cache
        )
    assert failed.failed == 1 and not list(cache.rglob("*.npz"))
    again = simulate_samples(small, SAMPLES_S[:1], WARMUP_S, workers=1, cache_dir=cache)
    assert again.failed == 0 and len(list(cache.rglob("*.npz"))) == 1


def test_kept_decks_need_no_simulation(small, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    options = {"workers": 1, "cache_dir": cache}
    first = simulate_samples(small, SAMPLES_S[:1], WARMUP_S, **options)
    # A simulator that answers for its version but cannot simulate.
    monkeypatch.setenv("CODESIGN_NGSPICE", program(tmp_path, "exit 1"))
    again = simulate_samples(small, SAMPLES_S[:1], WARMUP_S, **options)
    assert again.failed == 0
    for key in ("status", "energy_J", "v_mem_V"):
        np.testing.assert_array_equal(getattr(first, key), getattr(again, key))


def test_published_neuron_fires_in_order_too(model):
    neuron = RCSpikeNeuronParameters(transmission_gate=False, clamp=False, discharge_hold=False)
    network = NetworkParameters(layers=(2, 2), neuron=neuron)
    circuit = TrainedCircuit(Setup(network, name="published"), knob_layers(WEIGHTS, model))
    result = simulate_samples(circuit, SAMPLES_S[:2], WARMUP_S, workers=1)
    times = result.t_spike_s[0]
    assert result.failed == 0
    assert (times[:, 0] < times[:, 1]).all() and (times[0] < times[1]).all()
