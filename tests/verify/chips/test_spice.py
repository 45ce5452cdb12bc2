"""A small chip in ngspice: its own devices, found through its spike times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from codesign.bench import Setup
from codesign.cells import NetworkParameters
from codesign.mapping import knob_layers
from codesign.pdk import LibraryLocation
from codesign.spice import Ngspice
from codesign.verify.chips import ChipModel, Nominal, Observed, SpiceChip, chip_setup, identify
from codesign.verify.simulation import NetworkRunner

PHASE_S = 1e-6
WEIGHTS = [np.array([[0.45, 0.3]])]


def test_a_chip_in_spice_is_identified(
    nominal: Nominal, tmp_path: Path, requires_ngspice: Ngspice, requires_models: LibraryLocation
) -> None:
    """Two synapses and a neuron with the devices of chip 2: the model of another circuit's output
    layer, 60 ns off, fits them to tenths of a ns."""
    fitted = nominal.model.averaged()
    model = replace(fitted, layers=(replace(fitted.layers[-1], layer=1),))
    layers = knob_layers(WEIGHTS, model)
    setup = chip_setup(Setup(network=NetworkParameters(layers=(2, 1))), 2)
    runner = NetworkRunner(model, np.array([1e-7, 3e-7]), cache_dir=tmp_path, workers=1)
    chip = SpiceChip(setup, runner)
    rng = np.random.default_rng(1)
    inputs = rng.uniform(0.2, 0.6, (9, 2))
    seen = chip.spikes(layers, inputs * PHASE_S, "test")
    times = seen.layers_s[0] / PHASE_S
    network = ChipModel(tuple(WEIGHTS), tuple(model.parameters()))
    meant = network.times(inputs, network.nominal)[0]
    assert np.isfinite(times).all() and np.isfinite(seen.energy_J).all()
    assert np.abs(times - meant).max() > 20e-3
    prior = [np.array([[0.3, 0.3, 0.03, 0.03, 0.3]])]
    found = identify(network, Observed(inputs[:7], (times[:7],)), prior, 0.2e-3)
    told = network.times(inputs[7:], found.values)[0]
    assert np.abs(told - times[7:]).max() < 1e-3
    # The same chip again: from the cache, and the same.
    again = chip.spikes(layers, inputs * PHASE_S, "test")
    np.testing.assert_array_equal(again.layers_s[0], seen.layers_s[0])
