"""What is wrong with a user's cell is said with file, key and remedy, exit code 2, at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from codesign.cli import cli

from .external import NEURON, NEURON_TABLE, SYNAPSE, SYNAPSE_TABLE, N, write_design

SECONDS = 10.0


def refused(path: Path) -> str:
    """What `codesign generate` says; it must refuse the design at once."""
    start = time.perf_counter()
    result = CliRunner().invoke(
        cli, ["generate", str(path), "--run-dir", str(path.parent / "build")]
    )
    assert result.exit_code == 2, result.output
    assert time.perf_counter() - start < SECONDS
    assert "Traceback" not in result.output
    return " ".join(result.output.replace("│", " ").split())


def card(text: str) -> str:
    """The synapse with one more card inside."""
    return SYNAPSE.replace(".ends", f"{text}\n.ends")


NETLISTS = {
    "control block": (card(".control\nshell ls\n.endc"), ".control may not be in a netlist"),
    "control outside": (SYNAPSE + ".control\nshell ls\n.endc\n", ".control may not be"),
    "include": (card('.include other.spice'), ".include may not be in a netlist"),
    "lib": (SYNAPSE + ".lib models tt\n", ".lib may not be in a netlist"),
    "shell": (card("R1 d gnd `rm`"), "signs that no netlist needs"),
    "pipe": (card("R1 d gnd 1k | rm"), "no name, number or expression"),
    "command": (card("*# shell ls"), "would command the simulator"),
    "A element": (card("a1 [d] [x] adc"), "element 'a1' may not be in a netlist"),
    "outside": (SYNAPSE + "R1 a b 1k\n", "stands outside a .subckt"),
    "circle": (
        card("X9 d gnd a1x") + ".subckt a1x a b\nX1 a b b1x\n.ends\n.subckt b1x a b\n"
        "X1 a b a1x\n.ends\n",
        "contains itself (a1x -> b1x -> a1x)",
    ),
    "itself": (card("X9 d sp spb vn vp vdd gnd my_synapse"), "contains itself"),
    "unknown subckt": (
        card("X9 d gnd invx") + ".subckt inv a b\nR1 a b 1k\n.ends\n", "did you mean inv?"
    ),
    "unknown device": (
        SYNAPSE.replace("nfet_01v8 ", "nfet_01v8_lvd "), "did you mean 'nfet_01v8_lvt'"
    ),
    "metres": (SYNAPSE.replace("w=1 l=0.15", "w=1u l=0.15u"), "in metres? They are in um"),
    "three nodes": (
        SYNAPSE.replace("Xmn d vn a gnd", "Xmn d vn a"),
        "my.spice:3: Xmn: nfet_01v8 has 3 nodes, it needs 4",
    ),
    "five nodes": (SYNAPSE.replace("d vn a gnd", "d vn a gnd gnd"), "has 5 nodes, it needs 4"),
    "plates": (card("X9 d gnd gnd sky130_fd_pr__cap_mim_m3_1 w=2 l=2"), "3 nodes, it needs 2"),
    "resistor": (card("X9 d gnd sky130_fd_pr__res_xhigh_po w=0.35 l=2"), "2 nodes, it needs 3"),
    "nodes below": (
        card("X9 d gnd one") + f".subckt one a b\nX1 a b b {N} w=1 l=1\n.ends\n",
        "my.spice:10: X1: nfet_01v8 has 3 nodes",
    ),
    "too wide": (
        SYNAPSE.replace("w=1 l=0.25", "w=10000 l=0.25", 1),
        "my.spice:3: Xmn: nfet_01v8 with W = 10000 um: the process allows W <= 1010 um",
    ),
    "too long": (SYNAPSE.replace("w=1 l=0.25", "w=1 l=30", 1), "L <= 20.2 um"),
    "too small": (SYNAPSE.replace("w=1 l=0.15", "w=1 l=0.1"), "the process allows L >= 0.15"),
    "no w": (SYNAPSE.replace("w=1 l=0.15", "l=0.15", 1), "has no w"),
    "no l": (SYNAPSE.replace("w=1 l=0.15", "w=1", 1), "has no l"),
    "reaches nothing": (
        SYNAPSE.replace("vp vdd gnd\n", "vp vdd gnd nc\n"), "port nc reaches nothing"
    ),
    "reaches nothing below": (
        SYNAPSE.replace("vp vdd gnd\n", "vp vdd gnd nc\n").replace(".ends", "X9 d nc one\n.ends")
        + ".subckt one a b\nR1 a a2 1k\nR2 a2 a 1k\n.ends\n",
        "port nc reaches nothing",
    ),
    "simulator's ground": (card("R1 d 0 1k"), "uses the simulator's ground"),
    "global": (".global vcc\n" + card("R1 d vcc 1k"), "global net vcc reaches into my_synapse"),
    "no ends": (SYNAPSE.replace(".ends", ""), "has no .ends"),
    "nothing": ("", "there is no .subckt"),
    "text": ("hello\n", "stands outside a .subckt"),
    "binary": (bytes(range(256)) * 40, "cannot read this netlist"),
    "nul": (SYNAPSE.encode() + b"\0\0\n", "signs that no netlist needs"),
    "latin-1": (SYNAPSE.encode() + "* µm\n".encode("latin-1"), "cannot read this netlist"),
    "few nodes": (card("X9 d one") + ".subckt one a b\nR1 a b 1k\n.ends\n", "connects 1 nodes"),
    "twice": (card("Xmn d gnd one") + ".subckt one a b\nR1 a b 1k\n.ends\n", "element Xmn already"),
    "own models": (
        SYNAPSE + f".subckt {N} d g s b\nR1 d s 1k\nR2 g b 1\n.ends\n", "name of the process"
    ),
    "no model": (card("D1 d gnd dx"), "has no model 'dx'"),
    "model from file": (card("D1 d gnd dx\n.model dx d(file=a)"), "no files"),
    "model of a kind": (card(".model dx nbjt(is=1)"), "this model card may not be"),
    "outside net": (card("B1 d gnd i='v(xtop.vdd)'"), "no net 'xtop.vdd'"),
    "reads a file": (card("V1 d gnd file=/etc/passwd"), "would read a file"),
    "quotes": (card("R1 d gnd r='1+2"), "quotes or braces do not pair"),
    "continuations": (card("R1 d gnd 1k\n" + "+ \n" * 300_000 + "+ r="), "needs a name"),
    "many nodes": (card("X1\n" + "+ a\n" * 300_000 + "+ one"), "calls one"),
    "nested": (
        card("X9 d gnd s0") + "".join(
            f".subckt s{k} a b\nX1 a b s{k + 1}\n.ends\n" for k in range(2000)
        ) + ".subckt s2000 a b\nR1 a b 1k\n.ends\n",
        "nested more than 50 deep",
    ),
    "nested from below": (
        card("".join(f"X9{k} d gnd s{k}\n" for k in range(2000, -1, -1))) + "".join(
            f".subckt s{k} a b\nX1 a b s{k + 1}\n.ends\n" for k in range(2000)
        ) + ".subckt s2000 a b\nR1 a b 1k\n.ends\n",
        "nested more than 50 deep",
    ),
    "exponential": (
        card("X9 d gnd s0") + "".join(
            f".subckt s{k} a b\nX1 a b s{k + 1}\nX2 a b s{k + 1}\n.ends\n" for k in range(40)
        ) + ".subckt s40 a b\nR1 a b 1k\n.ends\n",
        "elements when its subcircuits are expanded",
    ),
    "long expression": (card(f"R1 d gnd r='{'1+' * 50_000}1'"), "expression of 100003 characters"),
    "long number": (SYNAPSE.replace("l=0.15", f"l={'1' * 400}"), "is not finite"),
    "longer number": (SYNAPSE.replace("l=0.15", f"l={'1' * 4000}"), "of 4000 characters"),
    "no source": (card("F1 d gnd vx 1"), "has no source 'vx'"),
    "long model": (card(".model a " + "d" * 400_000 + "(" + " " * 400_000 + "x"), "model card"),
    "model of spaces": (card(".model a d " + " " * 400_000 + "( x"), "its parameters are"),
    "many words": (card("R1 " + "d " * 1_500_000), "characters; up to 2000000"),
    "equals": (card("R1 d gnd " + "=" * 1_000_000), "needs a name"),
    "open quotes": (card("R1 d gnd " + "'{" * 300_000), "quotes or braces"),
    "unknown parameter": (SYNAPSE.replace("l=0.15", "l={len}", 1), "parameter len is not defined"),
    "passed parameter": (
        card("X9 d gnd one ww=1") + ".subckt one a b w=1\nR1 a b {w}\n.ends\n", "no parameter ww"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETLISTS)
def test_a_netlist_that_breaks_the_rules_is_refused(tmp_path, name):
    netlist, message = NETLISTS[name]
    said = refused(write_design(tmp_path, netlist))
    assert message in said
    assert "my.spice" in said


@pytest.mark.parametrize(
    ("off", "size", "message"),
    [
        ("0", "w_n", "knobs.n.off (w_n = 0): netlist"),
        ("0.1", "w_n", "knobs.n.off (w_n = 0.1): netlist"),
        ("0.5", "'1/(w_n-0.5)'", "knobs.n.off (w_n = 0.5): netlist"),
        ("0.5", "'w_n*1e3'", "knobs.n.range (w_n = 1"),
    ],
)
def test_what_is_wrong_at_a_knobs_value_names_the_knob(tmp_path, off, size, message):
    netlist = SYNAPSE.replace("w=1", f"w={size}", 1).replace("vp vdd gnd", "vp vdd gnd w_n=1", 1)
    table = SYNAPSE_TABLE.replace('port = "vn"\noff = "0V"\nrange = ["0.2V", "0.8V"]',
                                  f'parameter = "w_n"\noff = {off}\nrange = [1, 2]')  # fmt: skip
    table = table.replace("[network", 'biases = { vn = "1V" }\n[network', 1)
    said = refused(write_design(tmp_path, netlist, table))
    assert message in said
    assert ".spice:3: Xmn" in said
    assert "choose " + message.split(" ")[0].rpartition(".")[2] in said


TABLES = {
    "missing port": (('spike = "sp"', 'spike = "spp"'), "ports.spike", "did you mean sp"),
    "floating port": ((', ground = "gnd"', ""), "ports", "port gnd", "would float"),
    "two roles": (('"spb"', '"sp"'), "port sp", "already"),
    "unknown subckt": (('"my_synapse"', '"my_synaps"'), "did you mean my_synapse?"),
    "knob neither": (('port = "vn"\n', ""), "knobs.n", "either port", "parameter"),
    "knob both": (('port = "vn"\n', 'port = "vn"\nparameter = "w"\n'), "knobs.n", "either port"),
    "off missing": (('off = "0V"\n', ""), "knobs.n.off", "is missing"),
    "range missing": (('range = ["0.2V", "0.8V"]\n', ""), "knobs.n.range", "is missing"),
    "range reversed": (('["0.2V", "0.8V"]', '["0.8V", "0.2V"]'), "knobs.n", "is empty"),
    "range in metres": (('["0.2V", "0.8V"]', '["0.2um", "0.8um"]'), "knobs.n", "is not in V"),
    "range of kilovolts": (('"0.8V"]', '"0.8kV"]'), "knobs.n", "within 5 V"),
    "parameter lacks": (
        ('port = "vn"\noff = "0V"\nrange = ["0.2V", "0.8V"]',
         'parameter = "w"\noff = 0\nrange = [1, 2]'),
        "no parameter 'w'", "none",
    ),
    "range of three": (('"0.8V"]', '"0.8V", "1V"]'), "knobs.n.range: takes up to 2 values, has 3"),
    "range of one": ((', "0.8V"]', "]"), "knobs.n.range: needs 2 values, has 1"),
    "range as text": (
        ('["0.2V", "0.8V"]', '"0.2V..0.8V"'), "knobs.n.range: needs a list of values",
    ),
    "unknown kind": (('"external"', '"divider"'), "unknown kind 'divider'", "--plugin FILE"),
    "off inside": (
        ('off = "0V"', 'off = "0.5V"'), "knobs.n", "off = 0.5 V is inside range = [0.2 V, 0.8 V]",
    ),
    "off inside at supply": (
        ('["0.2V", "0.8V"]', '["-0.2V", "supply"]'), "knobs.n", "range = [-0.2 V, 1.8 V]",
    ),
    "polarity": (("knobs.n]", "knobs.x]"), "knobs", "'n' or 'p'"),
    "no spikes": (
        ('spike = "sp", spike_bar = "spb", supply = "vdd", ground = "gnd" }',
         'supply = "vdd", ground = "gnd" }\nbiases = { sp = "0V", spb = "0V" }'),
        "network.synapse", "needs spike, spike_bar or both",
    ),
    "absolute": (('"my.spice"', '"/etc/passwd"'), "netlist", "outside of the design file's folder"),
    "above": (('"my.spice"', '"../my.spice"'), "netlist", "outside of the design file's folder"),
    "missing": (('"my.spice"', '"your.spice"'), "your.spice", "no such netlist"),
    "newline": (('"my.spice"', '"a\\nb.spice"'), "network.synapse.netlist"),
    "layout missing": (("ports =", 'layout = "my.gds"\nports ='), "my.gds"),
    "layout above": (("ports =", 'layout = "../my.gds"\nports ='), "layout", "outside"),
    "layout no GDS": (("ports =", 'layout = "my.spice"\nports ='), "layout", "no GDS"),
    "unknown knob key": (('off = "0V"', 'of = "0V"'), "knobs.n.of", "did you mean off?"),
    "unknown key": (("ports =", "polarity = 1\nports ="), "network.synapse.polarity", "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_does_not_fit_is_refused(tmp_path, name):
    (old, new), *messages = TABLES[name]
    assert old in SYNAPSE_TABLE
    said = refused(write_design(tmp_path, table=SYNAPSE_TABLE.replace(old, new, 1)))
    for message in ("design.toml", *messages):
        assert message in said


def test_a_folder_is_no_netlist(tmp_path):
    path = write_design(tmp_path)
    (tmp_path / "my.spice").unlink()
    (tmp_path / "my.spice").mkdir()
    assert "is a folder" in refused(path)


def test_a_link_out_of_the_folder_is_no_netlist(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    path = write_design(inside)
    (inside / "my.spice").rename(tmp_path / "my.spice")
    (inside / "my.spice").symlink_to(tmp_path / "my.spice")
    assert "outside of the design file's folder" in refused(path)


NEURONS = {
    "falling edges": (('["2ns", "95ns"]', '["95ns", "2ns"]'), "controls.rst", "edges must rise"),
    "one edge": (('["2ns", "95ns"]', '["2ns"]'), "rst.edges: needs at least 2 values"),
    "three edges": (('["2ns", "95ns"]', '["2ns", "9ns", "95ns"]'), "controls.rst", "in pairs"),
    "late edges": (('"2100ns"]', '"2300ns"]'), "controls.ph", "beyond the period"),
    "early cut": (('v0 = "1.3V"\n', 'v0 = "1.3V"\naccumulation_end = "50ns"\n'), "not within"),
    "near edges": (('"2100ns"]', '"1100.5ns"]'), "controls.ph", "nearer than timing.t_edge"),
    "control port": (("controls.ph]", "controls.phi]"), "controls.phi", "did you mean ph?"),
    "membrane": (('v0 = "1.3V"\n', 'v0 = "1.3V"\nmembrane = "mem"\n'), "membrane", "no node 'mem'"),
    "membrane in": (('v0 = "1.3V"\n', 'v0 = "1.3V"\nmembrane = "x7.a"\n'), "no subcircuit"),
    "membrane path": (('v0 = "1.3V"\n', 'v0 = "1.3V"\nmembrane = "a;b"\n'), "membrane", "no node"),
    "membrane bias": (('v0 = "1.3V"\n', 'v0 = "1.3V"\nmembrane = "vdis"\n'), "not the dendrite"),
    "no spike": (('spike = "sp", ', ""), "network.neuron.ports.spike", "is missing"),
    "v0 above": (('v0 = "1.3V"\n', 'v0 = "1.9V"\n'), "v0 = 1.9 V is above the supply, 1.8 V"),
    "equal levels": (('["supply", "0V"]', '["supply", "1.8V"]'), "controls.rst.levels: 1.8 V at"),
    "no v0": (('v0 = "1.3V"\n', ""), "network.neuron.v0", "is missing"),
    "bias": (('vdis = "0.6V"', 'vdis = "0.6kV"'), "network.neuron.biases.vdis"),
    "needed line": (('spike_bar = "spb", ', ""), "would float"),
}  # fmt: skip


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_that_does_not_fit_is_refused(tmp_path, name):
    (old, new), *messages = NEURONS[name]
    assert old in NEURON_TABLE
    table = NEURON_TABLE.replace(old, new, 1)
    said = refused(write_design(tmp_path, neuron=NEURON, neuron_table=table))
    for message in ("design.toml", *messages):
        assert message in said


def test_a_synapse_needs_the_lines_that_its_neuron_drives(tmp_path):
    neuron = NEURON.replace("my_neuron d sp spb", "my_neuron d sp")
    table = NEURON_TABLE.replace('spike_bar = "spb", ', "")
    said = refused(write_design(tmp_path, neuron=neuron, neuron_table=table))
    assert "the synapse needs a line (spb)" in said
