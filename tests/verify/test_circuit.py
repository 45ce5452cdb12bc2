"""Small trained networks in ngspice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from codesign.bench import trained_deck
from codesign.verify import circuit as module
from codesign.verify.circuit import simulate_samples

from .conftest import SAMPLES_S, WARMUP_S

pytestmark = pytest.mark.usefixtures("requires_ngspice", "requires_models")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("verify-cache")


def run(circuit, **options):
    return simulate_samples(circuit, SAMPLES_S, WARMUP_S, chunk=2, workers=2, **options)


def test_more_current_fires_earlier_and_energy_is_positive(small, cache):
    result = run(small, cache_dir=cache)
    assert (result.status == "ok").all() and result.failed == 0
    times = result.t_spike_s[0]
    assert (times[:, 0] < times[:, 1]).all()
    assert times[2, 0] < times[0, 0] < times[1, 0]  # an earlier input brings more charge
    assert (result.energy_J > 1e-14).all()
    v0 = small.setup.neuron.v0
    start = round(small.setup.timing.t_accumulate / result.wave_step_s)
    np.testing.assert_allclose(result.v_mem_V[:, 0, :2, start], v0, atol=0.01)


def test_kept_decks_are_not_simulated_again(small, cache):
    first = run(small, cache_dir=cache)
    entries = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}
    again = run(small, cache_dir=cache)
    np.testing.assert_array_equal(first.t_spike_s[0], again.t_spike_s[0])
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")} == entries


def test_damaged_entry_is_made_again(small, cache):
    first = run(small, cache_dir=cache)
    entry = next(cache.rglob("*.npz"))
    entry.write_bytes(b"half")
    again = run(small, cache_dir=cache)
    np.testing.assert_array_equal(first.t_spike_s[0], again.t_spike_s[0])
    assert entry.stat().st_size > 100


def test_broken_simulator_costs_samples_not_the_run(small, tmp_path, monkeypatch):
    broken = tmp_path / "ngspice"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "** ngspice-39" && exit 0\nexit 1\n')
    broken.chmod(0o755)
    monkeypatch.setenv("CODESIGN_NGSPICE", str(broken))
    result = run(small)
    assert result.failed == len(SAMPLES_S)
    assert not np.isfinite(result.t_spike_s[0]).any()
    assert "ok" not in result.status


def test_hanging_simulator_times_out(small, tmp_path, monkeypatch):
    hanging = tmp_path / "ngspice"
    answer = '[ "$1" = --version ] && echo "** ngspice-39" && exit 0'
    hanging.write_text(f"#!/bin/sh\n{answer}\nsleep 99\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("CODESIGN_NGSPICE", str(hanging))
    monkeypatch.setattr(module, "_TIMEOUT_S_PER_SAMPLE", 0.3)
    result = run(small)
    assert set(result.status) == {"timeout"}


def test_unused_pair_and_supply_are_in_the_deck(small):
    values = [layer.values for layer in small.layers]
    deck = trained_deck(small.setup, values, [[1e-7, 2e-6]])
    assert "xtop" in deck.netlist and "small_trained" in deck.netlist
    assert re.search(r"^vvdd vdd 0 (dc )?1\.8$", deck.netlist, re.MULTILINE)
    other = trained_deck(small.setup.at(temperature_C=85.0, supply_V=1.7), values, [[1e-7, 2e-6]])
    assert other.conditions.temperature_C == 85.0
    assert re.search(r"^vvdd vdd 0 (dc )?1\.7$", other.netlist, re.MULTILINE)


SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from codesign.bench import Setup
from codesign.cells import NetworkParameters
from codesign.mapping import knob_layers
from codesign.resources import resource_dir
from codesign.verify.circuit import TrainedCircuit, simulate_samples

if __name__ == "__main__":
    from codesign.characterize.model import FittedModel
    path = resource_dir("characterization") / "iris" / "model.json"
    model = FittedModel.load(path).averaged()
    layers = knob_layers([np.array([[0.5], [0.3]])], model)
    circuit = TrainedCircuit(Setup(NetworkParameters(layers=(1, 2)), name="tiny"), layers)
    spikes = np.linspace(1e-7, 8e-7, 4)[:, None]
    result = simulate_samples(circuit, spikes, np.array([2e-7]),
                              cache_dir=Path(sys.argv[1]), chunk=1, workers=1)
    np.save(sys.argv[2], result.t_spike_s[0])
"""


def test_killed_run_goes_on_and_gives_the_same(tmp_path):
    script = tmp_path / "tiny.py"
    script.write_text(SCRIPT)
    cache, out = tmp_path / "cache", tmp_path / "out.npy"
    command = [sys.executable, str(script), str(cache), str(out)]
    first = subprocess.Popen(command, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list(cache.rglob("*.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}
    assert 2 <= len(kept) < 4 and not out.exists()
    subprocess.run(command, check=True, timeout=300)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    resumed = np.load(out)
    subprocess.run([*command[:2], str(tmp_path / "fresh"), str(out)], check=True, timeout=300)
    np.testing.assert_array_equal(resumed, np.load(out))
