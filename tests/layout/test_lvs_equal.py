"""Circuits that are equal however they are drawn, and ones that only look so: both engines."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from benchmarks.lvs_pairs import FAULTS, pairs
from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit, FlatDevice
from codesign.layout.lvs import compare, compare_with_netgen
from codesign.layout.lvs.graph import Graph
from codesign.layout.lvs.refinement import Colouring, settle
from codesign.layout.multiples import copies
from tests.layout.lvs_circuits import disguised, fet


@pytest.fixture(params=[compare, compare_with_netgen], ids=["klayout", "netgen"])
def engine(request):
    if request.param is compare_with_netgen:
        request.getfixturevalue("requires_netgen")
    return request.param


def circuit(ports: str, *devices: FlatDevice) -> FlatCircuit:
    return FlatCircuit("c", tuple(ports.split()), devices)


def mim(name: str, nodes: str = "t b", w: float = 10.0, l: float = 10.0) -> FlatDevice:
    return FlatDevice(name, "cap", "cap_mim_m3_1", tuple(nodes.split()), w, l)


def resistor(name: str, nodes: str, l: float, model: str = "res_high_po") -> FlatDevice:
    return FlatDevice(name, "res", model, tuple(nodes.split()), 0.35, l)


def diode(name: str, nodes: str, area: float, perimeter: float) -> FlatDevice:
    sizes = (("area", area), ("perim", perimeter))
    return FlatDevice(
        name, "diode", "diode_pw2nd_05v5", tuple(nodes.split()), 0, 0, parameters=sizes
    )


def stack(name: str, gates: str, top: str, bottom: str, w: float = 1.0) -> tuple[FlatDevice, ...]:
    """Transistors in series from `top` to `bottom`."""
    order = gates.split()
    nets = [top, *(f"{name}_{i}" for i in range(1, len(order))), bottom]
    return tuple(
        fet(f"{name}{i}", f"{nets[i]} {gate} {nets[i + 1]} s", w=w) for i, gate in enumerate(order)
    )


def test_two_stacks_with_their_gates_in_opposite_order(engine):
    schematic = circuit("a b q s", *stack("x", "a b", "q", "s"), *stack("y", "b a", "q", "s"))
    for seed in range(4):
        report = engine(disguised(schematic, seed)[0], schematic)
        assert report.match and not report.notes, report.text()
    same_order = circuit("a b q s", *stack("x", "a b", "q", "s"), *stack("y", "a b", "q", "s"))
    assert not engine(same_order, schematic).match


@pytest.mark.parametrize("widths", [(1.0, 1.0), (0.5, 0.5, 1.0)])
def test_a_stack_in_fingers_with_inner_nets_of_their_own(engine, widths):
    schematic = circuit("a b c q s", *stack("x", "a b c", "q", "s", w=2.0))
    fingers = [stack(f"f{i}", "a b c", "q", "s", w) for i, w in enumerate(widths)]
    layout = circuit("a b c q s", *itertools.chain(*fingers))
    report = engine(layout, schematic)
    assert report.match, report.text()
    assert report.notes[-1] == "the fingers of stacked transistors were taken together"
    # A finger that lacks the middle transistor is no finger of this stack.
    other = circuit("a b c q s", *fingers[0], *stack("g", "a c", "q", "s", w=2.0 - widths[0]))
    assert not engine(other, schematic).match


def test_inner_nets_that_a_schematic_keeps_apart_may_not_be_joined(engine):
    stacks = (stack("x", "a b a", "q", "s"), stack("y", "a b a", "q", "s"))
    schematic = circuit("a b q s", *itertools.chain(*stacks))
    assert engine(disguised(schematic)[0], schematic).match
    joined = schematic.renamed({"y_1": "x_1"})
    report = engine(joined, schematic)
    assert not report.match and report.problems
    if engine is compare:
        assert [set(p.schematic) for p in report.of("short")] == [{"x_1", "y_1"}]
    assert engine(schematic, joined).match


def test_every_net_has_a_name_after_stacks_were_taken_together():
    schematic = circuit("a b q s", *stack("x", "a b", "q", "s", w=2.0))
    layout = circuit("a b q s", *stack("f", "a b", "q", "s"), *stack("g", "a b", "q", "s"))
    report = compare(layout, schematic)
    assert set(report.nets) == set(layout.nets)
    assert len(set(report.nets.values())) == len(layout.nets)
    assert "x_1" in report.nets.values()


@pytest.mark.parametrize(
    "device",
    [
        mim("c", "a b"),
        fet("m", "a b s s"),
        resistor("r", "a b s", 5.0),
        diode("d", "a b", 1e12, 4e6),
        FlatDevice("v", "varactor", "cap_var_lvt", ("a", "b", "s"), 1.0, 0.5),
        FlatDevice("q", "bipolar", "pnp_05v5_W3p40L3p40", ("s", "a", "b"), 0, 0),
        FlatDevice("x", "box", "reram_cell", ("a", "b"), 0, 0, parameters=(("area_ox", 0.1),)),
    ],
    ids=lambda device: device.kind,
)
def test_multiplicity_counts(engine, device):
    ports = " ".join(dict.fromkeys(device.nodes))
    once, three = circuit(ports, device), circuit(ports, *copies(device, 3))
    assert [d.name for d in three.devices] == [f"{device.name}{n}" for n in ("", "#2", "#3")]
    assert engine(three, three).match and engine(once, once).match
    for layout, schematic in ((once, three), (three, once)):
        report = engine(layout, schematic)
        assert not report.match and report.problems, report.text()
        assert all(problem.text.strip() for problem in report.problems)


def test_only_a_transistor_may_be_there_a_fraction_of_times():
    (found,) = copies(fet("m", "a b s s", w=2.0), 1.5)
    assert found.w_um == 3.0
    for device, count in ((mim("c"), 1.5), (mim("c"), 0.0), (fet("m", "a b s s"), -1.0)):
        with pytest.raises(InputError, match="is there"):
            copies(device, count)


def test_unequal_parallel_capacitors(engine):
    sizes = ((10, 10), (5, 20), (20, 10), (10, 5))
    schematic = circuit("t b", *(mim(f"c{i}", w=w, l=l) for i, (w, l) in enumerate(sizes)))
    turned = [mim(f"m{i}", w=l, l=w) for i, (w, l) in enumerate(reversed(sizes))]
    assert engine(circuit("t b", *turned), schematic).match
    assert not engine(circuit("t b", *turned[:3], mim("m9", w=10, l=6)), schematic).match


def test_ends_of_a_resistor_may_be_exchanged_those_of_a_diode_not(engine):
    schematic = circuit("a b s", resistor("r", "a b s", 5.0), diode("d", "a b", 1e12, 4e6))
    turned = circuit("a b s", resistor("r", "b a s", 5.0), diode("d", "a b", 1e12, 4e6))
    assert engine(turned, schematic).match
    wrong = circuit("a b s", resistor("r", "a b s", 5.0), diode("d", "b a", 1e12, 4e6))
    assert not engine(wrong, schematic).match


def test_resistors_in_series(engine):
    schematic = circuit("a b s", resistor("r", "a b s", 6.0))
    pieces = (resistor("r1", "a n1 s", 2.0), resistor("r2", "n2 n1 s", 2.0))
    layout = circuit("a b s", *pieces, resistor("r3", "n2 b s", 2.0))
    report = engine(layout, schematic)
    assert report.match and report.notes == ("resistors in series were taken together",)
    short = circuit("a b s", *pieces, resistor("r3", "n2 b s", 1.9))
    report = engine(short, schematic)
    assert "length is 5.9 um in the layout, 6 um in the schematic" in report.text()
    other = circuit("a b s", *pieces, resistor("r3", "n2 b s", 2.0, "res_xhigh_po"))
    assert not engine(other, schematic).match


def test_sizes_of_a_diode_in_the_units_of_netlists(engine):
    layout = circuit("a s", diode("d", "s a", 0.4347e12, 5.36e6))
    for area, perimeter in ((0.4347, 5.36), (4.347e-13, 5.36e-6)):
        assert engine(layout, circuit("a s", diode("d", "s a", area, perimeter))).match
    report = engine(layout, circuit("a s", diode("d", "s a", 0.5, 5.36)))
    assert "area is 0.4347 um^2 in the layout, 0.5 um^2 in the schematic" in report.text()


def test_wires_that_a_netlist_calls_shorts(engine):
    schematic = circuit("a b s", FlatDevice("r", "res", "short", ("a", "b"), 0, 0), mim("c", "a s"))
    wire = resistor("r", "b a", 0.2, "res_generic_m5")
    assert engine(circuit("a b s", wire, mim("c", "a s")), schematic).match
    assert not engine(circuit("a b s", mim("c", "a s")), schematic).match


@pytest.mark.parametrize("side", ["layout", "schematic"])
def test_a_pin_without_a_device_on_one_side(engine, side):
    inner = circuit("a b s", fet("m", "a b s s"))
    loose = replace(inner, ports=(*inner.ports, "nc"))
    layout, schematic = (loose, inner) if side == "layout" else (inner, loose)
    report = engine(layout, schematic)
    assert [p.kind for p in report.problems] == ["extra pin" if side == "layout" else "missing pin"]
    assert engine(loose, loose).match
    wrong = replace(layout, devices=(fet("m", "a b s s", w=2.0),))
    assert {p.kind for p in engine(wrong, schematic).problems} >= {"wrong size"}


def test_fingers_may_be_rounded_to_the_grid_each(engine):
    schematic = circuit("a b s", fet("m", "a b s s", w=10.0))
    fingers = [fet(f"f{i}", "a b s s", w=3.335) for i in range(3)]
    assert engine(circuit("a b s", *fingers), schematic).match
    fingers[0] = fet("f0", "a b s s", w=3.345)
    assert not engine(circuit("a b s", *fingers), schematic).match


@pytest.mark.parametrize("name", ["klayout", "netgen"])
def test_random_pairs(name, request):
    count = 15
    if name == "netgen":
        request.getfixturevalue("requires_netgen")
        count = 2
    run = compare if name == "klayout" else compare_with_netgen
    for equal in (True, False):
        for pair in itertools.islice(pairs(7, equal=equal), count):
            assert len(pair.layout.devices) > 0 and (pair.fault in FAULTS or equal)
            report = run(pair.layout, pair.schematic)
            assert report.match is equal, f"{pair.fault}\n{report.text()}"
            assert equal or report.problems


def test_the_search_comes_back_from_a_wrong_choice():
    """Two rings of 6 against one of 3 and one of 9: refinement alone cannot tell them apart."""

    def rings(graph: Graph, side: int, lengths: tuple[int, ...]) -> list[int]:
        nodes = []
        for length in lengths:
            ring = [graph.add(side, "node") for _ in range(length)]
            for index, node in enumerate(ring):
                middle = graph.add(side, "edge")
                graph.join(node, middle, 0)
                graph.join(middle, ring[index - 1], 0)
            nodes += ring
        return nodes

    different = Graph()
    nodes = rings(different, 0, (6, 6))
    rings(different, 1, (3, 9))
    assert not settle(Colouring(different), nodes)
    same = Graph()
    nodes = rings(same, 0, (3, 9))
    rings(same, 1, (9, 3))
    colouring = Colouring(same)
    assert settle(colouring, nodes) and all(map(colouring.is_settled, nodes))
