"""What belongs to a column of a network, and what is driven from outside."""

from __future__ import annotations

import numpy as np
import pytest

from codesign.bench import CellViews, NetworkCut, Setup
from codesign.bench.cut import LOAD_SUPPLY
from codesign.bench.nodes import Owner, owner_of
from codesign.cells import NetworkParameters, ResistiveSynapseParameters, View

SIZES = (3, 2, 2)


def knobs(setup: Setup) -> list[dict[str, np.ndarray]]:
    return [
        {p: np.full((post, pre), knob.off_at(1.8)) for p, knob in setup.synapse.knobs.items()}
        for pre, post in setup.network.connections
    ]


@pytest.fixture(scope="module", params=list(View))
def cut(request) -> NetworkCut:
    setup = Setup(NetworkParameters(layers=SIZES), views=CellViews(request.param))
    return NetworkCut(setup, knobs(setup))


def devices(cards: tuple[str, ...]) -> list[str]:
    return [card for card in cards if card[0] in "xX"]


def test_nets_say_by_their_names_where_they_belong() -> None:
    assert owner_of("spb_2_13") == Owner("line", 2, 13)
    assert owner_of("dend_1_2") == Owner("dendrite", 1, 2)
    assert owner_of("xn_1_2.xdriver.fire") == Owner("neuron", 1, 2)
    assert owner_of("xxbar_2.xs_4_3.mid_n") == Owner("synapse", 2, 4, 3)
    assert owner_of("xin_7.fireb") == Owner("input", 0, 7)
    assert owner_of("vdd") is None and owner_of("ph_1") is None


def test_a_column_has_its_synapses_its_neuron_and_the_load_of_its_line(cut) -> None:
    synapse, neuron = (len(devices(cards)) for cards in parts_of(cut))
    for layer, fan_in, fan_out in ((1, 3, 2), (2, 2, 0)):
        part = cut.column(layer, 2)
        assert len(devices(part.cards)) == fan_in * synapse + neuron
        assert len(devices(part.load)) == fan_out * synapse
        assert {owner.layer for owner in part.lines.values()} == {layer - 1}
        assert {owner.number for owner in part.lines.values()} == set(range(1, fan_in + 1))
        assert set(part.held) == {f"dend_2_{i}" for i in range(1, fan_out + 1)}


def parts_of(cut: NetworkCut) -> tuple[list[str], list[str]]:
    """Devices of one synapse and of one neuron."""
    in_synapse = [e.text for e in cut.elements if any("xs_1_1." in node for node in e.nodes)]
    own = cut.column(2, 1)
    # The output layer's neuron has no load: what is left are its fan-in's synapses.
    rest = devices(own.cards)
    count = len([card for card in in_synapse if card[0] in "xX" and "xxbar_2" in card])
    return ["x"] * count, ["x"] * (len(rest) - 2 * count)


def test_a_part_names_no_net_that_nothing_drives(cut) -> None:
    """Every node of a part is driven, or has more than one thing on it."""
    for part in (cut.column(1, 1), cut.column(2, 2), cut.input_line(3)):
        driven = {*part.lines, *part.neighbours, *part.held, *part.ports, "0", LOAD_SUPPLY}
        counts: dict[str, int] = {}
        cards = (*part.cards, *part.load)
        for card in (card for card in cards if card[0] not in ".vV"):
            words = [word for word in card.split() if "=" not in word]
            for node in words[1:-1]:
                counts[node] = counts.get(node, 0) + 1
        sources = {card.split()[1] for card in part.knobs.values()}
        for node, count in counts.items():
            known = node in driven or node in sources
            assert known or (count > 1 and owner_of(node) is not None), node


def test_neighbours_are_there_in_a_layout_alone(cut) -> None:
    part = cut.column(1, 1)
    is_layout = cut.setup.view is View.LAYOUT
    assert set(part.neighbours) == ({"dend_1_2"} if is_layout else set())
    assert (cut.coupling_F("dend_1_1", "dend_1_2") > 1e-17) is is_layout


def test_the_load_does_not_draw_on_the_columns_supply(cut) -> None:
    part = cut.column(1, 1)
    assert not any(" vdd " in card for card in devices(part.load))
    assert any(LOAD_SUPPLY in card for card in part.load)
    assert not any("xxbar_2." in card for card in devices(part.cards))


def test_device_values_stay_with_their_synapses() -> None:
    setup = Setup(NetworkParameters(layers=(2, 1), synapse=ResistiveSynapseParameters()))
    values = knobs(setup)
    values[0]["n"][0, 1] = 1.5e-7
    text = "\n".join(NetworkCut(setup, values).column(1, 1).cards)
    assert "xs_1_2" in text
    ohms = [float(line.split(" r=")[1]) for line in text.splitlines() if line[0] in "rR"]
    assert pytest.approx(1 / 1.5e-7) in ohms
