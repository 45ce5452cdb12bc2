"""Decks that the builder makes, as text."""

from __future__ import annotations

import re

import pytest

from codesign.bench import DeckBuilder, Setup
from codesign.cells import (
    NetworkParameters,
    ResistiveSynapseParameters,
    column_cell,
    crossbar_cell,
)
from codesign.characterize.column_trials import ColumnTask, column_deck

SETUP = Setup(NetworkParameters(layers=(2, 1)))
TASK = ColumnTask(
    1, 0, 2, 1, 0, 1, {"n": (0.5, 0.0), "p": (1.8, 1.25)}, ((0.0, 4e-7), (1e-7, 2e-7)), SETUP
)
# Two passes of a column of two synapses and its neuron; continuation lines are joined.
CARDS = """
rvss vss 0 1e-3
vvdd vdd 0 dc 1.8
vv0 v0 0 dc 1.3
vvdis vdis 0 dc 0.6
vvsense vsense 0 dc 0.95
vrstb rstb 0 pwl(0 1.8 1.5e-09 1.8 2.5e-09 0 9.45e-08 0 9.55e-08 1.8 2.2015e-06 1.8 2.2025e-06 0 \
2.2945e-06 0 2.2955e-06 1.8)
vph ph 0 pwl(0 0 1.0995e-06 0 1.1005e-06 1.8 2.0995e-06 1.8 2.1005e-06 0 3.2995e-06 0 3.3005e-06 \
1.8 4.2995e-06 1.8 4.3005e-06 0)
vphb phb 0 pwl(0 1.8 1.0995e-06 1.8 1.1005e-06 0 2.0995e-06 0 2.1005e-06 1.8 3.2995e-06 1.8 \
3.3005e-06 0 4.2995e-06 0 4.3005e-06 1.8)
vgate gate 0 pwl(0 0 3.5e-09 0 4.5e-09 1.8 1.0945e-06 1.8 1.0955e-06 0 2.2035e-06 0 2.2045e-06 1.8 \
3.2945e-06 1.8 3.2955e-06 0)
vgateb gateb 0 pwl(0 1.8 3.5e-09 1.8 4.5e-09 0 1.0945e-06 0 1.0955e-06 1.8 2.2035e-06 1.8 \
2.2045e-06 0 3.2945e-06 0 3.2955e-06 1.8)
vclampb clampb 0 pwl(0 1.8 1.1195e-06 1.8 1.1205e-06 0 2.1895e-06 0 2.1905e-06 1.8 3.3195e-06 1.8 \
3.3205e-06 0 4.3895e-06 0 4.3905e-06 1.8)
vpulse_1 pulse_1 0 pwl(0 0 9.95e-08 0 1.005e-07 1.8 1.0995e-06 1.8 1.1005e-06 0 2.3995e-06 0 \
2.4005e-06 1.8 3.2995e-06 1.8 3.3005e-06 0)
xin_1 pulse_1 sp_1 spb_1 vdd vss input_driver
vbn_1_1 bn_1_1 0 dc 0.5
vbp_1_1 bp_1_1 0 dc 1.8
vpulse_2 pulse_2 0 pwl(0 0 4.995e-07 0 5.005e-07 1.8 1.0995e-06 1.8 1.1005e-06 0 2.4995e-06 0 \
2.5005e-06 1.8 3.2995e-06 1.8 3.3005e-06 0)
xin_2 pulse_2 sp_2 spb_2 vdd vss input_driver
vbn_1_2 bn_1_2 0 dc 0
vbp_1_2 bp_1_2 0 dc 1.25
xcolumn sp_1 sp_2 spb_1 spb_2 dend bn_1_1 bp_1_1 bn_1_2 bp_1_2 vdd vss crossbar_2x1
xn dend out outb rstb ph phb gate gateb clampb v0 vdis vsense vdd vss neuron
"""


def cards(netlist: str) -> str:
    """What stands behind the last definition."""
    joined = netlist.replace("\n+", "")
    return "\n" + joined[joined.rindex(".ends") :].split("\n", 1)[1].lstrip("\n").rstrip() + "\n"


