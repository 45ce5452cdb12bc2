"""Tile columns and tiles as netlists."""

import numpy as np
import pytest

from codesign.cells.tile_column import Tile, TileColumn, TileColumnParameters
from codesign.cells.transistor import nmos
from codesign.errors import InputError
from codesign.spice import Deck

IDEAL = TileColumnParameters()


def count(text, first):
    return sum(line.split()[0].lower().startswith(first) for line in text.splitlines() if line)


def test_a_column_has_a_wire_per_cell_and_a_device_per_conductance():
    column = TileColumn(IDEAL, [1e-6, 0.0, 3e-6], [0.0, 2e-6, 4e-6])
    text = column.netlist()
    assert count(text, "r") == 3 + 4 and count(text, "s") == 4 and count(text, "c") == 0
    assert column.port_names[:2] == ("bl", "bl_1") and column.port_names[-1] == "vss"
    Deck("column", text)


def test_transistors_and_line_capacitance_come_with_their_parameters():
    cells = TileColumnParameters(access=nmos(1.0), c_line=0.5e-15, differential="paired")
    column = TileColumn(cells, [1e-6, 2e-6], [1e-6, 0.0])
    text = column.netlist()
    assert count(text, "x") == 3 and count(text, "c") == 4 and count(text, "r") == 4 + 3
    assert len(column.devices()) == 1 and column.lines == ("blp", "blm")


def test_a_tile_shares_source_and_word_lines():
    g = np.full((3, 2), 1e-6).tolist()
    tile = Tile(IDEAL, g, g, "small")
    assert tile.port_names[:2] == ("bl_1", "bl_2")
    assert [name for name in tile.port_names if name.startswith("wl")] == ["wl_1", "wl_2", "wl_3"]
    assert tile.netlist().count(".subckt") == 3


@pytest.mark.parametrize(
    "plus,minus", [([], []), ([1e-6], []), ([-1e-6], [0.0]), ([float("nan")], [0.0]), ([1.0], [0])]
)
def test_conductances_that_are_no_column(plus, minus):
    with pytest.raises(InputError):
        TileColumn(IDEAL, plus, minus)


def test_a_tile_without_columns():
    with pytest.raises(InputError, match="needs a column"):
        Tile(IDEAL, [[]], [[]])
