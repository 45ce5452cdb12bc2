"""Which netlist stands for a cell: drawn now, or as `generate` wrote it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from codesign.bench import CellViews, DeckBuilder, Setup, trained_netlist
from codesign.bench.views import sizes_in, split_definitions
from codesign.cells import NetworkParameters, View, column_cell, design_cells, write_netlists
from codesign.errors import DataError
from codesign.pdk import Device

NETWORK = NetworkParameters(layers=(2, 1))
SETUP = Setup(NETWORK, name="toy")
KNOBS = [{"n": np.array([[0.5, 0.0]]), "p": np.array([[1.8, 1.2]])}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_netlists(design_cells("toy", NETWORK), tmp_path)
    return tmp_path


def read(folder: Path, view: View = View.SCHEMATIC) -> Setup:
    return Setup(NETWORK, views=CellViews(view).written(folder), name="toy")


def test_what_generate_wrote_is_what_is_drawn(folder: Path) -> None:
    cells = [SETUP.neuron, column_cell(NETWORK, 2), SETUP.cell]
    written, drawn = read(folder).views, SETUP.views
    assert written.definitions(cells) == [
        text.rstrip("\n") + "\n" for text in drawn.definitions(cells)
    ]
    assert written.devices(cells) == drawn.devices(cells)
    assert trained_netlist(read(folder), KNOBS).split() == trained_netlist(SETUP, KNOBS).split()


def test_a_netlist_edited_by_hand_is_what_is_simulated(folder: Path) -> None:
    path = folder / "neuron.spice"
    text = path.read_text()
    assert "Xdis_bias" in text
    path.write_text(text.replace(" l=2.0 ", " l=1.0 "))
    before = DeckBuilder(SETUP, "one").neuron().deck()
    after = DeckBuilder(read(folder), "one").neuron().deck()
    (was,) = (line for line in before.netlist.splitlines() if line.startswith("Xdis_bias"))
    (now,) = (line for line in after.netlist.splitlines() if line.startswith("Xdis_bias"))
    assert " l=2.0 " in was and now == was.replace(" l=2.0 ", " l=1.0 ")
    # Its new size is among those that models are taken for.
    assert Device("nfet_01v8", 0.42, 1.0) in after.devices


def test_extracted_netlists_are_those_of_the_layout_view(folder: Path) -> None:
    (folder / "neuron.extracted.spice").write_text(".subckt neuron a b\nC1 a b 1f\n.ends neuron\n")
    (folder / "toy.trained.spice").write_text(".subckt toy_trained a\n.ends\n")
    layout = read(folder, View.LAYOUT).views
    assert set(layout.texts) == {"neuron"}
    assert layout.definitions([SETUP.neuron]) == [".subckt neuron a b\nC1 a b 1f\n.ends neuron\n"]
    assert "toy.trained" not in read(folder).views.texts
    assert layout.in_view(View.SCHEMATIC).texts == read(folder).views.texts


def test_a_cell_that_was_not_written_is_named(folder: Path) -> None:
    (folder / "neuron.spice").unlink()
    with pytest.raises(DataError, match="has no netlist of neuron in the schematic view") as caught:
        read(folder).views.definitions([SETUP.neuron])
    assert "codesign generate" in str(caught.value.remedy)


def test_a_netlist_that_is_no_text_is_named(folder: Path) -> None:
    (folder / "neuron.spice").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"neuron\.spice cannot be read"):
        CellViews().written(folder)


def test_workers_get_the_netlists_with_the_setup(folder: Path) -> None:
    """A worker on another machine does not reach the folder."""
    sent = pickle.loads(pickle.dumps(read(folder)))
    for path in folder.iterdir():
        path.unlink()
    assert sent.views.definitions([SETUP.neuron])


def test_definitions_are_split_without_their_comments() -> None:
    text = "* cell a\n.subckt a x\nR1 x 0 1\n\n.ends a\n* b\n.subckt b y\n+ z\n.ends\n"
    assert split_definitions(text) == {
        "a": ".subckt a x\nR1 x 0 1\n.ends a\n",
        "b": ".subckt b y\n+ z\n.ends\n",
    }


def test_sizes_are_read_from_cards_of_the_process() -> None:
    text = (
        "x1 a b c d pre__nfet l=0.15 w=2\n+ nf=2\n"
        "x2 a b c d pre__pfet w={wn} l=1\n"
        "x3 a b other w=1 l=1\n"
        "r1 a b 5\n"
    )
    assert sizes_in(text, "pre__") == {Device("nfet", 1.0, 0.15)}