def test_column_of_two_synapses_is_this_deck() -> None:
    deck, save = column_deck(TASK)
    assert cards(deck.netlist) == CARDS
    names = re.findall(r"^\.subckt (\w+)", deck.netlist, re.MULTILINE)
    assert names == ["line_driver", "input_driver", "synapse", "crossbar_2x1", "neuron"]
    assert save == ("v(xn.mem)", "v(out)", "v(sp_1)", "v(sp_2)")
    assert deck.title == "column of 2, load 0, layer 1, run 0"
    assert deck.conditions == SETUP.conditions


def test_devices_are_those_of_the_cells_in_the_deck() -> None:
    deck, _ = column_deck(TASK)
    column = column_cell(SETUP.network, 2)
    cells = (column, SETUP.neuron, SETUP.cell.input_driver)
    assert deck.devices == frozenset().union(*(cell.devices() for cell in cells))


def test_supply_of_the_conditions_is_in_every_source() -> None:
    low = SETUP.at(supply_V=1.5)
    text = DeckBuilder(low, "low").supplies().controls([0.0]).pulse(1, [0.0], [0.0]).deck().netlist
    assert "vvdd vdd 0 dc 1.5" in text and "1.8" not in text


def test_synapses_are_turned_off_by_their_off_levels() -> None:
    builder = DeckBuilder(SETUP, "off")
    column = column_cell(SETUP.network, 2)
    assert builder.off_knobs(column) == {
        "bn_1_1": "vss", "bp_1_1": "vdd", "bn_1_2": "vss", "bp_1_2": "vdd",
    }  # fmt: skip
    assert builder.off_knobs(crossbar_cell(SETUP.network, 1, 3), [2, 3]).keys() == {
        "bn_2_1", "bp_2_1", "bn_3_1", "bp_3_1",
    }  # fmt: skip
    assert builder.deck().netlist == ""


def test_other_off_levels_get_a_rail_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from codesign.cells import CurrentSourceSynapse

    known = CurrentSourceSynapse.knobs.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(
        CurrentSourceSynapse, "knobs",
        property(lambda self: {**known(self), "n": replace(known(self)["n"], off=-0.1)}),
    )  # fmt: skip
    builder = DeckBuilder(SETUP, "off")
    nodes = builder.off_knobs(column_cell(SETUP.network, 2))
    assert nodes["bn_1_1"] == nodes["bn_1_2"] == "off_n"
    assert builder.deck().netlist.splitlines() == ["voff_n off_n 0 dc -0.1"]


def test_held_dendrites_share_the_reset_rail() -> None:
    builder = DeckBuilder(SETUP, "load")
    assert builder.held() == "v0"
    text = builder.line_load(2).deck().netlist
    (load,) = (line for line in text.splitlines() if line.startswith("xload"))
    assert load.split() == [
        "xload", "out", "outb", "v0", "v0", "vss", "vdd", "vss", "vdd", "vdd", "vss",
        "crossbar_1x2",
    ]  # fmt: skip
    assert builder.line_load(0) is builder


def test_firing_controls_hold_the_neuron_where_it_fires() -> None:
    text = DeckBuilder(SETUP, "static").firing_controls().deck().netlist
    assert text.splitlines() == [
        "vrstb rstb 0 1.8", "vph ph 0 1.8", "vphb phb 0 0", "vgate gate 0 0", "vgateb gateb 0 1.8",
        "vclampb clampb 0 0",
    ]  # fmt: skip


def test_values_of_parameters_stand_on_the_card() -> None:
    setup = Setup(NetworkParameters(synapse=ResistiveSynapseParameters()))
    deck = DeckBuilder(setup, "one").place("s", setup.synapse, {"dend": "d"}, {"g_n": 3e-8}).deck()
    assert deck.netlist.splitlines()[-1] == "xs d sp spb vdd vss synapse g_n=3e-08"
