"""A user's own cells: read, written out under names that meet none of ours, simulated."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from codesign.bench import Setup
from codesign.bench.decks import DeckBuilder
from codesign.bench.nodes import membrane_node, voltage
from codesign.bench.programmed import trained_netlist
from codesign.cells import CurrentSourceSynapseParameters, NetworkParameters
from codesign.cells.transistor import nmos, pmos
from codesign.cli import cli
from codesign.designs.network import Design
from codesign.pdk import Device
from codesign.spice import OperatingPoint, Transient, run_batch
from codesign.spice.expressions import evaluate
from codesign.spice.netlist import parse_netlist

from .external import NEURON, NEURON_TABLE, SYNAPSE, SYNAPSE_TABLE, N, P, write_design

XSCHEM = f"""\ufeff** sch_path: /home/me/my_synapse.sch
.subckt MY_SYNAPSE D SP SPB VN VP VDD GND
*.PININFO D:B SP:I SPB:I
XM1 D VN net1 GND {N} L=0.25 W=1 nf=1 ad='int((nf+1)/2) * W/nf * 0.29'
+ as='int((nf+2)/2) * W/nf * 0.29'
+ pd='2*int((nf+1)/2) * (W/nf + 0.29)'
+ ps='2*int((nf+2)/2) * (W/nf + 0.29)' nrd='0.29 / W' nrs='0.29 / W'
+ sa=0 sb=0 sd=0 mult=1 m=1
XM2 net1 SP GND GND {N.upper()} L = 0.15 W = 1 nf=1 ; selector
* a comment between
XM3 D VP net#2 VDD {P} L='0.1 + 0.15' W=1 nf=1
XM4 net#2 SPB VDD VDD {P} L=150e-3 W={{2*0.5}} $ selector
.ends
.GLOBAL GND
.end
""".replace("\n", "\r\n")

BELOW = f"""
.subckt my_synapse d sp spb vn vp vdd gnd
Xn d vn sp gnd gnd branch_n ww=1
Xp d vp spb vdd branch_p
.ends
.subckt branch_n d g s rail bulk ww=2 ll='ww/4'
.param sel='0.1+0.05'
Xm d g a bulk {N} w={{ww}} l={{ll}}
Xs a s rail bulk {N} w={{ww}} l={{sel}}
.ends
.subckt branch_p d g s vdd
Xin d g a vdd fet_p
Xs a s vdd vdd {P} w=1 l=0.15
.ends
.subckt fet_p d g s b
X1 d g s b {P} w=1 l=0.25
.ends
"""


def load(folder: Path, *args, **kwargs) -> Design:
    return Design.load(write_design(folder, *args, **kwargs))


def run(builder: DeckBuilder, analysis):
    process = builder.setup.process
    return run_batch(builder.deck(), analysis, process=process, timeout_s=120).require()


def pulled(setup: Setup, values: dict | None = None, parameters: dict | None = None) -> float:
    """DC current that a synapse takes out of a dendrite at 1 V, A; its spike line is high."""
    synapse = setup.synapse
    builder = DeckBuilder(setup, "one synapse").place("s", synapse, values=parameters)
    given = {"vdd": 1.8, "vss": 0.0, "dend": 1.0, "sp": 1.8, "spb": 0.0}
    given |= dict(synapse.static) | (values or {})
    for port in synapse.port_names:
        builder.source(f"v{port}", port, given[port])
    wave = run(builder, OperatingPoint(("i(vdend)",)))
    return -float(wave["i(vdend)"][0])


@pytest.fixture
def ngspice(requires_ngspice, requires_models):
    return requires_ngspice


@pytest.mark.parametrize("netlist", [SYNAPSE, XSCHEM, BELOW], ids=["plain", "xschem", "below"])
def test_a_users_synapse_carries_what_the_same_circuit_of_ours_does(tmp_path, ngspice, netlist):
    theirs = load(tmp_path, netlist).setup()
    memory, selector = nmos(1, 0.25), nmos(1, 0.15)
    own = CurrentSourceSynapseParameters(
        memory_n=memory, selector_n=selector, memory_p=pmos(1, 0.25), selector_p=pmos(1, 0.15)
    )
    ours = Setup(network=NetworkParameters(layers=(5, 2, 3), synapse=own))
    for biases in ({"bn": 0.5, "bp": 1.8}, {"bn": 0.0, "bp": 1.2}):
        found, wanted = pulled(theirs, biases), pulled(ours, biases)
        assert abs(wanted) > 1e-9
        assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("netlist", [SYNAPSE, XSCHEM, BELOW], ids=["plain", "xschem", "below"])
def test_sizes_are_those_of_the_expanded_cell(tmp_path, netlist):
    design = load(tmp_path, netlist)
    assert design.network.synapse.cell().devices() == {
        Device(model, 1.0, length)
        for model in ("nfet_01v8", "pfet_01v8")
        for length in (0.15, 0.25)
    }


def test_generate_writes_every_cell_under_names_of_its_own(tmp_path):
    path = write_design(tmp_path, XSCHEM, neuron=NEURON)
    result = CliRunner().invoke(cli, ["generate", str(path), "--run-dir", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    text = (tmp_path / "run" / "netlist" / "mine.spice").read_text()
    read = parse_netlist(text, "mine")
    for cell in ("synapse_my_synapse", "neuron_my_neuron", "neuron_inv", "synapse", "mine"):
        assert cell in read.subcircuits
    inside = read.subcircuit("synapse_my_synapse")
    assert inside.ports == ("d", "sp", "spb", "vn", "vp", "vdd", "n_gnd")
    nodes = {node for cell in read.subcircuits.values() for e in cell.elements for node in e.nodes}
    assert not nodes & {"gnd", "0"}


def test_the_network_of_a_users_cells_runs(tmp_path, ngspice):
    setup = load(tmp_path, XSCHEM, neuron=NEURON).setup()
    builder = DeckBuilder(setup, "column").supplies().controls((0.0,)).neuron()
    builder.zero_weight_column(5).line_load(3)
    for i in range(1, 6):
        builder.pulse(i, [0.5], (0.0,)).input_driver(i)
    vectors = (voltage(membrane_node(setup.neuron)), "v(out)", "v(outb)")
    wave = run(builder, Transient(2.2e-6, 2e-9, vectors))
    time, membrane = wave["time"], wave[vectors[0]]
    assert membrane[np.searchsorted(time, 90e-9)] == pytest.approx(1.3, abs=0.02)
    # The discharger pulls the membrane down while it fires; the spike line follows.
    assert membrane[-1] < 0.9
    assert wave["v(out)"][np.searchsorted(time, 1e-6)] + wave["v(outb)"][-1] > 1.7


def test_a_knob_may_be_a_parameter(tmp_path, ngspice):
    netlist = SYNAPSE.replace("vn vp vdd gnd", "vn vdd gnd mult_n=0 w_p=0.5").replace(
        f"Xmn d vn a gnd {N} w=1", f"Xmn d vn a gnd {N} m={{mult_n+1e-6}} w=1"
    ).replace(f"Xmp d vp b vdd {P} w=1", f"Xmp d gnd b vdd {P} w={{max(w_p, 0.42)}}")
    table = SYNAPSE_TABLE.partition("[")[0] + (
        'biases = { vn = "0.5V" }\n[network.synapse.knobs.n]\nparameter = "MULT_N"\noff = 0\n'
        'range = [1, 20]\n[network.synapse.knobs.p]\nparameter = "w_p"\noff = "0.42"\n'
        'range = [0.5, 5]\npoints = 50\n'
    )
    design = load(tmp_path, netlist, table)
    synapse = design.network.synapse.cell()
    assert synapse.port_names == ("dend", "sp", "spb", "s_vn", "vdd", "vss")
    assert synapse.static == {"s_vn": 0.5}
    assert synapse.off_values == {"wn": 0.0, "wp": 0.42}
    widths = {d.w_um for d in synapse.devices() if d.model == "pfet_01v8"}
    assert {0.42, 0.5, 5.0} <= widths and len(widths) > 40
    setup = design.setup()
    weak, strong = (
        pulled(setup, {"spb": 1.8}, {"wn": value, "wp": 0.42}) for value in (1.0, 3.0)
    )
    assert strong / weak == pytest.approx(3.0, rel=0.01)
    assert pulled(setup, {"spb": 0.0}, {"wn": 0.0, "wp": 2.0}) < -1e-6


@pytest.mark.parametrize(
    ("polarity", "spike"), [("n", "spike"), ("p", "spike_bar")], ids=["n", "p"]
)
def test_one_polarity_and_one_line_are_enough(tmp_path, ngspice, polarity, spike):
    if polarity == "n":
        cards = f"Xm d v a gnd {N} w=1 l=0.25\nXs a s gnd gnd {N} w=1 l=0.15"
        rail, role, knob = "gnd", "ground", '"0V"\nrange = ["0.2V", "0.8V"]'
    else:
        cards = f"Xm d v a vdd {P} w=1 l=0.25\nXs a s vdd vdd {P} w=1 l=0.15"
        rail, role, knob = "vdd", "supply", '"supply"\nrange = ["0.8V", "supply"]'
    table = (
        f'kind = "external"\nnetlist = "my.spice"\nsubckt = "half"\n'
        f'ports = {{ dendrite = "d", {spike} = "s", {role} = "{rail}" }}\n'
        f'[network.synapse.knobs.{polarity}]\nport = "v"\noff = {knob}\n'
    )
    design = load(tmp_path, f".subckt half d s v {rail}\n{cards}\n.ends\n", table)
    synapse = design.network.synapse.cell()
    assert synapse.signs == {"n": "positive", "p": "negative"}[polarity]
    line = {"spike": "sp", "spike_bar": "spb"}[spike]
    assert set(synapse.port_names) == {
        *("dend", line, f"b{polarity}"), {"n": "vss", "p": "vdd"}[polarity]
    }  # fmt: skip
    found = pulled(design.setup(), {f"b{polarity}": {"n": 0.5, "p": 1.2}[polarity]})
    assert found > 1e-9 if polarity == "n" else found < -1e-9
    # The crossbar and the network still have both lines.
    assert "spb_1" in design.setup().cell.crossbars[0].port_names


MEMBRANE = f"""
.subckt my_neuron d sp spb rst ph vdis v0 vdd gnd
Xcore d sp spb rst ph vdis v0 vdd gnd core
.ends
.subckt core d sp spb rst ph vdis v0 vdd gnd
Rgate d q 10k
Xmem rst v0 vdd gnd q cap
Xd q vdis x gnd {N} w=1 l=2
Xs x ph gnd gnd {N} w=0.42 l=0.15
X1 q spb vdd gnd inv
X2 spb sp vdd gnd inv
.ends
.subckt cap rst v0 vdd gnd q
Rm q 5 1k
Cm 5 gnd 150f
Xr 5 rst v0 vdd {P} w=0.84 l=0.15
.ends
""" + NEURON[NEURON.index(".subckt inv") :]


@pytest.mark.parametrize(
    ("membrane", "node"),
    [
        ("xcore.q", "xcell.xcore.q"),
        ("XCORE.Xmem.q", "xcell.xcore.q"),
        ("xcore.xmem.5", "xcell.xcore.xmem.n_5"),
        ("xcore.x1.a", "xcell.xcore.q"),
        ("d", None),
        ("xcore.d", None),
    ],
)
def test_the_membrane_may_be_any_node_inside(tmp_path, ngspice, membrane, node):
    table = NEURON_TABLE.replace('v0 = "1.3V"\n', f'v0 = "1.3V"\nmembrane = "{membrane}"\n', 1)
    setup = load(tmp_path, neuron=MEMBRANE, neuron_table=table).setup()
    assert setup.neuron.membrane == node
    saved = membrane_node(setup.neuron)
    builder = DeckBuilder(setup, "neuron").supplies().controls((0.0,)).neuron()
    wave = run(builder, Transient(200e-9, 2e-9, (voltage(saved),)))
    assert wave[voltage(saved)][-1] == pytest.approx(1.3, abs=0.05)


def test_expressions_follow_the_names_of_nets(tmp_path, ngspice):
    # 1 V of the dendrite over 1 Mohm, and a copy of what flows into the dummy.
    netlist = (
        ".subckt ideal D! sp vn gnd\nB1 D! gnd i='v(D!, gnd)/1e6 * (v(vn) > 0.1)'\n"
        "R1 sp gnd 1meg\nVs-1 vn x 0\nR2 x gnd 1meg\nF1 D! gnd Vs-1 2\n.ends\n"
    )
    table = (
        'kind = "external"\nnetlist = "my.spice"\nsubckt = "ideal"\n'
        'ports = { dendrite = "d!", spike = "sp", ground = "gnd" }\n'
        '[network.synapse.knobs.n]\nport = "vn"\noff = 0\nrange = [0.2, 0.8]\n'
    )
    setup = load(tmp_path, netlist, table).setup()
    assert pulled(setup, {"bn": 0.5}) == pytest.approx(2e-6, rel=1e-3)


def test_a_trained_network_of_device_values_runs(tmp_path, ngspice):
    netlist = (
        ".subckt g d sp gnd cond=0\nR1 d a r='1/(cond+1e-15)'\n"
        f"Xs a sp gnd gnd {N} w=1\n+ l=0.15\n.ends\n"
    )
    table = (
        'kind = "external"\nnetlist = "my.spice"\nsubckt = "g"\n'
        'ports = { dendrite = "d", spike = "sp", ground = "gnd" }\n'
        '[network.synapse.knobs.n]\nparameter = "cond"\noff = "0S"\nrange = ["1nS", "1uS"]\n'
    )
    setup = load(tmp_path, netlist, table).setup()
    values = [{"n": np.full(shape, 1e-7)} for shape in ((2, 5), (3, 2))]
    text = trained_netlist(setup, values)
    read = parse_netlist(text, "trained")
    assert "crossbar_5x2_1" in read.subcircuits and "mine_trained" in read.subcircuits
    parameters = dict(read.subcircuit("crossbar_5x2_1").elements[0].parameters)
    assert float(parameters["wn"]) == 1e-7
    # One synapse: the conductance is what it was set to.
    assert pulled(setup, parameters={"wn": 1e-7}) == pytest.approx(1e-7, rel=0.02)
    assert abs(pulled(setup, parameters={"wn": 0.0})) < 1e-10


def test_a_cell_survives_the_way_to_a_worker_and_other_values(tmp_path):
    design = load(tmp_path, neuron=NEURON)
    copied = pickle.loads(pickle.dumps(design.setup()))
    assert copied.cell.netlist() == design.setup().cell.netlist()
    assert design.with_seed(7).setup().cell.netlist() == design.setup().cell.netlist()


def test_the_flow_knows_the_files_of_a_cell(tmp_path):
    design = load(tmp_path, neuron=NEURON)
    assert {name for name, _ in design.files("network")} >= {"my.spice", "neuron.spice"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.42", 0.42), ("1.5meg", 1.5e6), ("10k", 1e4), ("{max(l_n, 2)}", 5.0),
        ("'int((nf+1)/2) * w/nf * 0.29'", 0.58), ("1e-3m", 1e-6), ("2^3", 8.0),
        ("1 + 10*(l_n < 2)", 1.0), ("-l_n", -5.0),
    ],
)  # fmt: skip
def test_expressions(text, value):
    assert evaluate(text, {"nf": 2.0, "w": 4.0, "l_n": 5.0}) == pytest.approx(value)
