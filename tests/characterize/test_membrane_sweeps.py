"""Capacitance, charge, leak, discharger and sensing of the default neuron, against physics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from codesign.cells import (
    CurrentSourceSynapseParameters,
    NetworkParameters,
    RCSpikeNeuronParameters,
    TransistorOrder,
)
from codesign.pdk import Conditions, Device, Process
from codesign.spice import Deck, Transient, run_batch

Simulated = Callable[..., dict[str, pd.DataFrame]]
CHARGE = (
    '[[sweep]]\nkind = "charge_injection"\nname = "charge"\n'
    'v_mem = { start = "0.45V", stop = "1.45V", step = "0.5V" }\n'
)


def test_no_simulation_fails(simulated: Simulated) -> None:
    for table in simulated().values():
        assert (table.status == "ok").all() and not table.isna().any(axis=None)


def test_capacitance_is_the_mim_and_a_few_junctions(simulated: Simulated, process: Process) -> None:
    capacitor = RCSpikeNeuronParameters().capacitor
    w_um, l_um = round(capacitor.w * 1e6, 6), round(capacitor.l * 1e6, 6)
    size = f"w={w_um:.9g} l={l_um:.9g}"
    mim = Deck(
        "MIM alone",
        f"i1 0 a 100n\nx1 a 0 sky130_fd_pr__cap_mim_m3_2 {size}\n.ic v(a)=0",
        frozenset({Device("cap_mim_m3_2", w_um, l_um)}),
        Conditions(),
    )
    wave = run_batch(
        mim, Transient(1e-6, 1e-8, ("v(a)",), uic=True), process=process, timeout_s=30
    ).require()
    c_mim = 100e-9 / np.polyfit(wave["time"], wave["v(a)"], 1)[0]
    table = simulated()["capacitance"]
    assert c_mim < table.c_eff_F.min()
    assert table.c_eff_F.mean() == pytest.approx(c_mim + 15e-15, rel=0.05)
    # The memory transistor hides the pair's inner node: spike lines do not change the capacitance.
    by_lines = table.pivot(index="v_mem_V", columns="lines", values="c_eff_F")
    assert np.allclose(by_lines["low"], by_lines["high"], rtol=1e-4)


def test_two_ways_to_measure_capacitance_agree(simulated: Simulated) -> None:
    """A ramp under constant current, and a packet of charge."""
    ramp = simulated()["capacitance"].query("lines == 'low'")
    packet = simulated()["charge_injection"]
    at = np.interp(packet.v_mem_V + 0.01, ramp.v_mem_V, ramp.c_eff_F)
    assert np.allclose(packet.c_eff_F, at, rtol=5e-3)


def test_more_synapses_load_the_membrane_more(simulated: Simulated) -> None:
    plan = (
        '[[sweep]]\nkind = "capacitance"\nname = "c"\n'
        'v_mem = { start = "0.8V", stop = "1.2V", step = "0.2V" }\n'
    )
    network = NetworkParameters(layers=(2, 8, 2))
    mean = simulated(plan, network)["c"].groupby("fan_in").c_eff_F.mean()
    assert 0.5e-15 < (mean[8] - mean[2]) / 6 < 2e-15


def test_order_of_transistors_decides_the_charge(simulated: Simulated) -> None:
    memory = simulated()["charge_injection"]
    assert memory.q_arriving_C.abs().max() < 0.01e-15
    assert memory.q_falling_C.abs().max() < 0.2e-15
    swapped = NetworkParameters(
        synapse=CurrentSourceSynapseParameters(order=TransistorOrder.SELECTOR_ON_DENDRITE)
    )
    selector = simulated(CHARGE, swapped)["charge"]
    assert selector.q_arriving_C.abs().max() > 0.5e-15
    # What the pair's inner node takes at the rising edge it gives back at the falling one.
    assert np.allclose(selector.q_arriving_C, -selector.q_falling_C, atol=0.08e-15)


def test_published_neuron_without_gate_and_clamp(simulated: Simulated) -> None:
    published = NetworkParameters(
        neuron=RCSpikeNeuronParameters(transmission_gate=False, clamp=False)
    )
    table = simulated(CHARGE, published)["charge"]
    assert (table.status == "ok").all()
    gate = simulated()["capacitance"].c_eff_F.mean()
    assert 0 < gate - table.c_eff_F.mean() < 15e-15


def test_leak_is_tiny(simulated: Simulated) -> None:
    table = simulated()["leak"]
    assert table.droop_V.abs().max() < 2e-3
    assert np.allclose(table.v_mem_V, table.v_target_V, atol=0.05)
    assert np.allclose(table.i_leak_A, table.c_eff_F * table.droop_V / 1e-6, rtol=1e-6)


def test_discharger_is_a_current_source(simulated: Simulated) -> None:
    current = simulated()["discharger"].pivot(
        index="v_mem_V", columns="v_discharge_V", values="i_discharge_A"
    )
    assert list(current.columns) == [0.55, 0.6, 0.65]
    assert (np.diff(current, axis=0) > 0).all() and (np.diff(current, axis=1) > 0).all()
    design = current[0.6].loc[0.5:1.4]
    slope, base = np.polyfit(design.index, design, 1)
    assert 0.1 < slope / base < 0.5
    assert 60e-9 < design.mean() < 250e-9


def test_sensing_threshold(simulated: Simulated) -> None:
    table = simulated()["sensing_threshold"]
    threshold = table.v_threshold_V.unique()
    assert len(threshold) == 1 and 0.4 < threshold[0] < 0.6
    assert (np.diff(table.v_sensed_V) < 0).all()
    low, high = table[table.v_mem_V < 0.45], table[table.v_mem_V > 0.55]
    assert (low.v_line_V > 1.75).all() and (high.v_line_V < 0.05).all()


def test_slow_ramps_fire_nearer_to_the_threshold(simulated: Simulated) -> None:
    table = simulated()["sensing_delay"]
    assert set(table.fan_out) == {0, 5}
    assert table.t_delay_s.between(1e-9, 100e-9).all()
    for _, rows in table.groupby("fan_out"):
        below = (rows.v_threshold_V - rows.v_fire_V).to_numpy()
        assert (below > 0).all() and (np.diff(below[np.argsort(rows.slope_V_per_s)]) > 0).all()
    loaded = table.groupby("fan_out").t_delay_s.mean()
    assert loaded[5] > loaded[0]
