"""Synapse currents against physics and against a deck written by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from codesign.bench import Setup
from codesign.cells import NetworkParameters, ResistiveSynapseParameters
from codesign.characterize.sweeps.synapse_current import following
from codesign.pdk import Conditions, Corner, Device, Process
from codesign.spice import Deck, OperatingPoint, run_batch

Simulated = Callable[..., dict[str, pd.DataFrame]]


def test_the_range_follows_the_conditions() -> None:
    setup = Setup()
    values = setup.synapse.knobs["n"].values(1.8)
    assert following(values, setup) == values == following(values, setup.at(temperature_C=40.0))
    for changes in ({"corner": Corner.SS}, {"temperature_C": -40.0}, {"temperature_C": 125.0}):
        wide = following(values, setup.at(**changes))
        assert set(values) < set(wide) and wide[0] == 0.0 and wide[-1] == pytest.approx(1.1)
    p = setup.synapse.knobs["p"].values(1.8)
    assert following(p, setup.at(corner=Corner.FF))[-1] <= 1.8


def grid(table: pd.DataFrame, polarity: str) -> pd.DataFrame:
    rows = table[table.polarity == polarity]
    return rows.pivot(index="v_bias_V", columns="v_mem_V", values="i_synapse_A")


def test_every_point_is_there_and_ok(simulated: Simulated) -> None:
    table = simulated()["synapse_current"]
    assert (table.status == "ok").all() and (table.attempts == 1).all()
    assert (table.corner == "tt").all() and (table.temperature_C == 27).all()
    assert len(table) == 32 * (31 + 39)
    assert not table.duplicated(["polarity", "v_bias_V", "v_mem_V"]).any()


@pytest.mark.parametrize(("polarity", "towards_more"), [("n", 1), ("p", -1)])
def test_current_rises_with_bias_over_more_than_three_decades(
    simulated: Simulated, polarity: str, towards_more: int
) -> None:
    current = grid(simulated()["synapse_current"], polarity)
    assert (current > 0).all(axis=None)
    assert (towards_more * np.diff(current, axis=0) > 0).all()
    at_1V = current[1.0]
    assert at_1V.min() < 0.2e-9 and at_1V.max() > 1.5e-6


@pytest.mark.parametrize(("polarity", "published"), [("n", 0.41), ("p", -0.75)])
def test_current_over_membrane_voltage_as_published(
    simulated: Simulated, polarity: str, published: float
) -> None:
    """I = I(V0) [1 + lambda (V - V0)], V0 = 1.3 V, fitted over 0.46..1.36 V (arXiv:2412.09010)."""
    current = grid(simulated()["synapse_current"], polarity).loc[:, 0.44:1.36]
    near_30nA = current.iloc[(np.log(current[1.0] / 30e-9)).abs().argmin()]
    slope, at_reset = np.polyfit(near_30nA.index.to_numpy() - 1.3, near_30nA.to_numpy(), 1)
    assert slope / at_reset == pytest.approx(published, rel=0.1)


def test_agrees_with_a_deck_written_by_hand(simulated: Simulated, process: Process) -> None:
    deck = Deck(
        "N pair",
        "vd d 0 1\nvs s 0 1.8\nvg g 0 0.6\n"
        "x1 d g m 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25\n"
        "x2 m s 0 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25",
        frozenset({Device("nfet_01v8", 1, 0.25)}),
        Conditions(),
    )
    result = run_batch(deck, OperatingPoint(("i(vd)",)), process=process, timeout_s=30)
    by_hand = -result.require()["i(vd)"][0]
    assert grid(simulated()["synapse_current"], "n").loc[0.6, 1.0] == pytest.approx(
        by_hand, rel=1e-4
    )


def test_resistive_synapse_sweeps_its_conductance(simulated: Simulated) -> None:
    plan = (
        '[[sweep]]\nkind = "synapse_current"\nname = "current"\n'
        'v_mem = { start = "0.3V", stop = "1.5V", step = "0.3V" }\n'
    )
    synapse = ResistiveSynapseParameters(g_min=1e-9, g_max=100e-9)
    table = simulated(plan, NetworkParameters(synapse=synapse))["current"]
    assert "v_bias_V" not in table and len(table) == 2 * 24 * 5
    for knob in synapse.cell().knobs.values():
        assert set(table.knob_value) == set(knob.values(1.8))
    distance = np.where(table.polarity == "n", table.v_mem_V, 1.8 - table.v_mem_V)
    assert np.allclose(table.i_synapse_A, table.knob_value * distance, rtol=2e-3)
