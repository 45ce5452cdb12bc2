"""What is a port, a net's name, an alias; and what comparison makes of them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from codesign.errors import CheckFailed, InputError
from codesign.layout.circuit import FlatCircuit, FlatDevice
from codesign.layout.extract import extract_circuit
from codesign.layout.extract.labels import labels
from codesign.layout.extract.reader import read_gds
from codesign.layout.lvs import compare
from tests.layout.drawing import Sketch, labelled_inverter

PIN = 16


@pytest.fixture
def sketch() -> Sketch:
    sketch = Sketch()
    labelled_inverter(sketch)
    return sketch


def extract(sketch, tmp_path, mode="none", **options) -> FlatCircuit:
    return extract_circuit(sketch.write(tmp_path), "top", mode=mode, **options)


def schematic(circuit: FlatCircuit, ports: tuple[str, ...], **nets: str) -> FlatCircuit:
    """The inverter as a person would write it: no junctions, nets by the names given."""
    devices = tuple(
        FlatDevice(d.name, d.kind, d.model, tuple(nets.get(n, n) for n in d.nodes), d.w_um, d.l_um)
        for d in circuit.devices
    )
    return FlatCircuit("top", ports, devices)


def stacked_pair(tmp_path) -> FlatCircuit:
    """Two transistors in series: pins on purpose 16, the net between labelled on purpose 5."""
    sketch = Sketch()
    contacts = sketch.fet(0, 0, 1.0, 0.15, fingers=2)
    for x, name in zip(contacts, ("S", "mid", "Q"), strict=True):
        sketch.label("li1", name, x, 0.5, 5 if name == "mid" else PIN)
    for number, name in enumerate("AB"):
        sketch.label("poly", name, 0.365 + 0.43 * number, 0.5, PIN)
    sketch.tap(-2, 0.5, "p")
    sketch.label("li1", "VSS", -2, 0.5, PIN)
    return extract(sketch, tmp_path)


def test_where_there_are_pins_a_label_names_a_net_and_makes_no_port(tmp_path):
    circuit = stacked_pair(tmp_path)
    assert circuit.ports == ("A", "B", "Q", "S", "VSS")
    assert "mid" in circuit.nets
    assert any("1 labels" in line and "no ports" in line for line in circuit.comments)


def test_a_net_name_becomes_a_port_where_the_schematic_has_it_as_one(tmp_path):
    circuit = stacked_pair(tmp_path)
    wanted = ("S", "A", "mid", "B", "Q", "VSS")
    assert set(circuit.called(wanted).ports) == set(wanted)
    assert compare(circuit, schematic(circuit, circuit.ports, mid="net7")).match
    assert compare(circuit, schematic(circuit, wanted)).match


def test_a_label_on_a_pin_shape_is_a_pin(sketch, tmp_path):
    """As the foundry's cells and the project's own layouts have it: text on 5, shape on 16."""
    sketch.box((67, PIN), -0.05, 0.95, 0.05, 1.05)
    sketch.label("li1", "a", 0, 1)
    assert "vdd" not in extract(sketch, tmp_path).ports
    found = labels(read_gds(sketch.write(tmp_path)))
    assert {label.text for label in found if label.is_pin} == {"a"}


def test_without_pins_every_label_is_a_port(sketch, tmp_path):
    assert extract(sketch, tmp_path).ports == ("a", "vdd", "vss", "y")


def test_several_names_of_one_net_are_aliases(sketch, tmp_path):
    sketch.label("li1", "OUT", 0.22, 0.9)
    circuit = extract(sketch, tmp_path)
    assert circuit.ports == ("a", "OUT", "vdd", "vss")
    assert ("y", "OUT") in circuit.labels
    assert any("port OUT has other names: y" in line for line in circuit.comments)
    assert extract(sketch, tmp_path, ports=("a", "y", "vdd", "vss")).ports[1] == "y"
    for port in ("y", "out"):
        meant = schematic(circuit, ("a", port, "vdd", "vss"), OUT=port)
        report = compare(circuit, meant)
        assert report.match and port in report.nets.values()


def test_names_that_the_schematic_keeps_apart_are_a_short(sketch, tmp_path):
    sketch.label("li1", "OUT", 0.22, 0.9)
    ports = ("a", "y", "OUT", "vdd", "vss")
    with pytest.raises(CheckFailed, match=r"y: on the net of OUT \(a short\)"):
        extract(sketch, tmp_path, ports=ports)
    circuit = extract(sketch, tmp_path)
    n, p = schematic(circuit, ports).devices
    apart = replace(p, nodes=tuple("y" if node == "OUT" else node for node in p.nodes))
    report = compare(circuit, FlatCircuit("top", ports, (n, apart)))
    assert not report.match and report.of("short")
    assert re.search("pin y on the net of pin OUT", report.of("short")[0].text)


def test_upper_and_lower_case_on_one_net_are_one_name(sketch, tmp_path):
    sketch.label("li1", "Y", 0.22, 0.9)
    circuit = extract(sketch, tmp_path)
    assert [port.lower() for port in circuit.ports] == ["a", "vdd", "vss", "y"]
    assert compare(circuit, schematic(circuit, circuit.ports)).match


def test_ports_are_found_whatever_their_case(sketch, tmp_path):
    ports = ("A", "Y", "VDD", "VSS")
    assert extract(sketch, tmp_path, ports=ports).ports == ports


@pytest.mark.parametrize(
    ("text", "name"), [("q\\[1\\]", "q[1]"), ("in+", "in+"), ("vdd!", "vdd!"), ("d<3>", "d<3>")]
)
def test_names_as_writers_have_them(text, name, sketch, tmp_path):
    sketch.box("met1", 5, 0, 6, 1)
    sketch.label("met1", text, 5.5, 0.5)
    assert name in extract(sketch, tmp_path).ports


def test_a_comment_on_a_wire_is_no_name(sketch, tmp_path):
    """Where pins say what is a port, a text that SPICE cannot take is left out."""
    for text, x, y in (("a", 0, 1), ("y", 0.22, 1)):
        sketch.label("li1", text, x, y, PIN)
    sketch.label("li1", "W = 2 um", 0.22, 0.9)
    circuit = extract(sketch, tmp_path)
    assert circuit.ports[:2] == ("a", "y")
    assert any("left out" in line and "W = 2 um" in line for line in circuit.comments)


@pytest.mark.parametrize("mode", ["none", "c", "rc"])
def test_one_pin_on_two_nets_is_one_port_with_a_warning(mode, sketch, tmp_path):
    """As magic has it: both are nets of the port, to be joined outside."""
    sketch.box("met1", 3, 0, 4, 10)
    sketch.label("met1", "y", 3.5, 0.5)
    sketch.box("met1", 4.2, 0, 5, 10)
    sketch.label("met1", "vss", 4.5, 0.5)
    circuit = extract(sketch, tmp_path, mode)
    assert circuit.ports == ("a", "vdd", "vss", "y")
    warnings = [line for line in circuit.comments if line.startswith("warning: port")]
    assert len(warnings) == 2 and "port y is on 2 nets" in warnings[1]
    pairs = [(c.node_a, c.node_b) for c in circuit.capacitors]
    assert all(a != b for a, b in pairs)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)
    if mode == "c":
        # The wires' coupling is that between the two ports.
        between = next(c for c in circuit.capacitors if {c.node_a, c.node_b} == {"y", "vss"})
        assert between.value > 10 * 1e-15 * 0.044 / (0.2 + 0.25)


def test_a_net_name_on_two_nets_is_two_names(tmp_path):
    sketch = Sketch()
    labelled_inverter(sketch)
    sketch.label("li1", "a", 0, 1, PIN)
    for x in (3, 5):
        sketch.box("met1", x, 0, x + 1, 1)
        sketch.label("met1", "wire", x + 0.5, 0.5)
    circuit = extract(sketch, tmp_path)
    assert {("wire", "wire"), ("wire", "wire_2")} <= set(circuit.labels)
    assert any("called wire_2 here" in line for line in circuit.comments)


def test_label_faults_are_found_before_nets_are(sketch, tmp_path, monkeypatch):
    def never(drawing):
        raise AssertionError("nets were extracted")

    monkeypatch.setattr("codesign.layout.extract.found.connect", never)
    with pytest.raises(CheckFailed, match=r"(?s)2 faults.*enable: no net.*reset: no net"):
        extract(sketch, tmp_path, ports=("a", "enable", "y", "reset", "vdd", "vss"))
    sketch.label("li1", "b c", 0.22, 0.9)
    with pytest.raises(InputError, match=r"'b c' .* cannot be the name"):
        extract(sketch, tmp_path)
    unnamed = Sketch("bare")
    unnamed.fet(0, 0, 1, 0.15)
    with pytest.raises(InputError, match="no labels on its conductors"):
        extract_circuit(unnamed.write(tmp_path), mode="none")


def test_no_port_is_invented_where_nothing_is_on_it(tmp_path):
    sketch = Sketch()
    sketch.mim(0, 0, 8, 5)
    sketch.label("met4", "bottom", -0.2, -0.2)
    sketch.label("met5", "top", 4, 2.5)
    assert extract(sketch, tmp_path).ports == ("bottom", "top")
    assert extract(sketch, tmp_path, "c").ports == ("bottom", "top", "substrate")


@pytest.mark.parametrize("suffix", [".gds", ".gds.gz", ".oas"])
def test_formats_of_files_and_the_only_top_cell(suffix, sketch, tmp_path):
    import klayout.db as kdb

    layout = kdb.Layout()
    layout.read(str(sketch.write(tmp_path)))
    path = tmp_path / f"other{suffix}"
    layout.write(str(path))
    assert extract_circuit(path, mode="none").devices == extract(sketch, tmp_path).devices
    layout.create_cell("second")
    layout.write(str(path))
    with pytest.raises(InputError, match="2 top cells"):
        extract_circuit(path, mode="none")


@pytest.mark.parametrize(("name", "is_fine"), [("9inv", True), ("cell$1", True), ("a b", False)])
def test_names_of_cells(name, is_fine, tmp_path):
    sketch = Sketch(name)
    labelled_inverter(sketch)
    path = sketch.write(tmp_path)
    if is_fine:
        assert f".subckt {name} a vdd" in extract_circuit(path, mode="none").spice()
    else:
        with pytest.raises(InputError, match="cannot be the name of a subcircuit"):
            extract_circuit(path, mode="none")
