"""Currents of the synapses at a fixed dendrite, in ngspice."""

from __future__ import annotations

import numpy as np
import pytest

from codesign.bench import Setup
from codesign.bench.stimulus import supply_sources
from codesign.cells import (
    Cell,
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
    Network,
    NetworkParameters,
    ResistiveSynapse,
    ResistiveSynapseParameters,
    TransistorOrder,
)
from codesign.pdk import Conditions
from codesign.spice import DCSweep, Deck, OperatingPoint, run_batch

pytestmark = pytest.mark.usefixtures("requires_ngspice", "requires_models")
SWEEP = DCSweep("vdend", 0.4, 1.4, 0.2, ("i(vdend)",))


def pulled(cell: Cell, process, *, spike: bool = True, values: str = "", **biases: float):
    """(membrane voltages, current in A that the synapse takes out of the dendrite). `values`: of
    the subcircuit's parameters, as in a card."""
    high, low = (process.supply_V, 0.0) if spike else (0.0, process.supply_V)
    volts = {"vdd": process.supply_V, "dend": 0.0, "sp": high, "spb": low, **biases}
    cards = [f"v{node} {node} 0 {value}" for node, value in volts.items()]
    instance = f"xs {' '.join(cell.port_names)} {cell.name} {values}"
    netlist = "\n".join([cell.netlist(), "rvss vss 0 1e-3", *cards, instance])
    deck = Deck("synapse", netlist, cell.devices(), Conditions())
    wave = run_batch(deck, SWEEP, process=process, timeout_s=60).require()
    return wave["sweep"], -wave["i(vdend)"]


def test_conductances_pull_towards_their_rails(process):
    synapse = ResistiveSynapse(ResistiveSynapseParameters())
    v, up = pulled(synapse, process, values="g_p=80n")
    np.testing.assert_allclose(up, -80e-9 * (1.8 - v), rtol=0.02)
    v, both = pulled(synapse, process, values="g_n=40n g_p=80n")
    np.testing.assert_allclose(both, 40e-9 * v - 80e-9 * (1.8 - v), atol=2e-9)


def test_selector_in_series_costs_what_its_resistance_is(process):
    # At 1 mS the selector's kilo-ohms are no longer small: the current stays below V g.
    synapse = ResistiveSynapse(ResistiveSynapseParameters())
    v, weak = pulled(synapse, process, values="g_n=1e-8")
    _, strong = pulled(synapse, process, values="g_n=1e-3")
    assert (strong < 0.9e-3 * v).all() and (weak > 0.98e-8 * v).all()
    assert (np.diff(strong) > 0).all()


@pytest.mark.parametrize("order", TransistorOrder)
def test_pairs_of_either_order_pull_their_own_way(order, process):
    synapse = CurrentSourceSynapse(CurrentSourceSynapseParameters(order=order))
    off = {"bn": 0.0, "bp": process.supply_V}
    currents = [pulled(synapse, process, **{**off, "bn": bias})[1] for bias in (0.45, 0.5, 0.55)]
    assert (currents[0] > 1e-10).all() and (np.diff(currents, axis=0) > 0).all()
    currents = [pulled(synapse, process, **{**off, "bp": bias})[1] for bias in (1.2, 1.15, 1.1)]
    assert (currents[0] < -1e-10).all() and (np.diff(currents, axis=0) < 0).all()


@pytest.mark.parametrize("order", TransistorOrder)
def test_without_a_spike_only_leakage_flows(order, process):
    synapse = CurrentSourceSynapse(CurrentSourceSynapseParameters(order=order))
    _, on = pulled(synapse, process, bn=0.55, bp=1.8)
    _, idle = pulled(synapse, process, spike=False, bn=0.55, bp=1.8)
    assert (np.abs(idle) < 1e-3 * on).all()


@pytest.mark.parametrize("kind", [CurrentSourceSynapseParameters(), ResistiveSynapseParameters()])
@pytest.mark.parametrize("layers", [(1, 1), (3, 4, 2, 2)])
def test_networks_of_any_size_load_and_stay_silent_at_rest(kind, layers, process):
    network = Network(NetworkParameters(layers=layers, synapse=kind), "toy")
    driven = {"vdd", "v0", "vdis", "vsense", "vss"}
    high = ("rstb_", "phb_", "gate_", "clampb_", "bp_")
    sources = [
        f"v{port.name} {port.name} 0 {process.supply_V if port.name.startswith(high) else 0}"
        for port in network.ports
        if port.direction != "output" and port.name not in driven
    ]
    supplies = supply_sources(Setup(network.sizes))
    top = f"xtop {' '.join(network.port_names)} toy"
    deck = Deck(
        "rest",
        "\n".join([network.netlist(), *supplies, *sources, top]),
        network.devices(),
        Conditions(),
    )
    outputs = tuple(f"v({port.name})" for port in network.ports if port.direction == "output")
    found = run_batch(deck, OperatingPoint(outputs), process=process, timeout_s=60).require()
    for name in outputs:
        want = process.supply_V if name.startswith("v(spb_") else 0.0
        assert found[name][0] == pytest.approx(want, abs=0.01), name
