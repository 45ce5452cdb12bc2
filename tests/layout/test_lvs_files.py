"""Reading netlist files, flattening schematics, and `codesign lvs` on files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

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
from codesign.cli import cli
from codesign.errors import InputError
from codesign.layout.lvs import compare, read_circuit

NFET, PFET = "sky130_fd_pr__nfet_01v8", "sky130_fd_pr__pfet_01v8"
CELLS = [
    RCSpikeNeuron(RCSpikeNeuronParameters()),
    Crossbar(CrossbarParameters(rows=3, columns=2)),
    Network(NetworkParameters(layers=(2, 3, 2))),
    Crossbar(CrossbarParameters(rows=1, columns=1), "least"),
]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "circuit.spice"
    path.write_text(text)
    return path


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_flat_schematic_is_what_the_netlist_text_says(tmp_path, cell):
    """Two ways to the same circuit: the records of the schematic, and its SPICE text."""
    read = read_circuit(written(tmp_path, cell.netlist()), cell.name)
    flat = flat_circuit(cell)
    assert read.ports == flat.ports and set(read.devices) == set(flat.devices)
    assert len(read.devices) == len(flat.devices) and read.resistors == flat.resistors


def test_programmable_conductances_are_there_at_their_defaults(tmp_path):
    cell = ResistiveSynapse(ResistiveSynapseParameters())
    found = {(r.node_a, r.node_b): r.value for r in flat_circuit(cell).resistors}
    assert found == {("dend", "mid_n"): pytest.approx(1e15), ("dend", "mid_p"): pytest.approx(1e15)}
    read = read_circuit(written(tmp_path, cell.netlist()), cell.name)
    assert read.resistors == flat_circuit(cell).resistors


def test_resistors_may_name_their_value(tmp_path):
    text = ".subckt r a b\nR1 a b r=5k\n.ends\n"
    (found,) = read_circuit(written(tmp_path, text), "r").resistors
    assert found.value == 5e3


def test_flat_names_are_those_of_ngspice():
    circuit = flat_circuit(CELLS[2])
    assert {"xn_1_1.mem", "xn_2_2.xdriver.fire", "xxbar_1.xs_3_2.mid_n"} <= set(circuit.nets)
    assert "dend_1_1" in circuit.nets and "vss" in circuit.ports
    assert "xn_1_1.xdriver.nfire" in {device.name for device in circuit.devices}


def test_written_circuits_read_back(tmp_path):
    circuit = flat_circuit(CELLS[0])
    assert read_circuit(written(tmp_path, circuit.spice())) == circuit


def test_dialects(tmp_path):
    text = f"""* a title
