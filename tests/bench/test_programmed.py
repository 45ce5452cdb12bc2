"""Knobs in place: sources of bias ports, device values in the cards of crossbars."""

from __future__ import annotations

import re

import numpy as np
import pytest

from codesign.bench import Setup, knob_sources, trained_deck, trained_netlist
from codesign.cells import NetworkParameters, ResistiveSynapseParameters
from codesign.characterize.column_trials import ColumnTask, column_deck
from codesign.errors import DataError
from codesign.spice.netlist import parse_netlist

OFF = 1e-15
RESISTIVE = ResistiveSynapseParameters()
VALUED = Setup(NetworkParameters(layers=(2, 2, 1), synapse=RESISTIVE), name="toy")
LAYERS = [
    {"n": np.array([[1e-8, 2e-8], [3e-8, OFF]]), "p": np.array([[OFF, OFF], [OFF, 4e-8]])},
    {"n": np.array([[5e-9, OFF]]), "p": np.array([[OFF, 6e-9]])},
]


def values_of(text: str, crossbar: str) -> dict[str, dict[str, float]]:
    """Parameters of each synapse of a crossbar."""
    cell = parse_netlist(text, "deck").subcircuit(crossbar)
    return {
        element.name.lower(): {key: float(value) for key, value in element.parameters}
        for element in cell.elements
    }


def test_every_layer_has_a_crossbar_with_its_values() -> None:
    text = trained_netlist(VALUED, LAYERS)
    for name, values in (("crossbar_2x2_1", LAYERS[0]), ("crossbar_2x1_2", LAYERS[1])):
        found = values_of(text, name)
        assert len(found) == values["n"].size
        for post, pre in np.ndindex(values["n"].shape):
            want = {f"g_{p}": values[p][post, pre] for p in "np"}
            assert found[f"xs_{post + 1}_{pre + 1}"] == pytest.approx(want)
    network = parse_netlist(text, "deck").subcircuit("toy")
    called = {e.name.lower(): e.calls for e in network.elements}
    assert called["xxbar_1"] == "crossbar_2x2_1" and called["xxbar_2"] == "crossbar_2x1_2"
    # Nothing is left of the crossbars in which everything is off but their definitions.
    assert "crossbar_2x2" not in called.values()


def test_trained_deck_has_the_values_and_no_sources_of_knobs() -> None:
    deck = trained_deck(VALUED, LAYERS, [(0.0, 1e-7)])
    assert "g_n=2e-08" in deck.netlist and "g_p=6e-09" in deck.netlist
    assert not re.search(r"^v(bn|bp|g)_", deck.netlist, re.MULTILINE)
    assert deck.netlist.splitlines()[-1].endswith(" toy_trained")


def test_column_of_device_values_programs_its_first_column_alone() -> None:
    setup = Setup(NetworkParameters(layers=(2, 3), synapse=RESISTIVE))
    knobs: dict[str, tuple[float, ...]] = {"n": (7e-9, OFF), "p": (OFF, 8e-9)}
    deck, _ = column_deck(ColumnTask(1, 0, 2, 3, 0, 0, knobs, ((0.0, 1e-7),), setup))
    found = values_of(deck.netlist[: deck.netlist.index("\nrvss")], "crossbar_2x3_set")
    assert found["xs_1_1"] == pytest.approx({"g_n": 7e-9, "g_p": OFF})
    assert found["xs_1_2"] == pytest.approx({"g_n": OFF, "g_p": 8e-9})
    others = {name: value for name, value in found.items() if not name.startswith("xs_1_")}
    assert len(others) == 4
    assert all(value == pytest.approx({"g_n": OFF, "g_p": OFF}) for value in others.values())
    (card,) = (line for line in deck.netlist.splitlines() if line.startswith("xcolumn"))
    assert card.endswith(" crossbar_2x3_set")


def test_bias_knobs_are_sources_named_after_their_ports() -> None:
    setup = Setup(NetworkParameters(layers=(2, 1)), name="toy")
    values = {"n": np.array([[0.5, 0.0]]), "p": np.array([[1.8, 1.2]])}
    assert knob_sources(setup.cell, [values]) == [
        "vbn_1_1_1 bn_1_1_1 0 dc 0.5",
        "vbp_1_1_1 bp_1_1_1 0 dc 1.8",
        "vbn_1_2_1 bn_1_2_1 0 dc 0",
        "vbp_1_2_1 bp_1_2_1 0 dc 1.2",
    ]
    text = trained_netlist(setup, [values])
    header = text.replace("\n+", "").split(".subckt toy_trained ")[1].splitlines()[0]
    assert not re.search(r"\bb[np]_", header)


@pytest.mark.parametrize(
    "layers",
    [LAYERS[:1], [LAYERS[1], LAYERS[0]], [LAYERS[0], {"n": LAYERS[1]["n"]}]],
    ids=["one layer", "other order", "one polarity"],
)
def test_values_of_another_network_are_refused(layers: list[dict[str, np.ndarray]]) -> None:
    with pytest.raises(DataError, match="toy has"):
        trained_netlist(VALUED, layers)
