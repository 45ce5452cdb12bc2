"""Capacitance extraction: against a pixel computation, by closed forms, and its symmetries."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.errors import InputError
from codesign.layout.extract.capacitance import NetCapacitances, NetShapes, capacitances
from codesign.layout.extract.shapes import LAYERS
from codesign.pdk import default_process
from codesign.pdk.parasitics import LAWS, SUBSTRATE

from .drawing import Rows, matrix_aF, net_shapes
from .pixels import pixel_matrix_aF

SIZE = 24
COARSE_UM = 0.2
NETS = 4


@st.composite
def layouts(draw: st.DrawFn) -> NetShapes:
    """A few disjoint boxes on several layers inside SIZE x SIZE units of 0.2 um."""
    boxes, nets = {}, {}
    for layer in draw(st.lists(st.sampled_from(LAYERS), min_size=1, max_size=5, unique=True)):
        taken = np.zeros((SIZE, SIZE), bool)
        if (layer == "poly" and "gate" in boxes) or (layer == "gate" and "poly" in boxes):
            other = "gate" if layer == "poly" else "poly"
            for x0, y0, x1, y1 in boxes[other]:
                taken[x0:x1, y0:y1] = True
        kept = []
        for _ in range(draw(st.integers(1, 6))):
            x0, y0 = draw(st.integers(0, SIZE - 1)), draw(st.integers(0, SIZE - 1))
            x1 = min(SIZE, x0 + draw(st.integers(1, 12)))
            y1 = min(SIZE, y0 + draw(st.integers(1, 12)))
            # Boxes of different nets on one layer do not touch.
            if not taken[max(x0 - 1, 0) : x1 + 1, max(y0 - 1, 0) : y1 + 1].any():
                taken[x0:x1, y0:y1] = True
                kept.append((x0, y0, x1, y1, draw(st.integers(0, NETS - 1))))
        if kept:
            table = np.array(kept, np.int64)
            boxes[layer], nets[layer] = table[:, :4], table[:, 4]
    return NetShapes(COARSE_UM, boxes, nets, NETS)


def _map(shapes: NetShapes, function) -> NetShapes:  # type: ignore[no-untyped-def]
    return replace(shapes, boxes={k: function(v) for k, v in shapes.boxes.items()})


def _same(a: NetCapacitances, b: NetCapacitances) -> None:
    assert matrix_aF(a) == pytest.approx(matrix_aF(b), rel=1e-9, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(layouts())
def test_equals_pixel_computation(shapes: NetShapes) -> None:
    table = default_process().parasitics("nom", "constant")
    found = matrix_aF(capacitances(shapes, table))
    assert found == pytest.approx(pixel_matrix_aF(shapes, table, SIZE), rel=1e-9, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(layouts(), st.sampled_from(LAWS), st.integers(-10_000, 10_000), st.randoms())
def test_symmetries(shapes: NetShapes, law: str, shift: int, random) -> None:  # type: ignore[no-untyped-def]
    """Translation, rotation, mirroring, order of the boxes and the names of nets do not matter."""
    table = default_process().parasitics("nom", law)
    found = capacitances(shapes, table)
    by = np.array([shift, -shift, shift, -shift])
    _same(found, capacitances(_map(shapes, lambda b: b + by), table))
    turned = _map(shapes, lambda b: np.stack((-b[:, 3], b[:, 0], -b[:, 1], b[:, 2]), axis=1))
    _same(found, capacitances(turned, table))
    mirrored = _map(shapes, lambda b: np.stack((-b[:, 2], b[:, 1], -b[:, 0], b[:, 3]), axis=1))
    _same(found, capacitances(mirrored, table))
    order = {k: random.sample(range(len(v)), len(v)) for k, v in shapes.nets.items()}
    shuffled = replace(
        shapes,
        boxes={k: v[order[k]] for k, v in shapes.boxes.items()},
        nets={k: v[order[k]] for k, v in shapes.nets.items()},
    )
    _same(found, capacitances(shuffled, table))
    renamed = replace(shapes, nets={k: NETS - 1 - v for k, v in shapes.nets.items()})
    matrix = matrix_aF(capacitances(renamed, table))
    back = [*range(NETS)[::-1], NETS]
    assert matrix[np.ix_(back, back)] == pytest.approx(matrix_aF(found), rel=1e-9, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(layouts(), st.sampled_from(LAWS), st.data())
def test_cutting_boxes_does_not_matter(shapes: NetShapes, law: str, data: st.DataObject) -> None:
    table = default_process().parasitics("nom", law)
    layer = data.draw(st.sampled_from(sorted(shapes.boxes)))
    boxes = shapes.boxes[layer]
    at = data.draw(st.integers(0, len(boxes) - 1))
    axis = data.draw(st.sampled_from((0, 1)))
    low, high = boxes[at, axis], boxes[at, axis + 2]
    if high - low < 2:
        return
    cut = data.draw(st.integers(int(low) + 1, int(high) - 1))
    first, second = boxes[at].copy(), boxes[at].copy()
    first[axis + 2] = second[axis] = cut
    pieces = np.concatenate((boxes[:at], [first, second], boxes[at + 1 :]))
    nets = np.insert(shapes.nets[layer], at, shapes.nets[layer][at])
    apart = replace(
        shapes, boxes={**shapes.boxes, layer: pieces}, nets={**shapes.nets, layer: nets}
    )
    _same(capacitances(shapes, table), capacitances(apart, table))


@settings(max_examples=40, deadline=None)
@given(layouts(), st.sampled_from(LAWS))
def test_values_and_pairs(shapes: NetShapes, law: str) -> None:
    """Nothing is negative, pairs are ordered and named once; a single net has no pairs."""
    table = default_process().parasitics("nom", law)
    found = capacitances(shapes, table)
    assert (found.ground_F >= 0).all() and (found.pair_F > 0).all()
    assert (found.pair[:, 0] < found.pair[:, 1]).all()
    assert len({tuple(pair) for pair in found.pair.tolist()}) == len(found.pair)
    assert found.total_F() == pytest.approx(matrix_aF(found)[:-1].sum(axis=1) * 1e-18)
    joined = replace(shapes, nets={k: np.zeros_like(v) for k, v in shapes.nets.items()})
    alone = capacitances(joined, table)
    assert len(alone.pair) == 0
    # What couples within a net still shields: the rest to the substrate stays as it was.
    assert alone.ground_F[0] == pytest.approx(found.ground_F.sum(), rel=1e-9, abs=1e-24)


def test_two_wires_by_hand() -> None:
    """met1 wires 0.14 um wide, 0.28 um apart, 100 um long over field: the constants, summed up."""
    table = default_process().parasitics("nom", "constant")
    rows: Rows = {"met1": [(0, 0, 140, 100_000, 0), (420, 0, 560, 100_000, 1)]}
    matrix = matrix_aF(capacitances(net_shapes(rows), table))
    assert matrix[0, 1] == pytest.approx(100 * 44 / (0.28 + 0.25))
    share = 2 / math.pi * math.atan(0.02 * 25.78 * 0.28)
    edges = 100 * 40.57 * (1 + share) + 2 * 0.14 * 40.57
    assert matrix[0, 2] == pytest.approx(25.78 * 0.14 * 100 + edges)


def test_shields() -> None:
    """A plane between takes all; a wire between two others takes their sidewall coupling."""
    table = default_process().parasitics()
    plane = (-9_000, -9_000, 59_000, 59_000, 1)
    rows: Rows = {"met3": [(0, 0, 50_000, 50_000, 0)], "met1": [(0, 0, 50_000, 50_000, 2)]}
    through = matrix_aF(capacitances(net_shapes(rows, 3), table))
    shielded = matrix_aF(capacitances(net_shapes({**rows, "met2": [plane]}, 3), table))
    assert through[0, 2] > 50_000 and shielded[0, 2] == 0.0
    assert shielded[0, 3] < 0.4 * through[0, 3]  # to the substrate: only beyond the halo
    three: Rows = {"met2": [(k * 280, 0, k * 280 + 140, 10_000, k) for k in range(3)]}
    assert matrix_aF(capacitances(net_shapes(three), table))[0, 2] == 0.0


def test_mim_capacitor_is_not_counted_twice() -> None:
    """capm hides met3 from met4 above it; to met3 itself it has nothing: the model has it all."""
    table = default_process().parasitics()
    plates: Rows = {
        "met3": [(0, 0, 20_000, 20_000, 0)],
        "capm": [(1_000, 1_000, 19_000, 19_000, 1)],
        "met4": [(2_000, 2_000, 18_000, 18_000, 1)],
    }
    matrix = matrix_aF(capacitances(net_shapes(plates), table))
    without = matrix_aF(capacitances(net_shapes({**plates, "capm": []}, 2), table))
    assert without[0, 1] > 84 * 16 * 16
    assert matrix[0, 1] < 0.1 * without[0, 1]  # met4's edges beyond the plate, met3's rim
    assert matrix[0, 2] == pytest.approx(without[0, 2])
    # Another net's met4 over the plate couples with the plate.
    other = matrix_aF(
        capacitances(net_shapes({**plates, "met4": [(2_000, 2_000, 4_000, 4_000, 2)]}), table)
    )
    assert other[1, 2] > 84 * 2 * 2 and other[0, 2] < 0.1 * other[1, 2]


def test_gates_belong_to_the_model() -> None:
    """A gate has neither area nor edges downward, but a wire above it couples as over poly."""
    table = default_process().parasitics()
    rows: Rows = {"gate": [(0, 0, 150, 1_000, 0)]}
    assert matrix_aF(capacitances(net_shapes(rows), table)).sum() == 0.0
    rows = {"gate": [(0, 0, 150, 1_000, 0)], "met1": [(-9_000, -9_000, 9_000, 9_000, 1)]}
    gate = matrix_aF(capacitances(net_shapes(rows), table))[0, 1]
    assert gate == pytest.approx(44.8056 * 0.15)
    # Poly's end caps join the gate without an edge between them.
    joined: Rows = {"gate": [(0, 0, 150, 1_000, 0)], "poly": [(0, 1_000, 150, 1_130, 0)]}
    found = matrix_aF(capacitances(net_shapes(joined), table))[0, 1]
    assert found == pytest.approx(106.13 * 0.15 * 0.13 + 55.27 * (0.15 + 2 * 0.13))


def test_well_and_diffusion_are_planes() -> None:
    """Over nwell the coupling goes to the well's net; diffusion has its own coefficients."""
    table = default_process().parasitics()
    wire = (0, 0, 1_000, 1_000, 0)
    big = (-20_000, -20_000, 20_000, 20_000, 1)
    over_well = matrix_aF(capacitances(net_shapes({"met1": [wire], "nwell": [big]}), table))
    bare = matrix_aF(capacitances(net_shapes({"met1": [wire]}), table))
    assert over_well[1, 2] == pytest.approx(120.0 * 40 * 40)
    # The tail of the fringe beyond the halo stays with the substrate.
    assert over_well[0, 1] + over_well[0, 2] == pytest.approx(bare[0, 1])
    assert over_well[0, 1] > 0.8 * bare[0, 1]
    active = matrix_aF(capacitances(net_shapes({"met1": [wire], "diff": [big]}), table))
    assert active[0, 1] > 33.6 * 1.0 and active[1, 2] == 0.0