.global vpwr
.subckt inv A y ; comment
Xn y a 0 0 {NFET} W = 1u L=0.15u nf=1
xp y a VPWR vpwr {PFET.upper()}
+ w=2 l=0.15 m=2 $ comment
C1 y 0 2f
.ends inv
.subckt pair in out
Xone in mid inv
Xtwo MID out inv
.ends
"""
    circuit = read_circuit(written(tmp_path, text))
    assert circuit.ports == ("in", "out")
    assert [device.nodes for device in circuit.devices] == [
        ("mid", "in", "0", "0"),
        *[("mid", "in", "vpwr", "vpwr")] * 2,
        ("out", "mid", "0", "0"),
        *[("out", "mid", "vpwr", "vpwr")] * 2,
    ]
    assert {device.w_um for device in circuit.devices} == {1.0, 2.0}
    assert [c.value for c in circuit.capacitors] == [2e-15, 2e-15]
    inverter = read_circuit(written(tmp_path, text), "INV")
    assert inverter.ports == ("A", "y") and inverter.devices[0].nodes == ("y", "A", "0", "0")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "no .subckt"),
        (".subckt top a\nXm a a a sky130_fd_pr__nfet_01v8 w=1 l=1\n.ends", ":2: Xm has 3 nodes"),
        (".subckt top a\nXm a a a a nmos w=1 l=1\n.ends", "neither a subcircuit"),
        (f".subckt top a\nXm a a a a {NFET} w=1\n.ends", "has no l"),
        (f".subckt top a\nXm a a a a {NFET} w=wide l=1\n.ends", "parameter wide is not defined"),
        (".subckt top a\nXt a top\n.ends", "contains itself"),
        (".subckt low b\n.ends\n.subckt top a\nXl a a low\n.ends", "has 2 nodes, needs 1"),
        (".subckt top a\nM1 a a a a nmos\n.ends", "M1: 'nmos' is neither"),
        (".subckt top a", "has no .ends"),
        (".ends", ".ends without"),
        (".subckt other a\n.ends", "no subcircuit 'top'"),
    ],
)
def test_bad_netlists_name_file_and_line(tmp_path, body, words):
    with pytest.raises(InputError) as error:
        read_circuit(written(tmp_path, body), "top")
    assert words in str(error.value) and "circuit.spice" in str(error.value)


def test_missing_netlist(tmp_path):
    with pytest.raises(InputError, match="cannot read the netlist"):
        read_circuit(tmp_path / "none.spice")


def lvs(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["lvs", *map(str, arguments)], prog_name="codesign")


@pytest.fixture(scope="module")
def neuron(tmp_path_factory) -> tuple[Path, Path]:
    """Layout and netlist of the neuron."""
    folder = tmp_path_factory.mktemp("neuron")
    gds, netlist = folder / "neuron.gds", folder / "neuron.spice"
    CELLS[0].layout.write_gds(gds)
    netlist.write_text(CELLS[0].netlist())
    return gds, netlist


def test_command_on_matching_files(tmp_path, neuron):
    report = tmp_path / "lvs.json"
    result = lvs(*neuron, "--top", "neuron", "-o", report)
    assert result.exit_code == 0, result.output
    assert "layout and schematic match" in result.stdout
    assert json.loads(report.read_text())["match"] is True


def test_command_with_netgen(neuron, requires_netgen):
    result = lvs(*neuron, "--top", "neuron", "--engine", "netgen")
    assert result.exit_code == 0 and "(netgen)" in result.stdout


@pytest.mark.parametrize("name", ["klayout", "netgen"])
def test_command_exits_with_1_on_a_difference(tmp_path, neuron, name, request):
    if name == "netgen":
        request.getfixturevalue("requires_netgen")
    gds, netlist = neuron
    wrong = written(tmp_path, netlist.read_text().replace("w=0.5", "w=0.75", 1))
    result = lvs(gds, wrong, "--top", "neuron", "--engine", name)
    assert result.exit_code == 1
    assert "width is 0.5 um in the layout, 0.75 um in the schematic" in result.stdout


def test_command_on_bad_input_exits_with_2(tmp_path, neuron):
    gds, netlist = neuron
    report = tmp_path / "lvs.json"
    for arguments in (
        (gds, tmp_path / "none.spice", "--top", "neuron"),
        (gds, netlist, "--top", "neurons"),
        (netlist, netlist, "--top", "neuron"),
    ):
        result = lvs(*arguments, "-o", report)
        assert result.exit_code == 2 and "Traceback" not in result.output
        assert not report.exists()


def test_command_without_netgen_exits_with_3(neuron, monkeypatch):
    monkeypatch.setenv("CODESIGN_NETGEN", "/nowhere/netgen")
    result = lvs(*neuron, "--top", "neuron", "--engine", "netgen")
    assert result.exit_code == 3 and "apt-get install netgen-lvs" in result.stderr


def test_layout_and_schematic_of_the_neuron_pair_their_membranes(neuron):
    from codesign.layout.extract import extract_circuit

    report = compare(extract_circuit(neuron[0], "neuron", mode="none"), flat_circuit(CELLS[0]))
    assert report.match and "mem" in report.nets.values()
