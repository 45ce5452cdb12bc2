"""Both engines: what matches, and each kind of difference caught and named."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from codesign.cells import (
    Crossbar,
    CrossbarParameters,
    Network,
    NetworkParameters,
    RCSpikeNeuron,
    RCSpikeNeuronParameters,
    ResistiveSynapse,
    ResistiveSynapseParameters,
)
from codesign.cells.flatten import flat_circuit
from codesign.errors import InputError, MissingToolError
from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs import compare, compare_with_netgen, write_lvs_json
from tests.layout.lvs_circuits import chains, changed, disguised, fet, pins_swapped, turned

NEURON = flat_circuit(RCSpikeNeuron(RCSpikeNeuronParameters()))
NETWORK = flat_circuit(Network(NetworkParameters()))
CROSSBAR = flat_circuit(Crossbar(CrossbarParameters(rows=16, columns=16)))


@pytest.fixture(params=[compare, compare_with_netgen], ids=["klayout", "netgen"])
def engine(request):
    if request.param is compare_with_netgen:
        request.getfixturevalue("requires_netgen")
    return request.param


def connections(circuit: FlatCircuit) -> Counter:
    """Devices by model and nets, source and drain in either order."""
    return Counter(
        (d.model, min(d.nodes, turned(d).nodes), d.w_um, d.l_um) for d in circuit.devices
    )


@pytest.mark.parametrize("schematic", [NEURON, CROSSBAR, NETWORK], ids=lambda c: c.name)
def test_a_disguised_copy_matches(engine, schematic):
    layout, _ = disguised(schematic)
    report = engine(layout, schematic)
    assert report.match and not report.problems, report.text()


@pytest.mark.parametrize("schematic", [NEURON, CROSSBAR, NETWORK], ids=lambda c: c.name)
def test_the_pairing_is_complete_right_and_always_the_same(schematic):
    layout, truth = disguised(schematic)
    report = compare(layout, schematic)
    assert report.nets == truth
    assert list(report.nets) == list(compare(layout, schematic).nets) == list(layout.nets)
    assert connections(layout.renamed(report.nets)) == connections(schematic)
    assert set(report.devices) == {device.name for device in layout.devices}


@pytest.mark.parametrize(("count", "length"), [(4, 3), (20, 5), (100, 4)])
def test_indistinguishable_parts_are_paired_consistently(count, length):
    schematic = chains(count, length)
    layout, _ = disguised(schematic)
    report = compare(layout, schematic)
    assert report.match, report.text()
    assert connections(layout.renamed(report.nets)) == connections(schematic)
    assert report.nets == compare(layout, schematic).nets


def problem(engine, layout: FlatCircuit, schematic: FlatCircuit, kind: str):
    """The problems of a kind; the report must be no match."""
    report = engine(layout, schematic)
    assert not report.match
    assert report.of(kind), report.text()
    return report.of(kind)


def names_of(layout: FlatCircuit, schematic: FlatCircuit, device: str) -> str:
    """Name in the disguised layout of a device of the schematic."""
    report = compare(layout, schematic)
    return next(a for a, b in report.devices.items() if b == device)


@pytest.mark.parametrize(
    ("schematic", "first", "second"),
    [
        (NEURON, "ph", "rstb"),
        (NEURON, "v0", "vdd"),
        # Symmetric: only the names tell these pins apart.
        (NETWORK, "bn_1_1_1", "bn_2_1_1"),
        (NETWORK, "pulse_1", "pulse_2"),
        (CROSSBAR, "sp_3", "sp_9"),
    ],
)
def test_swapped_pins(engine, schematic, first, second):
    layout = pins_swapped(disguised(schematic)[0], first, second)
    found = problem(engine, layout, schematic, "swapped pins")
    assert {(p.layout, p.schematic) for p in found} == {
        ((first,), (second,)),
        ((second,), (first,)),
    }


@pytest.mark.parametrize(
    ("schematic", "device"),
    [(NEURON, "gate_n"), (NEURON, "membrane"), (NETWORK, "xxbar_1.xs_2_3.mem_p")],
)
def test_wrong_width(engine, schematic, device):
    layout, _ = disguised(schematic)
    name = names_of(layout, schematic, device)
    wider = changed(layout, name, lambda d: replace(d, w_um=d.w_um + 0.1))
    (found,) = problem(engine, wider, schematic, "wrong size")
    assert (found.layout, found.schematic) == ((name,), (device,))
    drawn = next(d.w_um for d in wider.devices if d.name == name)
    meant = next(d.w_um for d in schematic.devices if d.name == device)
    assert f"{drawn:g}" in found.text and f"{meant:g}" in found.text


def test_a_width_rounded_to_the_grid_is_no_difference(engine):
    schematic = FlatCircuit("c", ("a", "b", "s"), (fet("m", "a b s s", w=1.0024),))
    layout = replace(schematic, devices=(fet("m1", "s b a s", w=1.0),))
    assert engine(layout, schematic).match
    layout = replace(schematic, devices=(fet("m1", "s b a s", w=1.01),))
    assert engine(layout, schematic).of("wrong size")


@pytest.mark.parametrize("schematic", [NEURON, NETWORK], ids=lambda c: c.name)
def test_missing_and_extra_device(engine, schematic):
    device = schematic.devices[3].name
    layout, _ = disguised(schematic)
    name = names_of(layout, schematic, device)
    (found,) = problem(engine, changed(layout, name, lambda d: None), schematic, "missing device")
    assert device in found.schematic
    rest = changed(schematic, device, lambda d: None)
    (found,) = problem(engine, layout, rest, "extra device")
    assert name in found.layout


def test_wrong_model(engine):
    layout, _ = disguised(NEURON)
    name = names_of(layout, NEURON, "sense_n")
    wrong = changed(layout, name, lambda d: replace(d, model="nfet_01v8"))
    report = engine(wrong, NEURON)
    assert not report.match
    assert "nfet_01v8_lvt" in report.text() and "sense_n" in report.text() and name in report.text()


@pytest.mark.parametrize(
    ("schematic", "first", "second"),
    [(NEURON, "dis", "fireb"), (NETWORK, "xn_1_1.dis", "xn_2_3.fireb")],
)
def test_short(engine, schematic, first, second):
    layout, truth = disguised(schematic)
    name = {meant: drawn for drawn, meant in truth.items()}
    shorted = layout.renamed({name[second]: name[first]})
    (found,) = problem(engine, shorted, schematic, "short")
    assert found.layout == (name[first],) and set(found.schematic) == {first, second}


def test_two_pins_on_one_net(engine):
    layout, _ = disguised(NEURON)
    ports = tuple(port for port in layout.ports if port != "vdis")
    shorted = replace(layout.renamed({"vdis": "v0"}), ports=ports)
    report = engine(shorted, NEURON)
    assert [p.schematic for p in report.of("missing pin")] == [("vdis",)]
    assert [set(p.schematic) for p in report.of("short")] == [{"v0", "vdis"}]


@pytest.mark.parametrize(
    ("schematic", "net", "device"),
    [(NEURON, "fireb", "nand_p1"), (NETWORK, "xn_2_3.fireb", "xn_2_3.nand_p1")],
)
def test_open(engine, schematic, net, device):
    layout, truth = disguised(schematic)
    drawn = {meant: name for name, meant in truth.items()}[net]
    cut = changed(
        layout,
        names_of(layout, schematic, device),
        lambda d: replace(d, nodes=tuple("cut" if n == drawn else n for n in d.nodes)),
    )
    (found,) = problem(engine, cut, schematic, "open")
    assert set(found.layout) == {drawn, "cut"} and found.schematic == (net,)


def test_a_gate_on_the_wrong_net_is_described_at_its_device(engine):
    layout, _ = disguised(NEURON)
    name = names_of(layout, NEURON, "dis_switch")
    nodes = {"ph": "phb"}
    wrong = changed(
        layout, name, lambda d: replace(d, nodes=tuple(nodes.get(n, n) for n in d.nodes))
    )
    report = engine(wrong, NEURON)
    assert not report.match and "phb" in report.text()
    if engine is compare:
        assert f"dis_switch (layout: {name}): gate is on phb" in report.text()


def test_plates_of_a_capacitor_are_not_exchangeable(engine):
    layout, _ = disguised(NEURON)
    name = names_of(layout, NEURON, "membrane")
    flipped = changed(layout, name, lambda d: replace(d, nodes=d.nodes[::-1]))
    assert not engine(flipped, NEURON).match


def test_fingers_count_as_one_transistor_of_their_total_width(engine):
    schematic = FlatCircuit("c", ("a", "b", "s"), (fet("m", "a b s s", w=2.0),))
    fingers = (fet("m1", "a b s s", w=1.0), fet("m2", "s b a s", w=1.0))
    report = engine(replace(schematic, devices=fingers), schematic)
    assert report.match, report.text()
    fingers = (fet("m1", "a b s s", w=1.0), fet("m2", "s b a s", w=0.9))
    assert not engine(replace(schematic, devices=fingers), schematic).match


def test_pins_are_compared_in_any_case_of_letters(engine):
    layout = NEURON.renamed({"vdd": "VDD"})
    assert engine(layout, NEURON).match


def test_without_any_pin_names_the_answer_is_not_match_and_comes_soon(engine):
    layout, _ = disguised(CROSSBAR)
    renamed = layout.renamed({port: f"net_{port}" for port in layout.ports})
    report = engine(renamed, CROSSBAR)
    assert len(report.of("missing pin")) == len(CROSSBAR.ports) and not report.match


def test_ideal_resistors_have_no_layout(engine):
    schematic = flat_circuit(ResistiveSynapse(ResistiveSynapseParameters()))
    with pytest.raises(InputError, match="resistors"):
        engine(replace(schematic, resistors=()), schematic)


def test_report_and_json(tmp_path):
    layout, _ = disguised(NEURON)
    name = names_of(layout, NEURON, "gate_n")
    report = compare(changed(layout, name, lambda d: replace(d, l_um=0.2)), NEURON)
    assert "length is 0.2 um in the layout, 0.15 um in the schematic" in report.text()
    write_lvs_json(report, tmp_path / "lvs.json")
    data = json.loads((tmp_path / "lvs.json").read_text())
    assert data["schema_version"] == 1 and data["match"] is False and data["engine"] == "klayout"
    assert data["problems"][0]["kind"] == "wrong size"
    assert data["devices"] == {"layout": 28, "schematic": 28}


def test_missing_netgen_says_what_to_install(monkeypatch):
    monkeypatch.setenv("CODESIGN_NETGEN", "/nowhere/netgen")
    with pytest.raises(MissingToolError, match="netgen-lvs"):
        compare_with_netgen(NEURON, NEURON)