def test_halo_ends_the_reach() -> None:
    """Wires up to 8 um apart couple, wires farther apart do not."""
    table = default_process().parasitics()
    for space, couples in ((8_000, True), (8_005, False)):
        rows: Rows = {"met5": [(0, 0, 1600, 9_000, 0), (1600 + space, 0, 3200 + space, 9_000, 1)]}
        matrix = matrix_aF(capacitances(net_shapes(rows), table))
        assert (matrix[0, 1] > 0) == couples


def test_bad_input_is_named() -> None:
    box, net = np.array([[0, 0, 1, 1]]), np.array([0])
    with pytest.raises(InputError, match="unknown layer 'metal1'"):
        NetShapes(0.001, {"metal1": box}, {"metal1": net}, 1)
    with pytest.raises(InputError, match="met1: boxes must be"):
        NetShapes(0.001, {"met1": box}, {"met1": np.array([0, 1])}, 2)
    with pytest.raises(InputError, match="a box without area"):
        NetShapes(0.001, {"met1": box * 0}, {"met1": net}, 1)
    with pytest.raises(InputError, match="a net outside"):
        NetShapes(0.001, {"met1": box}, {"met1": net + 1}, 1)
    with pytest.raises(InputError, match="unknown interconnect corner 'tt'"):
        default_process().parasitics("tt")
    with pytest.raises(InputError, match="unknown interconnect law"):
        default_process().parasitics("nom", "tables")


def test_nothing_gives_nothing() -> None:
    found = capacitances(NetShapes(0.001, {}, {}, 2), default_process().parasitics())
    assert found.ground_F.tolist() == [0.0, 0.0] and len(found.pair) == 0


def test_constants_are_those_of_the_sources() -> None:
    """Some values of the SkyWater documentation (rules/rcx) and of the technology file."""
    table = default_process().parasitics()
    assert table.overlaps["met2", "met1"].area_F_per_m2 == pytest.approx(133.861e-6)
    assert table.overlaps["met2", "met1"].fringe_F_per_m == pytest.approx(67.045e-12)
    assert table.overlaps["met2", "met1"].fringe_up_F_per_m == pytest.approx(48.193e-12)
    assert table.overlaps["met4", SUBSTRATE].fringe_F_per_m == pytest.approx(36.68e-12)
    met4 = table.sidewalls["met4"]
    coupling = met4.K_F / (0.3e-6 + met4.offset_m)
    # The full value of the foundry's table, not half of it.
    assert coupling == pytest.approx(108e-12, rel=0.01)
