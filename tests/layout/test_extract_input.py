"""Layouts that cannot be extracted: each is refused, exit code 2 and a message that says why."""

from __future__ import annotations

import gzip

import gdstk
import pytest

from codesign.errors import InputError
from codesign.layout.extract import extract_circuit
from codesign.layout.extract.reader import read_gds
from tests.layout.drawing import Sketch, labelled_inverter


def refused(path, match, top="top"):
    with pytest.raises(InputError, match=match) as caught:
        extract_circuit(path, top, mode="none")
    assert caught.value.exit_code == 2
    assert caught.value.remedy
    return str(caught.value)


@pytest.fixture
def sketch() -> Sketch:
    sketch = Sketch()
    labelled_inverter(sketch)
    return sketch


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"library (tiny) {\n", "no GDS file"),
        (b"%SEMI-OASIS\r\n", "damaged"),
        (b"\x1f\x8b\x08\x00", "damaged"),
        (gzip.compress(b"library (tiny) {", mtime=0), "no GDS file"),
        (b"\x00\x06\x00\x02\x02\x58\x00\x1c\x01\x02", "damaged"),
    ],
)
def test_what_is_no_gds(content, match, tmp_path):
    path = tmp_path / "bad.gds"
    path.write_bytes(content)
    refused(path, match)


def test_truncated_gds(sketch, tmp_path):
    path = sketch.write(tmp_path)
    path.write_bytes(path.read_bytes()[:-300])
    refused(path, "damaged")


def test_missing_file(tmp_path):
    refused(tmp_path / "none.gds", "No such file")


def test_gds_without_cells_and_cell_without_shapes(tmp_path):
    library = gdstk.Library()
    library.write_gds(tmp_path / "none.gds")
    refused(tmp_path / "none.gds", "no cells")
    refused(Sketch().write(tmp_path), "is empty")


def test_unknown_top_cell_suggests_near_names(sketch, tmp_path):
    text = refused(sketch.write(tmp_path), "no cell 'topp'; did you mean 'top'", top="topp")
    assert "top cells of the file: top" in text


def test_unknown_layer_is_named_with_its_place(sketch, tmp_path):
    sketch.box((74, 20), 1, 2, 3, 4)
    refused(sketch.write(tmp_path), r"layer 74/20 \(a shape at \(2, 3\) um\) is not known")


def test_unknown_layers_are_listed_at_once_or_left_out(sketch, tmp_path):
    sketch.box((74, 20), 1, 2, 3, 4)
    sketch.box((33, 44), 5, 6, 7, 8)
    sketch.box((36, 28), 9, 9, 10, 10)
    path = sketch.write(tmp_path)
    refused(path, r"layer 33/44 .*\(6, 7\) um\), layer 74/20 .*\(2, 3\) um\) are not known")
    comments = extract_circuit(path, "top", mode="none", unknown="leave-out").comments
    assert "fill shapes were left out: layers 36/28" in comments
    assert "layers that are not known were left out: 33/44, 74/20" in comments


def test_outlines_marks_and_texts_on_other_layers_are_harmless(sketch, tmp_path):
    sketch.box((235, 4), -5, -5, 5, 5)
    sketch.box((81, 4), -5, -5, 5, 5)
    sketch.box((67, 16), -0.1, 0.9, 0.1, 1.1)
    sketch.cell.add(gdstk.Label("a comment", (0, 0), layer=200, texttype=3))
    extract_circuit(sketch.write(tmp_path), "top", mode="none")


def test_vertex_off_the_grid(sketch, tmp_path):
    sketch.box("met1", 1, 2, 3.002, 4)
    refused(sketch.write(tmp_path), r"2 vertices of met1 .* off the 5 nm grid, .*\(3\.002, ")


def test_cell_placed_off_the_grid(sketch, tmp_path):
    inner = sketch.library.new_cell("inner")
    inner.add(gdstk.rectangle((0, 0), (1, 1), layer=68, datatype=20))
    sketch.cell.add(gdstk.Reference(inner, (5.0025, 5)))
    sketch.library.precision = 5e-10
    refused(sketch.write(tmp_path), "off the 5 nm grid")


@pytest.mark.parametrize("change", [{"magnification": 2.0}, {"rotation": 0.3}])
def test_magnified_or_turned_cells(change, sketch, tmp_path):
    inner = sketch.library.new_cell("inner")
    inner.add(gdstk.rectangle((0, 0), (1, 1), layer=68, datatype=20))
    sketch.cell.add(gdstk.Reference(inner, (5, 5), **change))
    refused(sketch.write(tmp_path), "'inner' magnified or turned")


def test_database_unit_that_does_not_divide_the_grid(tmp_path):
    sketch = Sketch(precision=3e-9)
    sketch.box("met1", 0, 0, 3, 3)
    refused(sketch.write(tmp_path), "database unit")


@pytest.mark.parametrize(
    "points",
    [
        [(0, 0), (2, 2), (2, 0), (0, 2)],
        [(0, 0), (3, 0), (3, 2), (1, 2), (1, 1), (2, 1), (2, 3), (0, 3)],
    ],
)
def test_polygons_that_cross_themselves(points, sketch, tmp_path):
    sketch.polygon("met1", [(x + 10, y) for x, y in points])
    refused(sketch.write(tmp_path), "crosses itself")


@pytest.mark.parametrize(
    "points",
    [
        [(0, 0), (4, 0), (4, 4), (2, 0), (0, 4)],  # a vertex on an own edge
        [(0, 0), (2, 0), (2, 2), (4, 2), (4, 4), (2, 4), (2, 2), (0, 2)],
    ],
)
def test_polygons_that_meet_themselves_in_a_point_are_legal(points, sketch, tmp_path):
    sketch.polygon("met1", [(x + 10, y) for x, y in points])
    assert extract_circuit(sketch.write(tmp_path), "top", mode="none").ports[0] == "a"


def test_hole_with_a_cut_line_is_how_gds_draws_rings(sketch, tmp_path):
    ring = gdstk.boolean(
        gdstk.rectangle((8, 0), (12, 4)),
        gdstk.rectangle((9, 1), (11, 3)),
        "not",
        layer=68,
        datatype=20,
    )
    sketch.cell.add(*ring)
    extract_circuit(sketch.write(tmp_path), "top", mode="none")


def test_bomb_of_arrays_is_counted_not_expanded(tmp_path):
    library = gdstk.Library()
    cell = library.new_cell("level0")
    cell.add(gdstk.rectangle((0, 0), (0.1, 0.1), layer=68, datatype=20))
    for level in range(1, 6):
        above = library.new_cell(f"level{level}")
        above.add(gdstk.Reference(cell, columns=1000, rows=1000, spacing=(0.5, 0.5)))
        cell = above
    path = tmp_path / "bomb.gds"
    library.write_gds(path)
    assert path.stat().st_size < 2000
    refused(
        path,
        r"2e\+30 shapes when its arrays are expanded; extraction takes up to 5000000",
        top="level5",
    )


def test_bomb_of_empty_cells(tmp_path):
    library = gdstk.Library()
    empty = library.new_cell("empty")
    top = library.new_cell("top")
    top.add(gdstk.Reference(empty, columns=30000, rows=30000, spacing=(0.5, 0.5)))
    top.add(gdstk.rectangle((0, 0), (1, 1), layer=68, datatype=20))
    library.write_gds(tmp_path / "bomb.gds")
    refused(tmp_path / "bomb.gds", "shapes when its arrays are expanded")


def test_limit_is_an_argument(sketch, tmp_path):
    with pytest.raises(InputError, match="takes up to 10"):
        read_gds(sketch.write(tmp_path), "top", limit=10)


def test_cell_that_contains_itself(tmp_path):
    library = gdstk.Library()
    top, inner = library.new_cell("top"), library.new_cell("inner")
    top.add(gdstk.Reference(inner), gdstk.rectangle((0, 0), (1, 1), layer=68, datatype=20))
    inner.add(gdstk.Reference(top))
    library.write_gds(tmp_path / "loop.gds")
    refused(tmp_path / "loop.gds", "damaged|contains itself")


def test_no_labels(tmp_path):
    sketch = Sketch()
    sketch.fet(0, 0, 1, 0.15)
    refused(sketch.write(tmp_path), "no labels on its conductors")
    sketch.label("met1", "lost", 0, 0)
    refused(sketch.write(tmp_path), "1 texts lie on no conductor")


def test_two_ports_that_differ_in_case_are_one_to_spice(sketch, tmp_path):
    sketch.box("met1", 5, 0, 6, 1)
    sketch.label("met1", "A", 5.5, 0.5)
    refused(sketch.write(tmp_path), "two nets that are not connected")


@pytest.mark.parametrize("text", ["0", "a b", "x\ny", "{a}", ""])
def test_labels_that_are_no_node_names(text, sketch, tmp_path):
    sketch.box("met1", 5, 0, 6, 1)
    sketch.label("met1", text, 5.5, 0.5)
    refused(sketch.write(tmp_path), "cannot be the name of a SPICE node")


def test_floating_gate(sketch, tmp_path):
    sketch.fet(5, 0, 1, 0.15)
    refused(sketch.write(tmp_path), r"floating gate: 1 transistors .* \(5\.365, 0\.5\) um")


def test_transistor_without_implant(sketch, tmp_path):
    sketch.box("diff", 5, 0, 6, 1)
    sketch.box("poly", 5.4, -0.2, 5.6, 1.2)
    refused(sketch.write(tmp_path), "no transistor: it needs nsdm")


def test_gate_without_diffusion_beside_it_and_with_too_much(sketch, tmp_path):
    sketch.box("nsdm", 4.8, -0.2, 9, 2)
    sketch.box("diff", 5, 0, 5.5, 1)
    sketch.box("poly", 4.9, -0.1, 5.6, 1.1)
    refused(sketch.write(tmp_path), "not drawn as one: its gate meets no diffusion")
    sketch = Sketch()
    labelled_inverter(sketch)
    sketch.box("nsdm", 4.8, -0.2, 9, 3)
    for box in ((5, 0, 7, 1), (5.8, 1, 6.2, 2)):
        sketch.box("diff", *box)
    # A gate like a T between three pieces.
    sketch.box("poly", 5.9, -0.2, 6.1, 1.0)
    sketch.box("poly", 5.7, 0.9, 6.3, 1.1)
    refused(sketch.write(tmp_path), "its gate meets 3 pieces of diffusion")


def test_mim_plate_over_nothing_and_plate_with_a_corner(sketch, tmp_path):
    sketch.box("capm", 5, 0, 8, 3)
    refused(sketch.write(tmp_path), "no met3 below")
    sketch.box("met3", 4, -1, 12, 12)
    sketch.box("capm", 5, 2, 6, 5)
    refused(sketch.write(tmp_path), "no rectangle")
